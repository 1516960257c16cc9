//! A store that fails or hangs costs a bounded moment, and never the answer.

use std::{sync::Arc, time::Duration};

use crate::common::*;
use backend_memory::MemoryCache;
use bytes::Bytes;
use cache_api::{Cache, Key, Op, SetOptions, TestClock};
use futures_util::FutureExt;
use http::Response;
use integration_tests::faults::{Calls, Scripted, full};
use larder::{
    Larder,
    envelope::{Kind, Stamp},
    stream::Begin,
};

fn memory() -> Scripted {
    Scripted::new(Arc::new(MemoryCache::builder().build()))
}

/// Fails the test instead of hanging it.
async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), work).await.expect("it hangs")
}

#[tokio::test]
async fn a_store_that_fails_costs_nothing() {
    let breaks: [fn(&Scripted); 2] =
        [Scripted::down, |store| store.fail(Calls::writes().always(), full(Op::Set))];
    for out_of_order in breaks {
        let (store, clock) = (memory(), TestClock::new());
        out_of_order(&store);
        let origin = Origin::numbered(&[]);
        let larder = Larder::builder(store).clock(Arc::new(clock.clone())).build();
        let service = origin.behind(layer(&larder));
        for call in 1..=3 {
            // The clock stands still: nothing waits for a deadline.
            for headers in [&[][..], &[("cookie", "a")]] {
                let answer = soon(send(&service, request("GET", "/r", headers))).await;
                assert!(soon(text(answer)).await.unwrap().starts_with("answer "));
            }
            assert_eq!(origin.calls(), 2 * call);
        }
    }
}

#[tokio::test]
async fn a_store_that_hangs_costs_the_deadline_and_no_more() {
    for held in [Calls::all(), Calls::writes()] {
        let (store, clock) = (memory(), TestClock::new());
        let _gate = store.hold(held.clone().always());
        let origin = Origin::numbered(&[]);
        let larder = Larder::builder(store).clock(Arc::new(clock.clone())).build();
        let service = origin.behind(layer(&larder).lookup_deadline(Duration::from_millis(50)));
        let mut answer = Box::pin(send(&service, get("/r")));
        assert!((&mut answer).now_or_never().is_none());
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        clock.advance(Duration::from_millis(49));
        assert!((&mut answer).now_or_never().is_none(), "{held:?}");
        assert_eq!(origin.calls(), 0);
        clock.advance(Duration::from_millis(1));
        assert_eq!(soon(text(soon(answer).await)).await.unwrap(), "answer 1");
    }
}

/// Whether an answer to a cookie is for others is known only when it is there, and the store is asked
/// once more: out of the same time.
#[tokio::test]
async fn a_store_that_hangs_costs_a_request_with_a_cookie_the_deadline_once() {
    let origin = Origin::numbered(&[("cache-control", "public, max-age=60")]);
    let (store, clock) = (memory(), TestClock::new());
    store.freeze();
    let larder = Larder::builder(store).clock(Arc::new(clock.clone())).build();
    let service = origin.behind(layer(&larder).lookup_deadline(Duration::from_millis(50)));
    let mut answer = Box::pin(send(&service, request("GET", "/r", &[("cookie", "a")])));
    assert!((&mut answer).now_or_never().is_none());
    clock.advance(Duration::from_millis(50));
    let answer = soon(answer).await;
    assert_eq!(status_of(&answer), "larder; fwd=miss");
    assert_eq!(soon(text(answer)).await.unwrap(), "answer 1");
}

#[tokio::test]
async fn the_longest_of_deadlines_is_one() {
    let clock = TestClock::new();
    let larder = Larder::builder(memory()).clock(Arc::new(clock.clone())).build();
    // Someone else asks the origin, and gets no answer.
    let others = larder.namespace("http").unwrap().streams::<()>();
    let claim = others.begin(ROOT).await;
    assert!(matches!(claim, Begin::Claimed(_)));
    let origin = Origin::numbered(&[]);
    let service = origin.behind(layer(&larder).lookup_deadline(Duration::MAX));
    let answer = tokio::spawn(async move { fetch(&service, get("/r")).await });
    for _ in 0..12 {
        settle().await;
        clock.advance(Duration::from_millis(100));
    }
    assert_eq!(soon(answer).await.unwrap(), "answer 1");
}

#[tokio::test]
async fn who_removes_an_expired_answer_takes_nobodys_claim_away() {
    let store = memory();
    let origin = Origin::numbered(&[("cache-control", "max-age=60")]);
    let service = origin.behind(layer(&Larder::new(store.clone())));
    fetch(&service, get("/r")).await;
    drop(hit(&service, "/r").await);

    let clock = TestClock::new();
    clock.advance(Duration::from_secs(500));
    let larder = Larder::builder(store.clone()).clock(Arc::new(clock.clone())).build();
    let service = origin.behind(layer(&larder));
    let key = variant(&larder).await;
    let gate = store.hold(Op::DeleteIf);
    let answer = tokio::spawn(async move { fetch(&service, get("/r")).await });
    gate.arrived().await;
    // Someone else takes the key just before it is emptied.
    let lease = Bytes::copy_from_slice(&Stamp::new(Kind::Lease).to_bytes());
    assert!(store.set(&key, lease, SetOptions::new(HOUR)).await.unwrap().is_stored());
    gate.release();
    for _ in 0..12 {
        settle().await;
        clock.advance(Duration::from_millis(100));
    }
    assert_eq!(soon(answer).await.unwrap(), "answer 2");
    let standing = store.get(&key).await.unwrap().expect("the claim of the other");
    assert!(Kind::Lease.begins(&standing));
}

#[tokio::test]
async fn a_store_that_breaks_while_a_body_is_recorded_costs_the_client_nothing() {
    for breaks in [Scripted::down, Scripted::freeze] {
        let (hand, body) = by_hand();
        let body = std::sync::Mutex::new(Some(body));
        let origin = Origin::new(move |_, _| Response::new(body.lock().unwrap().take().unwrap()));
        let store = memory();
        let larder = Larder::new(store.clone());
        let service = origin.behind(layer(&larder));
        let mut answer = soon(send(&service, get("/r"))).await;
        hand.data("one ");
        assert_eq!(soon(piece(&mut answer)).await.unwrap().unwrap(), "one ");
        breaks(&store);
        for _ in 0..50 {
            hand.data("more ");
            assert_eq!(soon(piece(&mut answer)).await.unwrap().unwrap(), "more ");
        }
        drop(hand);
        assert_eq!(soon(text(answer)).await.unwrap(), "");
    }
}

/// Where the only answer stands, which is found through an index.
async fn variant(larder: &Larder) -> Key {
    variants(larder).await.pop().expect("it stands there")
}

#[tokio::test]
async fn damage_in_the_store_is_a_miss() {
    let store = memory();
    let larder = Larder::new(store.clone());
    let origin = Origin::numbered(&[]);
    let service = origin.behind(layer(&larder));
    fetch(&service, get("/r")).await;
    drop(hit(&service, "/r").await);
    let key = variant(&larder).await;
    let stored = store.get(&key).await.unwrap().expect("it stands under this key");
    for at in (0..stored.len()).step_by(7) {
        let mut damaged = stored.to_vec();
        damaged[at] ^= 0x20;
        let options = SetOptions::new(HOUR);
        assert!(store.set(&key, damaged.into(), options).await.unwrap().is_stored());
        let before = origin.calls();
        let answer = soon(send(&service, get("/r"))).await;
        assert_eq!(text(answer).await.unwrap(), format!("answer {}", before + 1), "byte {at}");
    }
}
