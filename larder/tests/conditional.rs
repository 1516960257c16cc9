//! Conditional writes of typed values: raced, and with answers that get lost.

#![cfg(feature = "memory")]

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use integration_tests::faults::{Scripted, on};
use larder::{
    Bytes, Cache, Condition, Larder, MemoryCache, Namespace, Result, SetOptions, Typed,
    cache_api::Op,
    envelope::{Kind, Stamp},
};

const MINUTE: Duration = Duration::from_secs(60);

async fn winners(racers: usize, jobs: &Typed<usize>, planted: Option<Bytes>) -> Result<usize> {
    if let Some(planted) = planted {
        jobs.space().raw().set("job", planted).forever().await?;
    } else {
        jobs.delete("job").await?;
    }
    let tasks: Vec<_> = (0..racers)
        .map(|racer| tokio::spawn(jobs.set("job", &racer).ttl(MINUTE).if_absent().into_future()))
        .collect();
    let mut winner = None;
    let mut winners = 0;
    for (racer, task) in tasks.into_iter().enumerate() {
        if task.await.expect("nothing panics")? {
            winners += 1;
            winner = Some(racer);
        }
    }
    assert_eq!(jobs.get("job").await?, winner);
    Ok(winners)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn if_absent_has_one_winner_whatever_stood_there() {
    let larder = Larder::new(MemoryCache::builder().build());
    let jobs = larder.namespace("jobs").unwrap().typed::<usize>();
    let lease = Stamp::new(Kind::Lease).to_bytes();
    let dead = [&Stamp::new(Kind::Value).to_bytes()[..], b"cut short"].concat();
    for _ in 0..200 {
        assert_eq!(winners(8, &jobs, None).await.unwrap(), 1);
        assert_eq!(winners(8, &jobs, Some(Bytes::copy_from_slice(&lease))).await.unwrap(), 1);
        assert_eq!(winners(8, &jobs, Some(dead.clone().into())).await.unwrap(), 1);
        assert_eq!(winners(8, &jobs, Some(Bytes::from_static(b"foreign"))).await.unwrap(), 1);
    }
    // The control: to look first and then write has several.
    let naive = async |racer: usize| {
        if jobs.get("naive").await.unwrap().is_some() {
            return false;
        }
        tokio::task::yield_now().await;
        jobs.set("naive", &racer).ttl(MINUTE).await.unwrap()
    };
    let (a, b, c) = tokio::join!(naive(1), naive(2), naive(3));
    assert!([a, b, c].into_iter().filter(|&won| won).count() > 1);
}

/// A store of jobs that a test directs.
fn jobs() -> (Scripted, Typed<u8>) {
    let store = Scripted::new(Arc::new(MemoryCache::builder().build()));
    let larder = Larder::new(store.clone());
    (store, larder.namespace("jobs").expect("it is a name").typed())
}

#[tokio::test]
async fn a_lost_answer_is_found_out() {
    let (store, jobs) = jobs();
    store.lose_reply(Op::Set);
    assert!(jobs.set("k", &1).ttl(MINUTE).if_absent().await.unwrap());
    assert!(!jobs.set("k", &2).ttl(MINUTE).if_absent().await.unwrap());
    store.lose_reply(Op::Set);
    assert!(jobs.set("k", &3).ttl(MINUTE).if_present().await.unwrap());
    assert_eq!(jobs.get("k").await.unwrap(), Some(3));
}

/// Over nothing, or over any value, it may land later: sent again it could land behind what follows.
#[tokio::test]
async fn a_lost_request_is_not_repeated_and_says_that_it_may_stand() {
    let (store, jobs) = jobs();
    for present in [false, true] {
        store.lose_request(Op::Set);
        store.clear_log();
        let set = jobs.set("k", &1).ttl(MINUTE);
        let error = if present { set.if_present() } else { set.if_absent() }.await.unwrap_err();
        assert!(error.may_have_applied(), "{error}");
        assert_eq!(store.calls(Op::Set), 1);
        jobs.set("k", &0).ttl(MINUTE).await.unwrap();
    }
}

/// The control: to repeat a conditional write blindly takes its own value for another's.
#[tokio::test]
async fn a_blind_repetition_is_refused_by_itself() {
    let (store, _) = jobs();
    store.lose_reply(Op::Set);
    let key = Namespace::new("jobs").unwrap().key("k").unwrap();
    let options = SetOptions::new(MINUTE).when(Condition::Absent);
    assert!(store.set(&key, "mine".into(), options).await.is_err());
    let again = store.set(&key, "mine".into(), options).await.unwrap();
    assert!(!again.is_stored());
}

#[tokio::test]
async fn a_plain_set_is_not_repeated_and_says_that_it_may_stand() {
    let (store, jobs) = jobs();
    store.lose_reply(Op::Set);
    let error = jobs.set("k", &1).ttl(MINUTE).await.unwrap_err();
    assert!(error.may_have_applied());
    assert_eq!(store.calls(Op::Set), 1);
    assert_eq!(jobs.space().larder().stats().errors, 1);
}

#[tokio::test(start_paused = true)]
async fn an_if_present_that_stays_unknown_leaves_the_old_value() {
    let (store, jobs) = jobs();
    jobs.set("k", &1).ttl(MINUTE).await.unwrap();
    store.lose_request(on(Op::Set).always());
    let error = jobs.set("k", &2).ttl(MINUTE).if_present().await.unwrap_err();
    assert!(error.may_have_applied());
    assert_eq!(jobs.get("k").await.unwrap(), Some(1));
}

#[tokio::test]
async fn a_write_that_is_dropped_at_any_await_happens_whole_or_not_at_all() {
    let (store, jobs) = jobs();
    store.hesitate();
    let lease = Stamp::new(Kind::Lease).to_bytes();
    let mut outcomes = Vec::new();
    for polls in 0..20 {
        let planted = Bytes::copy_from_slice(&lease);
        jobs.space().raw().set("k", planted).forever().await.unwrap();
        let mut dropped = jobs.set("k", &1).ttl(MINUTE).if_absent().into_future();
        let done = (0..polls).any(|_| (&mut dropped).now_or_never().is_some());
        drop(dropped);
        let second = jobs.set("k", &2).ttl(MINUTE).if_absent().await.unwrap();
        assert!(!(done && second), "polled {polls} times");
        assert_eq!(jobs.get("k").await.unwrap(), Some(if second { 2 } else { 1 }));
        outcomes.push((done, second));
    }
    // It was dropped before the write, between the write and its answer, and not at all.
    for outcome in [(false, true), (false, false), (true, false)] {
        assert!(outcomes.contains(&outcome), "{outcomes:?}");
    }
}
