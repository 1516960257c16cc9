//! Two users never get each other's answers: the cases in which other caches were seen to do so.

use std::{collections::HashSet, sync::atomic::Ordering::SeqCst};

use crate::common::*;
use http::{Request, Response};
use http_body_util::Empty;

/// An origin that answers with everything about the request that it could.
fn mirror(headers: &'static [(&'static str, &'static str)]) -> Origin {
    Origin::new(move |call, request: Request<Empty<bytes::Bytes>>| {
        let seen: Vec<_> = ["host", "x-forwarded-host", "authorization", "cookie", "foo", "origin"]
            .iter()
            .flat_map(|name| request.headers().get_all(*name).iter().map(move |v| (name, v)))
            .map(|(name, value)| format!("{name}={}", value.to_str().unwrap()))
            .collect();
        let response = headers.iter().fold(Response::builder(), |r, (n, v)| r.header(*n, *v));
        response.body(full(format!("{call} {} {}", request.uri(), seen.join(" ")))).unwrap()
    })
}

/// Whether the second user was given what the first one's request had produced.
async fn shared(
    answer: &'static [(&'static str, &'static str)],
    first: &[(&str, &str)],
    second: &[(&str, &str)],
) -> bool {
    let service = mirror(answer).behind(layer(&memory()));
    let theirs = fetch(&service, request("GET", "/r.css", first)).await;
    // Twice, so that whatever is stored after the answer is stored by then.
    let one = fetch(&service, request("GET", "/r.css", second)).await;
    let other = fetch(&service, request("GET", "/r.css", second)).await;
    one == theirs || other == theirs
}

type Lines<'a> = &'a [(&'a str, &'a str)];

const LONG: (&str, &str) = ("cache-control", "max-age=3600");

#[tokio::test]
async fn the_control_two_equal_requests_do_share() {
    assert!(shared(&[LONG], &[], &[]).await);
    assert!(shared(&[LONG], &[("accept", "a")], &[("accept", "a")]).await);
}

#[tokio::test]
async fn no_row_of_the_matrix_is_shared() {
    let plain: &[(&str, &str)] = &[];
    let rows: &[(&str, Lines<'static>, Lines<'_>, Lines<'_>)] = &[
        ("different Host", &[LONG], &[("host", "a.example")], &[("host", "b.example")]),
        ("X-Forwarded-Host", &[LONG], &[("x-forwarded-host", "evil.example")], plain),
        ("Forwarded", &[LONG], &[("forwarded", "host=evil.example")], plain),
        ("Authorization", &[LONG], &[("authorization", "a")], &[("authorization", "b")]),
        ("Authorization, then none", &[LONG], &[("authorization", "a")], plain),
        ("none, then Authorization", &[LONG], plain, &[("authorization", "a")]),
        ("Set-Cookie", &[LONG, ("set-cookie", "id=1")], plain, plain),
        ("Vary: Cookie", &[LONG, ("vary", "Cookie")], &[("cookie", "a")], &[("cookie", "b")]),
        (
            "Vary: Foo, second line",
            &[LONG, ("vary", "Foo")],
            &[("foo", "1"), ("foo", "2")],
            &[("foo", "1"), ("foo", "3")],
        ),
        ("Private", &[LONG, ("cache-control", "Private")], plain, plain),
        ("private on the first line", &[("cache-control", "private"), LONG], plain, plain),
        ("No-Store", &[LONG, ("cache-control", "No-Store")], plain, plain),
        ("s-maxage=0", &[("cache-control", "max-age=60, s-maxage=0")], plain, plain),
        ("cookie, nothing said", &[], &[("cookie", "a")], &[("cookie", "b")]),
        ("cookie, then none", &[LONG], &[("cookie", "a")], plain),
        ("none, then cookie", &[LONG], plain, &[("cookie", "a")]),
        (
            "origin",
            &[LONG, ("access-control-allow-origin", "https://a.example")],
            &[("origin", "https://a.example")],
            plain,
        ),
        ("GET with a body", &[LONG], &[("content-length", "3")], plain),
    ];
    for (name, answer, first, second) in rows {
        assert!(!shared(answer, first, second).await, "{name}");
    }
}

#[tokio::test]
async fn what_is_said_to_be_for_everyone_is_shared_by_users_with_cookies() {
    for control in ["public, max-age=60", "s-maxage=60"] {
        let control: &'static [(&str, &str)] = match control {
            "s-maxage=60" => &[("cache-control", "s-maxage=60")],
            _ => &[("cache-control", "public, max-age=60")],
        };
        assert!(shared(control, &[("cookie", "a")], &[("cookie", "b")]).await);
        assert!(shared(control, &[("cookie", "a")], &[]).await);
        assert!(shared(control, &[], &[("cookie", "a")]).await);
    }
}

#[tokio::test]
async fn cookies_can_be_declared_meaningless_or_part_of_the_key() {
    let origin = mirror(&[]);
    let ignoring = origin.behind(layer(&memory()).ignore_cookies());
    let theirs = fetch(&ignoring, request("GET", "/r", &[("cookie", "a")])).await;
    assert_eq!(fetch(&ignoring, request("GET", "/r", &[("cookie", "b")])).await, theirs);

    let varying = origin.behind(layer(&memory()).vary_on(["cookie"]));
    let a = fetch(&varying, request("GET", "/r", &[("cookie", "a")])).await;
    let b = fetch(&varying, request("GET", "/r", &[("cookie", "b")])).await;
    assert_ne!(a, b);
    assert_eq!(fetch(&varying, request("GET", "/r", &[("cookie", "a")])).await, a);
}

#[tokio::test]
async fn a_host_that_is_missing_or_contradicted_takes_no_part() {
    let origin = mirror(&[LONG]);
    let service = origin.behind(layer(&memory()));
    let without = || Request::get("/r").body(Empty::new()).unwrap();
    let contradicted =
        || Request::get("http://a/r").header("host", "b").body(Empty::new()).unwrap();
    for (call, request) in
        [without(), without(), contradicted(), contradicted()].into_iter().enumerate()
    {
        let answer = send(&service, request).await;
        assert_eq!(status_of(&answer), "larder; fwd=bypass; detail=host");
        drop(answer);
        assert_eq!(origin.calls(), call + 1);
    }
}

#[tokio::test]
async fn waiters_of_an_answer_that_turns_out_private_go_on_their_own() {
    let origin = mirror(&[("cache-control", "private")]);
    let (gate, ask, asked) = gated(&origin, &memory());
    let clients: Vec<_> = (0..20).map(|_| ask()).collect();
    settle().await;
    assert_eq!(asked.load(SeqCst), 1);
    gate.send_replace(true);
    let mut bodies = HashSet::new();
    for client in clients {
        assert!(bodies.insert(client.await.unwrap()), "each has an answer of his own");
    }
    assert_eq!(origin.calls(), 20);

    // Nor does anybody wait for the next one.
    gate.send_replace(false);
    let clients = [ask(), ask(), ask()];
    settle().await;
    assert_eq!(asked.load(SeqCst), 23);
    gate.send_replace(true);
    for client in clients {
        assert!(bodies.insert(client.await.unwrap()));
    }
}
