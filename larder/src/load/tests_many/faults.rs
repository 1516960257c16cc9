//! Loaders that fail, callers that leave, and a store in trouble.

use std::{future::poll_fn, pin::pin, task::Poll};

use cache_api::{Key, Op};
use integration_tests::faults::on;

use super::*;
use crate::{LoadError, Origin};

#[tokio::test]
async fn an_error_a_panic_and_a_timeout_reach_everyone_who_waits_for_one_of_the_keys() {
    for failure in [Failure::Error, Failure::Panic, Failure::Hang] {
        let Fixture { clock, larder, values, source, .. } = fixture();
        let held = source.behind_a_door();
        held.fail(failure);
        let batch = tokio::spawn(held.load(&values, [1, 2, 3]).into_future());
        held.door.reached_by(1).await;
        let other = tokio::spawn(source.load(&values, [3, 4]).into_future());
        let ones = [1, 2].map(|key| {
            let (values, source) = (values.clone(), source.clone());
            tokio::spawn(async move { values.get_or_load(key, move || source.one(key)).await })
        });
        settled().await;
        held.door.open();
        settled().await;
        if failure == Failure::Hang {
            clock.advance(Duration::from_secs(30));
        }
        let [first, second] = ones;
        for error in [
            batch.await.unwrap().unwrap_err(),
            other.await.unwrap().unwrap_err(),
            first.await.unwrap().unwrap_err(),
            second.await.unwrap().unwrap_err(),
        ] {
            match failure {
                Failure::Error => assert_eq!(error.loader(), Some(&failure)),
                Failure::Panic => assert!(matches!(error, LoadError::Panicked), "{error:?}"),
                Failure::Hang => assert!(matches!(error, LoadError::TimedOut), "{error:?}"),
            }
        }
        landed(&larder).await;
        // Nobody asked again for those three, and nobody queues for them now.
        assert_eq!(source.asked(), [vec![1, 2, 3], vec![4]]);
        source.fail(None);
        assert_eq!(source.load(&values, [1, 2, 3]).await.unwrap(), [10, 20, 30].map(Some));
    }
}

#[tokio::test]
async fn a_caller_that_gives_up_stops_nothing() {
    let Fixture { larder, values, source, .. } = fixture();
    let held = source.behind_a_door();
    let batch = tokio::spawn(held.load(&values, [1, 2]).into_future());
    held.door.reached_by(1).await;
    let other = tokio::spawn(source.load(&values, [2]).into_future());
    settled().await;
    batch.abort();
    settled().await;
    held.door.open();
    assert_eq!(other.await.unwrap().unwrap(), [Some(20)]);
    landed(&larder).await;
    assert_eq!(values.get_many([1, 2]).await.unwrap(), [Some(10), Some(20)]);
    assert_eq!(source.asked(), [[1, 2]]);
}

/// Dropped after each number of steps, until it needs no more of them.
#[tokio::test]
async fn a_caller_may_give_up_at_any_moment() {
    for steps in 0.. {
        let Fixture { store, larder, values, source, .. } = fixture();
        values.set(3, &7).await.unwrap();
        let stuck = store.hold(on([Op::GetMany, Op::Set]).times(3));
        let mut left = steps;
        let finished = {
            let mut batch = pin!(source.load(&values, [1, 2, 3]).into_future());
            poll_fn(|context| {
                if left == 0 {
                    return Poll::Ready(false);
                }
                left -= 1;
                stuck.release();
                batch.as_mut().poll(context).map(|found| found.is_ok())
            })
            .await
        };
        drop(stuck);
        landed(&larder).await;
        let found = source.load(&values, [1, 2, 3]).await.unwrap();
        assert_eq!(found, [Some(10), Some(20), Some(7)], "after {steps} steps");
        assert!(source.asked().len() <= 2);
        if finished {
            assert!(steps > 1);
            return;
        }
    }
}

#[tokio::test]
async fn a_store_that_is_down_is_no_error_and_the_loader_is_asked_once() {
    let Fixture { store, larder, values, source, .. } = fixture();
    store.down();
    let found = source.load(&values, [1, 2, 1]).answers().await.unwrap();
    assert!(found.iter().all(|answer| answer.origin == Origin::Uncached));
    assert_eq!(source.asked(), [[1, 2]]);
    assert_eq!(larder.stats().errors, 1);
    landed(&larder).await;

    store.up();
    assert_eq!(source.load(&values, [1, 2]).await.unwrap(), [Some(10), Some(20)]);
    landed(&larder).await;
    assert_eq!(values.get_many([1, 2]).await.unwrap(), [Some(10), Some(20)]);
}

#[tokio::test]
async fn a_store_that_hangs_holds_up_nobody_for_long() {
    let Fixture { clock, store, larder, values, source, .. } = fixture();
    let hung = store.hold(on(Op::Set).key(|key| key.user() == b"2"));
    let batch = tokio::spawn(source.load(&values, [1, 2]).answers().into_future());
    hung.arrived().await;
    settled().await;
    assert_eq!(source.asked().len(), 0);
    clock.advance(Duration::from_millis(500));
    let found = batch.await.unwrap().unwrap();
    assert_eq!(found[0].origin, Origin::Loaded);
    assert_eq!((found[1].value, found[1].origin), (Some(20), Origin::Uncached));
    hung.release();
    landed(&larder).await;
}

#[tokio::test]
async fn what_became_of_each_answer_is_found_out_for_itself() {
    let Fixture { clock, store, larder, values, source, .. } = fixture();
    let held = source.behind_a_door();
    let batch = tokio::spawn(held.load(&values, [1, 2, 3]).answers().into_future());
    held.door.reached_by(1).await;
    let of = |name: &'static [u8]| move |key: &Key| key.user() == name;
    store.lose_reply(on(Op::Set).key(of(b"1")));
    store.lose_request(on(Op::Set).key(of(b"2")));
    held.door.open();
    for _ in 0..20 {
        settled().await;
        // The lost request is sent again.
        clock.advance(Duration::from_millis(2));
    }
    let found = batch.await.unwrap().unwrap();
    assert!(found.iter().all(|answer| answer.origin == Origin::Loaded), "{found:?}");
    landed(&larder).await;
    assert_eq!(values.get_many([1, 2, 3]).await.unwrap(), [10, 20, 30].map(Some));
}
