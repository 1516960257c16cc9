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

/// How many variants stand there once a client has asked for so many.
async fn kept(most: u32, asked: usize) -> (usize, String) {
    let larder = memory();
    let origin = Origin::numbered(&[]);
    let service = origin.behind(layer(&larder).max_variants(most));
    let with = |n: usize| request("GET", "/r", &[("accept", &format!("text/x-{n}"))]);
    for n in 0..asked {
        fetch(&service, with(n)).await;
        settle().await;
    }
    let stand = variants(&larder).await.len();
    // The last of them is among those that stand.
    let calls = origin.calls();
    let last = fetch(&service, with(asked - 1)).await;
    assert_eq!(origin.calls(), calls);
    (stand, last)
}

#[tokio::test]
async fn who_asks_for_another_one_each_time_fills_no_store() {
    assert_eq!(kept(4, 50).await, (4, "answer 50".into()));
    // The control: what would stand there.
    assert_eq!(kept(u32::MAX, 50).await, (50, "answer 50".into()));
}

#[tokio::test]
async fn who_makes_all_of_them_anew_fills_no_store_either() {
    let larder = memory();
    let origin = Origin::numbered(&[]);
    let service = origin.behind(layer(&larder).max_variants(4));
    for n in 0..50 {
        fetch(&service, request("GET", "/r", &[("accept", &format!("text/x-{n}"))])).await;
        settle().await;
        // Another index, with a new epoch.
        fetch(&service, request("POST", "/r", &[])).await;
    }
    assert!(variants(&larder).await.len() <= 4);
}

#[tokio::test]
async fn what_is_still_being_recorded_makes_way_too() {
    let larder = memory();
    let bodies = std::sync::Mutex::new(Vec::new());
    let hands: Vec<_> = (0..6)
        .map(|_| {
            let (hand, body) = by_hand();
            bodies.lock().unwrap().push(body);
            hand
        })
        .collect();
    let origin = Origin::new(move |_, _| Response::new(bodies.lock().unwrap().pop().unwrap()));
    let service = origin.behind(layer(&larder).max_variants(2));
    let mut answers = Vec::new();
    for n in 0..6 {
        let accept = format!("text/x-{n}");
        answers.push(send(&service, request("GET", "/r", &[("accept", &accept)])).await);
        settle().await;
    }
    for hand in hands {
        hand.data("body");
    }
    for answer in answers {
        assert_eq!(text(answer).await.unwrap(), "body");
    }
    settle().await;
    assert_eq!(variants(&larder).await.len(), 2);
}

/// One that was stored again since its slot was taken has another one, and is not removed with the first.
#[tokio::test]
async fn what_was_stored_again_keeps_its_place() {
    let (clock, larder) = clocked();
    let origin =
        Origin::numbered(&[("cache-control", "max-age=60"), ("vary", "accept"), ("etag", "\"a\"")]);
    let service = origin.behind(standard(&larder).max_variants(3));
    let with = |n: &str| request("GET", "/r", &[("accept", n)]);
    for (n, expected) in [("0", 1), ("1", 2), ("0", 3), ("2", 4)] {
        clock.advance(std::time::Duration::from_secs(61));
        assert_eq!(fetch(&service, with(n)).await, format!("answer {expected}"));
        settle().await;
    }
    // The fourth took the slot of the first, which has had the third since.
    assert_eq!(variants(&larder).await.len(), 3);
}
