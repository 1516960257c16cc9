//! Answers that depend on what the layer was not told: kept side by side, by the standard.

use crate::common::*;
use http::{Request, Response};
use http_body_util::Empty;

/// Depends on the language, and says so.
fn speaking() -> Origin {
    Origin::new(|call, request: Request<Empty<bytes::Bytes>>| {
        let language = request.headers().get("accept-language");
        let language = language.map_or("none", |value| value.to_str().unwrap());
        let response = Response::builder().header("cache-control", "max-age=60");
        let response = response.header("vary", "Accept-Language");
        response.body(full(format!("{call} {language}"))).unwrap()
    })
}

fn ask(language: &str) -> Request<Empty<bytes::Bytes>> {
    request("GET", "/r", &[("accept-language", language)])
}

#[tokio::test]
async fn each_has_an_answer_of_its_own_on_every_server() {
    let (a, b) = two_over_memory();
    let origin = speaking();
    let servers = [origin.behind(standard(&a)), origin.behind(standard(&b))];
    assert_eq!(fetch(&servers[0], ask("de")).await, "1 de");
    settle().await;
    assert_eq!(fetch(&servers[1], ask("en")).await, "2 en");
    assert_eq!(fetch(&servers[0], get("/r")).await, "3 none");
    settle().await;
    for server in &servers {
        assert_eq!(fetch(server, ask("de")).await, "1 de");
        assert_eq!(fetch(server, ask("EN")).await, "2 en");
        assert_eq!(fetch(server, get("/r")).await, "3 none");
        assert_eq!(fetch(server, ask("")).await.split(' ').next(), Some("4"));
        settle().await;
    }
    assert_eq!(origin.calls(), 4);
}

#[tokio::test]
async fn who_waits_for_the_first_one_follows_if_it_fits() {
    let (hand, body) = by_hand();
    let body = std::sync::Mutex::new(Some(body));
    let origin = Origin::new(move |call, _| {
        let body = body.lock().unwrap().take();
        let response =
            Response::builder().header("cache-control", "max-age=60").header("vary", "x");
        response.body(body.unwrap_or_else(|| full(format!("answer {call}")))).unwrap()
    });
    let service = origin.behind(standard(&memory()));
    let mut first = send(&service, get("/r")).await;
    hand.data("one ");
    piece(&mut first).await;
    settle().await;
    let follower = send(&service, get("/r")).await;
    assert_eq!(status_of(&follower), "larder; fwd=uri-miss; collapsed");
    assert_eq!(fetch(&service, request("GET", "/r", &[("x", "1")])).await, "answer 2");
    hand.data("two");
    drop(hand);
    assert_eq!(text(follower).await.unwrap(), "one two");
    assert_eq!(text(first).await.unwrap(), "two");
    assert_eq!(origin.calls(), 2);
}

#[tokio::test]
async fn what_depends_on_more_than_before_is_told_apart_by_all_of_it() {
    let origin = Origin::new(|call, request: Request<Empty<bytes::Bytes>>| {
        let vary = if request.headers().contains_key("a") { "a, b" } else { "a" };
        let response = Response::builder().header("cache-control", "max-age=60");
        response.header("vary", vary).body(full(format!("answer {call}"))).unwrap()
    });
    let service = origin.behind(standard(&memory()));
    let with = |b| request("GET", "/r", &[("a", "1"), ("b", b)]);
    assert_eq!(fetch(&service, get("/r")).await, "answer 1");
    settle().await;
    for (b, expected) in
        [("1", "answer 2"), ("2", "answer 3"), ("1", "answer 2"), ("2", "answer 3")]
    {
        assert_eq!(fetch(&service, with(b)).await, expected);
        settle().await;
    }
}

#[tokio::test]
async fn what_depends_on_everything_is_never_given_again() {
    let origin = Origin::numbered(&[("cache-control", "max-age=60"), ("vary", "accept, *")]);
    let service = origin.behind(standard(&memory()));
    for call in 1..=3 {
        assert_eq!(fetch(&service, get("/r")).await, format!("answer {call}"));
        settle().await;
    }
}

#[tokio::test]
async fn the_longest_lifetime_is_one_for_variants_too() {
    let origin = Origin::numbered(&[("cache-control", "max-age=99999999999"), ("vary", "accept")]);
    for service in [origin.behind(standard(&memory())), origin.behind(layer(&memory()))] {
        fetch(&service, get("/r")).await;
        drop(hit(&service, "/r").await);
    }
}

/// A variant that is extended again and again is found through an index that is extended, too.
#[tokio::test]
async fn an_index_outlives_what_is_found_through_it() {
    let (clock, larder) = clocked();
    let origin = Origin::new(|_, request: Request<Empty<bytes::Bytes>>| {
        let response = Response::builder().header("cache-control", "max-age=36000");
        let response = response.header("vary", "accept").header("etag", "\"a\"");
        match request.headers().contains_key("if-none-match") {
            true => response.status(304).body(full("")).unwrap(),
            false => response.body(full("body")).unwrap(),
        }
    });
    let service = origin.behind(standard(&larder));
    fetch(&service, get("/r")).await;
    drop(hit(&service, "/r").await);
    for _ in 0..20 {
        clock.advance(std::time::Duration::from_secs(40_000));
        let answer = send(&service, get("/r")).await;
        assert_eq!(status_of(&answer), "larder; fwd=stale; fwd-status=304");
        settle().await;
    }
}
