//! How old an answer may be, and how old it says it is.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use crate::common::*;
use http::Response;
use larder::{Cache, Larder, TestClock};

fn over(store: impl Cache, clock: &TestClock) -> Larder {
    Larder::builder(store).clock(Arc::new(clock.clone())).build()
}

/// Answers that are good for 2 s. The body of the first one is written by hand.
fn slow_at_first(control: &'static str) -> (Hand, Origin) {
    let (hand, body) = by_hand();
    let body = Mutex::new(Some(body));
    let origin = Origin::new(move |call, _| {
        let first = body.lock().unwrap().take();
        let body = first.unwrap_or_else(|| full(format!("answer {call}")));
        Response::builder().header("cache-control", control).body(body).unwrap()
    });
    (hand, origin)
}

/// In steps that the beats of a recording keep up with.
async fn pass(clock: &TestClock, half_seconds: u32) {
    for _ in 0..half_seconds {
        clock.advance(Duration::from_millis(500));
        settle().await;
    }
}

/// Records an answer whose body takes longer than it is good for.
async fn expired(control: &'static str, headers: &[(&str, &str)]) -> (Larder, Origin) {
    let (clock, larder) = clocked();
    let (hand, origin) = slow_at_first(control);
    let answer = send(&origin.behind(layer(&larder)), request("GET", "/r", headers)).await;
    hand.data("old");
    pass(&clock, 9).await;
    drop(hand);
    assert_eq!(text(answer).await.unwrap(), "old");
    committed(&larder, 2).await;
    (larder, origin)
}

#[tokio::test]
async fn what_expired_before_it_was_whole_is_recorded_afresh() {
    let (larder, origin) = expired("max-age=2", &[]).await;
    let service = origin.behind(layer(&larder));
    let again = send(&service, get("/r")).await;
    assert_eq!(status_of(&again), "larder; fwd=uri-miss; stored");
    assert_eq!(text(again).await.unwrap(), "answer 2");
    assert_eq!(text(hit(&service, "/r").await).await.unwrap(), "answer 2");
    assert_eq!(origin.calls(), 2);
}

#[tokio::test]
async fn what_expired_is_recorded_afresh_for_users_with_cookies() {
    let cookie = [("cookie", "a")];
    let (larder, origin) = expired("public, max-age=2", &cookie).await;
    let service = origin.behind(layer(&larder));
    assert_eq!(fetch(&service, request("GET", "/r", &cookie)).await, "answer 2");
    assert_eq!(text(hit(&service, "/r").await).await.unwrap(), "answer 2");
    assert_eq!(origin.calls(), 2);
}

#[tokio::test]
async fn twenty_who_find_an_expired_one_are_one_call() {
    let (larder, origin) = expired("max-age=2", &[]).await;
    let service = origin.behind(layer(&larder));
    let clients: Vec<_> = (0..20)
        .map(|_| {
            let service = service.clone();
            tokio::spawn(async move { fetch(&service, get("/r")).await })
        })
        .collect();
    for client in clients {
        assert_eq!(client.await.unwrap(), "answer 2");
    }
    assert_eq!(origin.calls(), 2);
}

#[tokio::test]
async fn what_has_expired_is_not_followed() {
    let (clock, larder) = clocked();
    let (hand, origin) = slow_at_first("max-age=2");
    let service = origin.behind(layer(&larder));
    let first = send(&service, get("/r")).await;
    hand.data("old");
    pass(&clock, 3).await;
    let follower = send(&service, get("/r")).await;
    assert_eq!(status_of(&follower), "larder; fwd=uri-miss; collapsed");
    assert_eq!(follower.headers()["age"], "1");
    pass(&clock, 1).await;
    let late = send(&service, get("/r")).await;
    assert_eq!(status_of(&late), "larder; fwd=miss");
    assert_eq!(text(late).await.unwrap(), "answer 2");
    // Who was there in time reads on.
    hand.data(" and whole");
    drop(hand);
    assert_eq!(text(first).await.unwrap(), "old and whole");
    assert_eq!(text(follower).await.unwrap(), "old and whole");
}

#[tokio::test]
async fn every_answer_from_the_store_says_its_age() {
    for (origins, expected) in [(&[][..], ["0", "30"]), (&[("age", "12")], ["12", "42"])] {
        let (clock, larder) = clocked();
        let origin = Origin::numbered(origins);
        fetch(&origin.behind(layer(&larder)), get("/r")).await;
        committed(&larder, 2).await;
        let service = origin.behind(layer(&larder).cache_status(false));
        for age in expected {
            for method in ["GET", "HEAD"] {
                let answer = send(&service, request(method, "/r", &[])).await;
                assert_eq!(answer.headers()["age"], age);
                assert_eq!(answer.headers().get_all("age").iter().count(), 1);
            }
            clock.advance(Duration::from_secs(30));
        }
        assert_eq!(origin.calls(), 1);
    }
}

#[tokio::test]
async fn an_answer_from_the_future_is_new_and_one_whose_time_is_over_elsewhere_is_not_given() {
    let store = Arc::new(store());
    let (ours, theirs) = (TestClock::new(), TestClock::new());
    let origin = Origin::numbered(&[("cache-control", "max-age=60")]);
    let writer = over(Arc::clone(&store), &ours);
    fetch(&origin.behind(layer(&writer)), get("/r")).await;
    committed(&writer, 2).await;

    let reader = origin.behind(layer(&over(store, &theirs)));
    theirs.set_wall(SystemTime::now() - Duration::from_secs(500));
    let answer = send(&reader, get("/r")).await;
    assert!(is_hit(&answer));
    assert_eq!(answer.headers()["age"], "0");
    theirs.set_wall(SystemTime::now() + Duration::from_secs(500));
    assert_eq!(fetch(&reader, get("/r")).await, "answer 2");
}
