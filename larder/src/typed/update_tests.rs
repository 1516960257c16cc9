//! Changes that depend on what stands there, alone and among many.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use bytes::Bytes;
use cache_api::{Cache as _, Error, Op, Remaining};
use futures_util::{FutureExt, future::join_all};
use integration_tests::faults::{full, on};

use crate::{
    Larder, Reserved, Typed,
    envelope::{Kind, Stamp},
    testing::{Bench, bench, dropped_after},
};

const MINUTE: Duration = Duration::from_secs(60);

impl Bench {
    fn counts(&self) -> Typed<u64> {
        self.space().typed().default_ttl(MINUTE)
    }
}

fn plus_one(old: Option<u64>) -> Option<u64> {
    Some(old.unwrap_or(0) + 1)
}

#[tokio::test]
async fn it_makes_changes_and_removes() {
    let bench = bench();
    let counts = bench.counts();
    assert_eq!(counts.update("k", plus_one).await.unwrap(), Some(1));
    assert_eq!(counts.update("k", plus_one).await.unwrap(), Some(2));
    assert_eq!(counts.get("k").await.unwrap(), Some(2));
    assert_eq!(counts.update("k", |_| None).await.unwrap(), None);
    assert_eq!(bench.keys().await, Vec::<String>::new());
    bench.store.clear_log();
    assert_eq!(counts.update("k", |old| old).await.unwrap(), None);
    assert_eq!(bench.store.log().len(), 1, "there was nothing to remove");
    counts.set("k", &7).await.unwrap();
    bench.store.clear_log();
    assert_eq!(counts.update("k", plus_one).await.unwrap(), Some(8));
    let calls: Vec<_> = bench.store.log().into_iter().map(|(op, _)| op).collect();
    assert_eq!(calls, [Op::Get, Op::Set]);
}

#[tokio::test]
async fn how_long_it_lives_must_be_said() {
    let bench = bench();
    let counts = bench.space().typed::<u64>();
    for keep in [false, true] {
        let update = counts.update("k", plus_one);
        let error = if keep { update.keep_ttl() } else { update }.await.unwrap_err();
        assert!(error.to_string().contains(".ttl(..)"), "{error}");
    }
    counts.update("k", plus_one).ttl(MINUTE).keep_ttl().await.unwrap();
    bench.clock.advance(MINUTE / 3);
    counts.update("k", plus_one).keep_ttl().await.unwrap();
    assert_eq!(counts.ttl("k").await.unwrap(), Remaining::For(MINUTE * 2 / 3));
    bench.clock.advance(MINUTE / 3);
    counts.update("k", plus_one).ttl(MINUTE * 9).keep_ttl().await.unwrap();
    assert_eq!(counts.ttl("k").await.unwrap(), Remaining::For(MINUTE / 3));
    counts.update("k", plus_one).ttl(MINUTE).await.unwrap();
    assert_eq!(counts.ttl("k").await.unwrap(), Remaining::For(MINUTE));
    counts.update("k", plus_one).forever().await.unwrap();
    counts.update("k", plus_one).keep_ttl().await.unwrap();
    assert_eq!(counts.ttl("k").await.unwrap(), Remaining::Never);

    // With a time in which it may be served stale, which the store keeps on top.
    let counts = counts.stale_for(MINUTE);
    counts.update("s", plus_one).ttl(MINUTE).await.unwrap();
    bench.clock.advance(MINUTE / 3);
    counts.update("s", plus_one).keep_ttl().await.unwrap();
    assert_eq!(counts.ttl("s").await.unwrap(), Remaining::For(MINUTE * 2 / 3));
    bench.clock.advance(MINUTE);
    assert_eq!(counts.get("s").await.unwrap(), None, "it is stale");
    let load = || async { Err::<u64, _>("down") };
    let asked = counts.get_or_load("s", load).ttl(MINUTE).await;
    assert_eq!(asked.unwrap(), 2);
    // Past its time, it is nothing to build on.
    assert_eq!(counts.update("s", plus_one).ttl(MINUTE).await.unwrap(), Some(1));
}

#[tokio::test]
async fn the_tags_of_the_old_value_stay_and_an_invalidation_in_between_wins() {
    let bench = bench();
    let counts = bench.counts();
    counts.set("k", &1).tag("old").await.unwrap();
    counts.clone().tag("handle").update("k", plus_one).tag("new").await.unwrap();
    for tag in ["old", "handle", "new"] {
        counts.update("k", plus_one).await.unwrap();
        assert!(counts.get("k").await.unwrap().is_some());
        counts.invalidate_tag(tag).await.applied().unwrap();
        assert_eq!(counts.get("k").await.unwrap(), None, "{tag}");
        counts.set("k", &1).tag("old").await.unwrap();
        counts.clone().tag("handle").update("k", plus_one).tag("new").await.unwrap();
    }
    // Between the look and the write: a tag, and the key.
    for invalidate_key in [false, true] {
        let gate = bench.store.hold(on(Op::Set).key(|key| key.as_bytes() == b"n:k"));
        let update = tokio::spawn(counts.update("k", plus_one).into_future());
        gate.arrived().await;
        if invalidate_key {
            counts.invalidate("k").await.applied().unwrap();
        } else {
            counts.invalidate_tag("old").await.applied().unwrap();
        }
        gate.release();
        let made = bench.passing(update).await.unwrap().unwrap();
        if invalidate_key {
            // It was made again, on what was true by then.
            assert_eq!((made, counts.get("k").await.unwrap()), (Some(1), Some(1)));
        } else {
            assert_eq!(counts.get("k").await.unwrap(), None, "made from what was invalidated");
        }
        counts.set("k", &5).tag("old").await.unwrap();
    }
}

#[tokio::test]
async fn whoever_is_at_work_there_is_displaced() {
    let bench = bench();
    let counts = bench.counts();
    let Reserved::Ticket(ticket) = counts.reserve("k").await.unwrap() else { panic!() };
    assert_eq!(counts.update("k", plus_one).await.unwrap(), Some(1));
    assert!(!ticket.set(&100).await.unwrap());
    assert_eq!(counts.get("k").await.unwrap(), Some(1));
    counts.delete("k").await.unwrap();

    let (begun, begins) = tokio::sync::oneshot::channel();
    let (go_on, goes_on) = tokio::sync::oneshot::channel::<()>();
    let load = tokio::spawn(
        counts
            .get_or_load("k", || async move {
                begun.send(()).unwrap();
                goes_on.await.unwrap();
                Ok::<_, Infallible>(100)
            })
            .into_future(),
    );
    begins.await.unwrap();
    assert_eq!(counts.update("k", plus_one).await.unwrap(), Some(1));
    go_on.send(()).unwrap();
    assert_eq!(load.await.unwrap().unwrap(), 100, "the caller gets it");
    assert_eq!(counts.get("k").await.unwrap(), Some(1), "the cache does not");

    // To say that there is nothing displaces as well, and so does an update over other marks and damage.
    let Reserved::Ticket(ticket) = counts.reserve("new").await.unwrap() else { panic!() };
    assert_eq!(counts.update("new", |old| old).await.unwrap(), None);
    assert!(!ticket.set(&100).await.unwrap());
    let cut_short = [&Stamp::new(Kind::Value).to_bytes()[..], b"cut short"].concat();
    let pass = Stamp::new(Kind::Pass).to_bytes().to_vec();
    for standing in [cut_short, pass, b"text".to_vec(), Vec::new()] {
        bench.space().raw().set("k", Bytes::from(standing)).forever().await.unwrap();
        assert_eq!(counts.update("k", plus_one).await.unwrap(), Some(1));
    }
}

/// How many of so many changes of one counter are in it at the end.
async fn counted<F: Future<Output = ()> + Send + 'static>(
    counts: &Typed<u64>,
    change: impl Fn(Typed<u64>) -> F,
) -> u64 {
    counts.delete("k").await.unwrap();
    let tasks: Vec<_> = (0..64).map(|_| tokio::spawn(change(counts.clone()))).collect();
    join_all(tasks).await.into_iter().for_each(|task| task.unwrap());
    counts.get("k").await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_changes_at_once_none_is_lost() {
    let larder = Larder::new(backend_memory::MemoryCache::builder().build());
    let counts = larder.namespace("n").unwrap().typed::<u64>().default_ttl(MINUTE);
    let changed = counted(&counts, |counts| async move {
        for _ in 0..20 {
            counts.update("k", plus_one).await.unwrap();
        }
    });
    assert_eq!(changed.await, 64 * 20);
    // The control: get and set.
    let changed = counted(&counts, |counts| async move {
        for _ in 0..20 {
            let old = counts.get("k").await.unwrap();
            tokio::task::yield_now().await;
            counts.set("k", &plus_one(old).unwrap()).await.unwrap();
        }
    });
    assert!(changed.await < 64 * 20);
}

#[tokio::test]
async fn when_others_are_faster_each_time_it_is_given_up_and_said_so() {
    let bench = bench();
    let counts = bench.counts();
    let (asked, others) = (Arc::<AtomicU32>::default(), Arc::clone(bench.store.store()));
    let key = counts.space().key("k").unwrap();
    let change = {
        let asked = Arc::clone(&asked);
        move |old| {
            asked.fetch_add(1, SeqCst);
            // Somebody writes between this look and this write.
            let record = Bytes::copy_from_slice(&Stamp::new(Kind::Pass).to_bytes());
            let write = others.set(&key, record, cache_api::SetOptions::new(MINUTE));
            let write = write.now_or_never().expect("memory is there at once");
            assert!(write.unwrap().is_stored());
            plus_one(old)
        }
    };
    let error = bench.passing(counts.update("k", change).into_future()).await.unwrap_err();
    assert!(matches!(error, Error::Backend { operation: "update", .. }), "{error:?}");
    assert!(!error.may_have_applied() && error.to_string().contains("changed each time"));
    assert_eq!(asked.load(SeqCst), 40);
}

#[tokio::test]
async fn lost_answers_are_found_out_or_told() {
    for is_removal in [false, true] {
        let bench = bench();
        let counts = bench.counts();
        let change = move |old| if is_removal { None } else { plus_one(old) };
        counts.set("k", &1).await.unwrap();
        // Applied once, although its answer is lost; not applied by halves, although its request is.
        bench.store.lose_reply(Op::Set);
        let made = bench.passing(counts.update("k", change).into_future()).await.unwrap();
        assert_eq!((made, counts.get("k").await.unwrap()), (change(Some(1)), change(Some(1))));
        counts.set("k", &1).await.unwrap();
        bench.store.lose_request(Op::Set);
        let made = bench.passing(counts.update("k", change).into_future()).await.unwrap();
        assert_eq!((made, counts.get("k").await.unwrap()), (change(Some(1)), change(Some(1))));

        // Nobody knows: it may still land.
        counts.set("k", &1).await.unwrap();
        let late = bench.store.late(on(Op::Set).always());
        bench.store.lose_request(on(Op::DeleteIf).always());
        let error = bench.passing(counts.update("k", change).into_future()).await.unwrap_err();
        assert!(error.may_have_applied(), "{error:?}");
        assert_eq!(counts.get("k").await.unwrap(), Some(1));
        bench.store.forget();
        late.land().await.unwrap();
        assert_ne!(counts.get("k").await.unwrap(), Some(1));

        bench.store.fail(on(Op::Set), full(Op::Set));
        counts.delete("k").await.unwrap();
        let error = bench.passing(counts.update("k", plus_one).into_future()).await.unwrap_err();
        assert!(!error.may_have_applied(), "{error:?}");
    }
}

#[tokio::test]
async fn whoever_is_cancelled_leaves_the_old_or_the_new() {
    let bench = bench();
    bench.store.hesitate();
    let counts = bench.counts();
    for is_removal in [false, true] {
        let mut polls = 0;
        loop {
            counts.set("k", &1).await.unwrap();
            let change = move |old| if is_removal { None } else { plus_one(old) };
            let done = dropped_after(polls, counts.update("k", change).into_future()).await;
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            let stands = counts.get("k").await.unwrap();
            assert!([Some(1), change(Some(1))].contains(&stands), "{stands:?}");
            // Nothing of ours is in the way.
            if stands.is_none() {
                bench.until_empty().await;
            }
            if done.is_some() {
                assert_eq!(stands, change(Some(1)));
                break;
            }
            polls += 1;
        }
        assert!(polls >= 3, "there are places to be dropped at: {polls}");
    }
}
