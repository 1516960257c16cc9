//! What is past its time: asked about, refreshed meanwhile, or used because the origin fails.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::common::*;
use http::Response;
use larder::Larder;
use tower::Layer;

const TAGGED: &[(&str, &str)] = &[("cache-control", "max-age=2"), ("etag", "\"a\"")];

/// Answers a question about its tag with a 304 that says how many there were.
fn tagged(headers: &'static [(&'static str, &'static str)]) -> Origin {
    Origin::new(move |call, request| {
        let asked = request.headers().get("if-none-match");
        let response = headers.iter().fold(Response::builder(), |r, (n, v)| r.header(*n, *v));
        let response = response.header("x-call", call);
        match asked.filter(|tag| *tag == "\"a\"") {
            Some(_) => response.status(304).body(full("")).unwrap(),
            None => response.body(full(format!("answer {call}"))).unwrap(),
        }
    })
}

async fn pass(clock: &larder::TestClock, seconds: u64) {
    clock.advance(Duration::from_secs(seconds));
    settle().await;
}

#[tokio::test]
async fn what_the_origin_says_is_still_good_is_good_for_as_long_again() {
    for rfc9111 in [false, true] {
        let (clock, larder) = clocked();
        let origin = tagged(TAGGED);
        let service = origin.behind(if rfc9111 { standard(&larder) } else { layer(&larder) });
        assert_eq!(fetch(&service, get("/r")).await, "answer 1");
        drop(hit(&service, "/r").await);
        for call in 2..=4 {
            pass(&clock, 3).await;
            let answer = send(&service, get("/r")).await;
            assert_eq!(status_of(&answer), "larder; fwd=stale; fwd-status=304");
            assert_eq!(answer.status(), 200);
            assert_eq!(answer.headers()["x-call"], call.to_string());
            assert_eq!(answer.headers()["age"], "0");
            assert_eq!(text(answer).await.unwrap(), "answer 1");
            let again = hit(&service, "/r").await;
            assert_eq!(again.headers()["x-call"], call.to_string(), "its fields are the new ones");
            assert_eq!(text(again).await.unwrap(), "answer 1");
            assert_eq!(origin.calls(), call);
        }
    }
}

#[tokio::test]
async fn a_long_body_is_extended_with_its_chunks() {
    let (clock, larder) = clocked();
    let origin = Origin::new(|_, request| {
        let response =
            Response::builder().header("cache-control", "max-age=600").header("etag", "x");
        match request.headers().contains_key("if-none-match") {
            true => response.status(304).body(full("")).unwrap(),
            false => response.body(full(vec![b'x'; 1 << 20])).unwrap(),
        }
    });
    let service = origin.behind(standard(&larder));
    fetch(&service, get("/r")).await;
    drop(hit(&service, "/r").await);
    for _ in 0..10 {
        pass(&clock, 700).await;
        assert_eq!(fetch(&service, get("/r")).await.len(), 1 << 20);
        assert!(is_hit(&hit(&service, "/r").await));
    }
    assert_eq!(origin.calls(), 11);
}

#[tokio::test]
async fn what_has_changed_takes_the_place_of_the_old_one() {
    let (clock, larder) = clocked();
    let origin = Origin::new(|call, _| {
        let tag = format!("\"{call}\"");
        let response = Response::builder().header("cache-control", "max-age=2").header("etag", tag);
        response.body(full(format!("answer {call}"))).unwrap()
    });
    let service = origin.behind(standard(&larder));
    fetch(&service, get("/r")).await;
    drop(hit(&service, "/r").await);
    pass(&clock, 3).await;
    let answer = send(&service, get("/r")).await;
    assert_eq!(status_of(&answer), "larder; fwd=stale; stored");
    assert_eq!(text(answer).await.unwrap(), "answer 2");
    assert_eq!(text(hit(&service, "/r").await).await.unwrap(), "answer 2");
    assert_eq!(origin.calls(), 2);
}

#[tokio::test]
async fn a_304_about_another_version_is_used_once() {
    let (clock, larder) = clocked();
    let origin = Origin::new(|call, request| {
        let tag = format!("\"{call}\"");
        let response = Response::builder().header("cache-control", "max-age=2").header("etag", tag);
        match request.headers().contains_key("if-none-match") {
            true => response.status(304).body(full("")).unwrap(),
            false => response.body(full(format!("answer {call}"))).unwrap(),
        }
    });
    let service = origin.behind(standard(&larder));
    fetch(&service, get("/r")).await;
    drop(hit(&service, "/r").await);
    pass(&clock, 3).await;
    let answer = send(&service, get("/r")).await;
    assert_eq!(answer.headers()["etag"], "\"1\"");
    assert_eq!(text(answer).await.unwrap(), "answer 1");
    assert_eq!(fetch(&service, get("/r")).await, "answer 3");
}

#[tokio::test]
async fn a_client_may_insist_on_the_origin() {
    for control in ["no-cache", "max-age=0"] {
        let origin = tagged(&[("cache-control", "max-age=60"), ("etag", "\"a\"")]);
        let service = origin.behind(layer(&memory()));
        fetch(&service, get("/r")).await;
        drop(hit(&service, "/r").await);
        for call in 2..=3 {
            let request = request("GET", "/r", &[("cache-control", control)]);
            let answer = send(&service, request).await;
            assert_eq!(answer.headers()["x-call"], call.to_string());
            assert_eq!(text(answer).await.unwrap(), "answer 1");
        }
        assert!(is_hit(&send(&service, get("/r")).await));
    }
}

#[tokio::test]
async fn a_client_may_want_what_is_stored_and_nothing_else() {
    let origin = Origin::numbered(&[("cache-control", "max-age=60")]);
    let service = origin.behind(layer(&memory()));
    let only = || request("GET", "/r", &[("cache-control", "only-if-cached")]);
    let answer = send(&service, only()).await;
    assert_eq!(answer.status(), 504);
    assert_eq!(origin.calls(), 0);
    drop(answer);
    fetch(&service, get("/r")).await;
    drop(hit(&service, "/r").await);
    assert_eq!(fetch(&service, only()).await, "answer 1");
}

#[tokio::test]
async fn what_is_always_asked_about_is_never_given_without() {
    let origin = tagged(&[("cache-control", "no-cache, max-age=60"), ("etag", "\"a\"")]);
    let service = origin.behind(standard(&memory()));
    fetch(&service, get("/r")).await;
    settle().await;
    for call in 2..=4 {
        let answer = send(&service, get("/r")).await;
        assert_eq!(answer.headers()["x-call"], call.to_string());
        assert_eq!(text(answer).await.unwrap(), "answer 1");
    }
}

#[tokio::test]
async fn it_is_served_stale_while_one_refreshes_it() {
    let (clock, larder) = clocked();
    let origin = Origin::numbered(&[("cache-control", "max-age=2, stale-while-revalidate=60")]);
    let service = origin.behind(standard(&larder));
    fetch(&service, get("/r")).await;
    drop(hit(&service, "/r").await);
    pass(&clock, 3).await;
    let (one, other) = tokio::join!(send(&service, get("/r")), send(&service, get("/r")));
    for answer in [one, other] {
        assert_eq!(status_of(&answer), "larder; hit; detail=stale");
        assert_eq!(answer.headers()["age"], "3");
        assert_eq!(text(answer).await.unwrap(), "answer 1");
    }
    assert_eq!(text(hit(&service, "/r").await).await.unwrap(), "answer 2");
    assert_eq!(origin.calls(), 2);
}

#[tokio::test]
async fn a_failure_is_hidden_for_as_long_as_the_answer_says() {
    for (control, hidden) in [
        ("max-age=2, stale-if-error=60", true),
        ("max-age=2", false),
        ("max-age=2, must-revalidate, stale-if-error=60", false),
    ] {
        let (clock, larder) = clocked();
        let origin = Origin::new(move |call, _| {
            let response = Response::builder().header("cache-control", control);
            let response = response.header("etag", "\"a\"");
            let status = if call == 1 { 200 } else { 503 };
            response.status(status).body(full(format!("answer {call}"))).unwrap()
        });
        let service = origin.behind(layer(&larder));
        fetch(&service, get("/r")).await;
        drop(hit(&service, "/r").await);
        pass(&clock, 3).await;
        let answer = send(&service, get("/r")).await;
        assert_eq!(answer.status() == 200, hidden, "{control}");
        if hidden {
            assert_eq!(status_of(&answer), "larder; hit; detail=stale-if-error");
            pass(&clock, 60).await;
            assert_eq!(send(&service, get("/r")).await.status(), 503);
        }
    }
}

#[tokio::test]
async fn an_origin_that_is_gone_is_hidden_by_the_standard_alone() {
    for (rfc9111, hidden) in [(false, false), (true, true)] {
        let (clock, larder) = clocked();
        let calls = Arc::new(Mutex::new(0));
        let origin = tower::service_fn(move |_: http::Request<_>| {
            let mut calls = calls.lock().unwrap();
            *calls += 1;
            let response = Response::builder().header("cache-control", "max-age=2");
            let response = response.header("etag", "\"a\"").body(full("answer 1")).unwrap();
            std::future::ready(if *calls == 1 { Ok(response) } else { Err("gone") })
        });
        let layer = if rfc9111 { standard(&larder) } else { layer(&larder) };
        let service = layer.layer(origin);
        let ask = || tower::ServiceExt::oneshot(service.clone(), get("/r"));
        assert_eq!(text(ask().await.unwrap()).await.unwrap(), "answer 1");
        committed(&larder, if rfc9111 { 1 } else { 2 }).await;
        pass(&clock, 3).await;
        assert_eq!(ask().await.is_ok(), hidden);
    }
}

/// Twenty on two servers find the same stale answer; the origin answers when all have asked.
async fn one_of_twenty_asks(a: Larder, b: Larder) {
    let origin = tagged(&[("cache-control", "max-age=1"), ("etag", "\"a\"")]);
    let servers = [origin.behind(layer(&a)), origin.behind(layer(&b))];
    fetch(&servers[0], get("/r")).await;
    drop(hit(&servers[0], "/r").await);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let clients: Vec<_> = (0..20)
        .map(|client| {
            let server = servers[client % 2].clone();
            tokio::spawn(async move { fetch(&server, get("/r")).await })
        })
        .collect();
    for client in clients {
        assert_eq!(client.await.unwrap(), "answer 1");
    }
    assert_eq!(origin.calls(), 2);
}

#[tokio::test]
async fn over_memory_one_of_twenty_asks() {
    let (a, b) = two_over_memory();
    one_of_twenty_asks(a, b).await;
}

#[tokio::test]
async fn over_redis_one_of_twenty_asks() {
    let (_redis, a, b) = two_over_redis().await;
    one_of_twenty_asks(a, b).await;
}

#[tokio::test]
async fn an_answer_to_head_tells_whether_the_stored_one_is_the_same() {
    for (tag, kept) in [("\"a\"", true), ("\"b\"", false)] {
        let (clock, larder) = clocked();
        let origin = Origin::new(move |call, request| {
            let response = Response::builder().header("cache-control", "max-age=2");
            let response = response.header("x-call", call);
            match request.method().as_str() {
                "HEAD" => response.header("etag", tag).body(full("")).unwrap(),
                _ => response.header("etag", "\"a\"").body(full(format!("answer {call}"))).unwrap(),
            }
        });
        let service = origin.behind(layer(&larder));
        fetch(&service, get("/r")).await;
        drop(hit(&service, "/r").await);
        pass(&clock, 3).await;
        drop(send(&service, request("HEAD", "/r", &[])).await);
        let answer = send(&service, get("/r")).await;
        assert_eq!(is_hit(&answer), kept);
        assert_eq!(answer.headers()["x-call"], if kept { "2" } else { "3" });
    }
}
