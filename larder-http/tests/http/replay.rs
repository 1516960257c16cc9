//! What is replayed, to whom, and what is not.

use std::sync::Arc;

use crate::common::*;
use http::{HeaderValue, Response, StatusCode};

#[tokio::test]
async fn status_headers_and_body_come_back_exactly() {
    let origin = Origin::new(|_, _| {
        let mut response = Response::new(full(&b"\0\xff bytes\r\n"[..]));
        *response.status_mut() = StatusCode::NON_AUTHORITATIVE_INFORMATION;
        for (name, value) in [
            ("content-type", &b"text/csv; charset=\"utf-8\"; a=b:c"[..]),
            ("link", b"</b>; rel=next"),
            ("x-odd", b"caf\xe9=;:\t;"),
            ("link", b"</a>; rel=prev"),
            ("x-empty", b""),
            ("link", b"</b>; rel=next"),
            ("etag", b"W/\"1:2;3\""),
            ("date", b"Sun, 06 Nov 1994 08:49:37 GMT"),
        ] {
            response.headers_mut().append(name, HeaderValue::from_bytes(value).unwrap());
        }
        response
    });
    let service = origin.behind(layer(&memory()).cache_status(false));
    let first = send(&service, get("/r")).await;
    let (first, first_body) = first.into_parts();
    drop(first_body);

    let again = loop {
        let again = send(&service, get("/r")).await;
        if again.headers().contains_key("content-length") {
            break again;
        }
        tokio::task::yield_now().await;
    };
    let (mut again, body) = again.into_parts();
    assert_eq!(again.status, first.status);
    // The one header that is added.
    assert!(again.headers.remove("age").is_some());
    let mut expected = first.headers.clone();
    // The one header that is made anew, from the length that was recorded.
    expected.insert("content-length", HeaderValue::from_static("10"));
    assert_eq!(again.headers, expected);
    let links: Vec<_> = again.headers.get_all("link").iter().collect();
    assert_eq!(links, ["</b>; rel=next", "</a>; rel=prev", "</b>; rel=next"]);
    let body = http_body_util::BodyExt::collect(body).await.unwrap().to_bytes();
    assert_eq!(body, &b"\0\xff bytes\r\n"[..]);
    assert_eq!(origin.calls(), 1);
}

#[tokio::test]
async fn headers_of_the_connection_are_passed_on_and_not_stored() {
    let origin = Origin::numbered(&[
        ("connection", "x-hop, close"),
        ("x-hop", "1"),
        ("keep-alive", "timeout=5"),
        ("x-kept", "1"),
    ]);
    let service = origin.behind(layer(&memory()));
    let first = send(&service, get("/r")).await;
    assert!(first.headers().contains_key("x-hop") && first.headers().contains_key("connection"));
    drop(first);
    let again = hit(&service, "/r").await;
    assert_eq!(again.headers()["x-kept"], "1");
    for name in ["connection", "x-hop", "keep-alive"] {
        assert!(!again.headers().contains_key(name), "{name}");
    }
}

#[tokio::test]
async fn head_is_answered_from_a_stored_get() {
    let origin = Origin::numbered(&[("content-type", "text/csv")]);
    let service = origin.behind(layer(&memory()));
    drop(send(&service, get("/r")).await);
    drop(hit(&service, "/r").await);
    let answer = send(&service, request("HEAD", "/r", &[])).await;
    assert!(is_hit(&answer));
    assert_eq!(answer.headers()["content-length"], "8");
    assert_eq!(answer.headers()["content-type"], "text/csv");
    assert_eq!(text(answer).await.unwrap(), "");
    assert_eq!(origin.calls(), 1);
}

#[tokio::test]
async fn the_answer_to_a_head_is_never_stored() {
    let origin = Origin::new(|_, request| {
        Response::new(if request.method() == "HEAD" { full("") } else { full("body") })
    });
    let service = origin.behind(layer(&memory()));
    for call in 1..=2 {
        fetch(&service, request("HEAD", "/r", &[])).await;
        assert_eq!(origin.calls(), call);
    }
    assert_eq!(fetch(&service, get("/r")).await, "body");
    assert_eq!(text(hit(&service, "/r").await).await.unwrap(), "body");
}

#[tokio::test]
async fn each_value_of_a_varied_header_has_an_answer_of_its_own() {
    let origin = Origin::numbered(&[("vary", "Accept")]);
    let service = origin.behind(layer(&memory()));
    let requests: [&[(&str, &str)]; 4] = [
        &[],
        &[("accept", "text/csv")],
        &[("accept", "text/html")],
        &[("accept", "text/csv"), ("accept", "text/html")],
    ];
    let mut bodies = Vec::new();
    for headers in requests {
        bodies.push(fetch(&service, request("GET", "/r", headers)).await);
    }
    assert_eq!(bodies, ["answer 1", "answer 2", "answer 3", "answer 4"]);
    for (headers, body) in requests.iter().zip(&bodies) {
        assert_eq!(fetch(&service, request("GET", "/r", headers)).await, *body);
    }
    assert_eq!(origin.calls(), 4);
}

#[tokio::test]
async fn what_must_not_be_stored_is_asked_each_time() {
    for headers in [
        &[("cache-control", "private")][..],
        &[("cache-control", "PRIVATE=\"x\", max-age=60")],
        &[("cache-control", "No-Store")],
        &[("cache-control", "no-cache")],
        &[("cache-control", "public"), ("cache-control", "private")],
        &[("cache-control", "s-maxage=0")],
        &[("cache-control", "max-age=60; public")],
        &[("set-cookie", "id=1")],
        &[("vary", "*")],
        &[("vary", "cookie")],
        &[("access-control-allow-origin", "https://a.example"), ("cache-control", "public")],
    ] {
        let origin = Origin::numbered(headers);
        let service = origin.behind(layer(&memory()));
        for call in 1..=3 {
            let answer = send(&service, get("/r")).await;
            for (name, value) in headers {
                assert!(answer.headers().get_all(*name).iter().any(|v| v == value), "{headers:?}");
            }
            assert_eq!(text(answer).await.unwrap(), format!("answer {call}"), "{headers:?}");
        }
    }
}

#[tokio::test]
async fn statuses_that_are_not_final_or_not_for_others_are_not_stored() {
    for status in [206, 303, 304, 400, 403, 404, 500, 503] {
        let origin =
            Origin::new(move |_, _| Response::builder().status(status).body(full("")).unwrap());
        let service = origin.behind(layer(&memory()));
        for call in 1..=2 {
            assert_eq!(send(&service, get("/r")).await.status(), status);
            assert_eq!(origin.calls(), call, "{status}");
        }
    }
}

#[tokio::test]
async fn requests_that_ask_for_something_else_go_to_the_origin_and_fill_nothing() {
    for (method, header) in [
        ("POST", ("x-a", "b")),
        ("GET", ("upgrade", "websocket")),
        ("GET", ("content-length", "3")),
        ("GET", ("cache-control", "no-store")),
        ("GET", ("authorization", "Bearer x")),
        ("GET", ("x-http-method-override", "DELETE")),
    ] {
        let origin = Origin::numbered(&[]);
        let service = origin.behind(layer(&memory()));
        assert_eq!(
            fetch(&service, request(method, "/r", &[header])).await,
            "answer 1",
            "{header:?}"
        );
        // Nothing was stored, and nothing keeps the next one from being stored.
        assert_eq!(fetch(&service, get("/r")).await, "answer 2", "{header:?}");
        drop(hit(&service, "/r").await);
        // What is stored is not for such a request either.
        assert_eq!(
            fetch(&service, request(method, "/r", &[header])).await,
            "answer 3",
            "{header:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_is_stored_for_as_long_as_the_shorter_of_the_two_lifetimes() {
    use backend_memory::MemoryCache;
    use larder::{Larder, TestClock};
    use std::time::Duration;

    for (control, seconds) in [("max-age=10", 10), ("max-age=100000", 3600), ("public", 3600)] {
        let clock = TestClock::new();
        let store = MemoryCache::builder().clock(Arc::new(clock.clone())).build();
        let larder = Larder::builder(store).clock(Arc::new(clock.clone())).build();
        let origin = Origin::numbered(&[("cache-control", control)]);
        let service = origin.behind(layer(&larder));
        fetch(&service, get("/r")).await;
        drop(hit(&service, "/r").await);
        clock.advance(Duration::from_secs(seconds - 2));
        let old = send(&service, get("/r")).await;
        assert!(is_hit(&old), "{control}");
        assert_eq!(old.headers()["age"], (seconds - 2).to_string());
        clock.advance(Duration::from_secs(3));
        assert_eq!(fetch(&service, get("/r")).await, "answer 2", "{control}");
    }
}

#[tokio::test]
async fn a_layer_with_a_name_that_is_no_header_stores_nothing() {
    let origin = Origin::numbered(&[]);
    let service = origin.behind(layer(&memory()).vary_on(["accept encoding"]));
    assert_eq!(fetch(&service, get("/r")).await, "answer 1");
    let answer = send(&service, get("/r")).await;
    assert_eq!(status_of(&answer), "larder; fwd=bypass; detail=misconfigured");
    assert_eq!(text(answer).await.unwrap(), "answer 2");
}
