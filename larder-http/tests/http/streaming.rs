//! Streams: first byte, following, whole or an error.

use crate::common::*;
use http::{HeaderMap, HeaderValue, Response};
use http_body_util::BodyExt;
use larder::Larder;
use larder::TestClock;
use std::{
    sync::{Arc, Mutex, atomic::Ordering::SeqCst},
    time::Duration,
};

/// An origin whose bodies are written by hand; the hands come in the order of the calls.
fn by_hands(headers: &'static [(&'static str, &'static str)]) -> (Origin, Arc<Mutex<Vec<Hand>>>) {
    let hands = Arc::new(Mutex::new(Vec::new()));
    let given = Arc::clone(&hands);
    let origin = Origin::new(move |_, _| {
        let (hand, body) = by_hand();
        given.lock().unwrap().push(hand);
        let response = headers.iter().fold(Response::builder(), |r, (n, v)| r.header(*n, *v));
        response.body(body).unwrap()
    });
    (origin, hands)
}

fn take(hands: &Mutex<Vec<Hand>>) -> Hand {
    hands.lock().unwrap().remove(0)
}

#[tokio::test]
async fn the_first_byte_of_a_miss_is_there_before_the_origin_has_finished() {
    let (origin, hands) = by_hands(&[]);
    let service = origin.behind(layer(&memory()));
    let mut answer = send(&service, get("/r")).await;
    let hand = take(&hands);
    for data in ["first", "second"] {
        hand.data(data);
        // The origin writes the next piece only after this one came through.
        assert_eq!(piece(&mut answer).await.unwrap().unwrap(), data);
    }
    drop(hand);
    assert!(piece(&mut answer).await.is_none());
    assert_eq!(text(hit(&service, "/r").await).await.unwrap(), "firstsecond");
    assert_eq!(origin.calls(), 1);
}

#[tokio::test]
async fn a_second_client_follows_from_the_first_byte() {
    let (origin, hands) = by_hands(&[]);
    let service = origin.behind(layer(&memory()));
    let mut first = send(&service, get("/r")).await;
    let hand = take(&hands);
    hand.data("one ");
    piece(&mut first).await;

    let mut second = send(&service, get("/r")).await;
    assert_eq!(status_of(&second), "larder; fwd=uri-miss; collapsed");
    assert_eq!(piece(&mut second).await.unwrap().unwrap(), "one ");
    hand.data("two");
    assert_eq!(piece(&mut second).await.unwrap().unwrap(), "two");
    drop(hand);
    assert_eq!(text(first).await.unwrap(), "two");
    assert_eq!(text(second).await.unwrap(), "");
    assert_eq!(origin.calls(), 1);
}

#[tokio::test]
async fn an_origin_that_is_cut_gives_an_error_and_leaves_nothing() {
    let (origin, hands) = by_hands(&[]);
    let service = origin.behind(layer(&memory()));
    let mut first = send(&service, get("/r")).await;
    let hand = take(&hands);
    hand.data("half");
    piece(&mut first).await;
    let follower = send(&service, get("/r")).await;
    hand.cut();
    let error = text(first).await.unwrap_err();
    let cause = error.source().expect("the origin's own error is kept").to_string();
    assert_eq!(cause, "the origin was cut");
    assert!(text(follower).await.is_err());

    let mut again = send(&service, get("/r")).await;
    take(&hands).data("whole");
    assert_eq!(piece(&mut again).await.unwrap().unwrap(), "whole");
    assert_eq!(origin.calls(), 2);
}

#[tokio::test]
async fn a_body_shorter_or_longer_than_announced_is_an_error_and_is_not_stored() {
    for data in ["1234", "123456"] {
        let (origin, hands) = by_hands(&[("content-length", "5")]);
        let service = origin.behind(layer(&memory()));
        for call in 1..=2 {
            let answer = send(&service, get("/r")).await;
            assert_eq!(origin.calls(), call, "{data}");
            take(&hands).data(data);
            assert!(text(answer).await.is_err(), "{data}");
        }
    }
}

#[tokio::test]
async fn a_client_that_leaves_half_way_does_not_stop_the_recording() {
    let (origin, hands) = by_hands(&[]);
    let service = origin.behind(layer(&memory()));
    let mut answer = send(&service, get("/r")).await;
    let hand = take(&hands);
    hand.data("one ");
    piece(&mut answer).await;
    drop(answer);
    hand.data("two");
    drop(hand);
    assert_eq!(text(hit(&service, "/r").await).await.unwrap(), "one two");
    assert_eq!(origin.calls(), 1);
}

/// The control to the test above: without the cache the body is dropped with the client.
#[tokio::test]
async fn without_the_cache_it_does() {
    let (origin, hands) = by_hands(&[]);
    let mut service = origin.clone();
    let answer = tower::Service::call(&mut service, get("/r")).await.unwrap();
    let hand = take(&hands);
    drop(answer);
    hand.dropped().await;
}

#[tokio::test]
async fn twenty_at_once_are_one_call() {
    let (origin, hands) = by_hands(&[]);
    let service = origin.behind(layer(&memory()));
    let clients: Vec<_> = (0..20)
        .map(|_| {
            let service = service.clone();
            tokio::spawn(async move { fetch(&service, get("/r")).await })
        })
        .collect();
    while origin.calls() == 0 {
        tokio::task::yield_now().await;
    }
    let hand = take(&hands);
    hand.data("for ").data("all");
    drop(hand);
    for client in clients {
        let answer = tokio::time::timeout(Duration::from_secs(10), client).await;
        assert_eq!(answer.expect("it follows the one recording").unwrap(), "for all");
    }
    assert_eq!(origin.calls(), 1);
}

#[tokio::test]
async fn a_head_that_takes_longer_than_a_look_up_may_is_waited_for() {
    let clock = TestClock::new();
    let larder = Larder::builder(store()).clock(Arc::new(clock.clone())).build();
    let origin = Origin::numbered(&[]);
    let (gate, ask, asked) = gated(&origin, &larder);
    let clients: Vec<_> = (0..20).map(|_| ask()).collect();
    settle().await;
    for _ in 0..9 {
        clock.advance(Duration::from_millis(100));
        settle().await;
    }
    assert_eq!(asked.load(SeqCst), 1);
    gate.send_replace(true);
    for client in clients {
        assert_eq!(client.await.unwrap(), "answer 1");
    }
    assert_eq!(origin.calls(), 1);
}

#[tokio::test]
async fn a_head_that_does_not_come_holds_up_others_for_a_second() {
    let clock = TestClock::new();
    let larder = Larder::builder(store()).clock(Arc::new(clock.clone())).build();
    let (_gate, ask, asked) = gated(&Origin::numbered(&[]), &larder);
    let _clients = [ask(), ask()];
    settle().await;
    assert_eq!(asked.load(SeqCst), 1);
    for _ in 0..12 {
        clock.advance(Duration::from_millis(100));
        settle().await;
    }
    assert_eq!(asked.load(SeqCst), 2);
}

#[tokio::test]
async fn a_client_that_leaves_before_the_head_lets_the_next_one_ask() {
    let larder = memory();
    let (gate, ask, asked) = gated(&Origin::numbered(&[]), &larder);
    let first = ask();
    settle().await;
    let second = ask();
    settle().await;
    assert_eq!(asked.load(SeqCst), 1);
    first.abort();
    gate.send_replace(true);
    assert_eq!(second.await.unwrap(), "answer 1");
    assert_eq!(asked.load(SeqCst), 2);
}

#[tokio::test]
async fn empty_pieces_end_nothing() {
    let (origin, hands) = by_hands(&[]);
    let service = origin.behind(layer(&memory()));
    let answer = send(&service, get("/r")).await;
    take(&hands).data("").data("a").data("").data("").data("b").data("");
    assert_eq!(text(answer).await.unwrap(), "ab");
    assert_eq!(text(hit(&service, "/r").await).await.unwrap(), "ab");
}

#[tokio::test]
async fn a_body_without_a_byte_is_an_answer() {
    let (origin, hands) = by_hands(&[]);
    let service = origin.behind(layer(&memory()));
    let answer = send(&service, get("/r")).await;
    drop(take(&hands));
    assert_eq!(text(answer).await.unwrap(), "");
    let again = hit(&service, "/r").await;
    assert_eq!(again.headers()["content-length"], "0");
    assert_eq!(text(again).await.unwrap(), "");
    assert_eq!(origin.calls(), 1);
}

#[tokio::test]
async fn trailers_are_kept() {
    let (origin, hands) = by_hands(&[("trailer", "x-sum")]);
    let service = origin.behind(layer(&memory()));
    let trailers =
        HeaderMap::from_iter([("x-sum".parse().unwrap(), HeaderValue::from_static("a:b;c"))]);
    let answer = send(&service, get("/r")).await;
    take(&hands).data("body").trailers(trailers.clone());
    let first = answer.into_body().collect().await.unwrap();
    assert_eq!(first.trailers(), Some(&trailers));

    let again = hit(&service, "/r").await;
    // A length would keep an HTTP/1 server from sending them.
    assert!(!again.headers().contains_key("content-length"));
    let again = again.into_body().collect().await.unwrap();
    assert_eq!(again.trailers(), Some(&trailers));
    assert_eq!(again.to_bytes(), "body");
}

#[tokio::test]
async fn a_body_over_the_limit_reaches_the_client_and_is_not_stored() {
    let (origin, hands) = by_hands(&[]);
    let service = origin.behind(layer(&memory()).max_length(4));
    for call in 1..=2 {
        let answer = send(&service, get("/r")).await;
        take(&hands).data("12").data("34").data("56");
        assert_eq!(text(answer).await.unwrap(), "123456");
        assert_eq!(origin.calls(), call);
    }
}
