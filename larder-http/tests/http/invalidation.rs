//! What may have changed is not served any more.

use crate::common::*;
use http::{HeaderName, Request, Response};
use http_body_util::Empty;
use larder::Larder;

/// Answers to anything but GET with this status and these headers.
fn origin(status: u16, headers: &'static [(&'static str, &'static str)]) -> Origin {
    Origin::new(move |call, request: Request<Empty<bytes::Bytes>>| {
        let response = Response::builder();
        let response = match request.method().as_str() {
            "GET" => response.header("cache-control", "max-age=60").header("vary", "accept"),
            _ => headers.iter().fold(response.status(status), |r, (n, v)| r.header(*n, *v)),
        };
        response.body(full(format!("answer {call}"))).unwrap()
    })
}

/// Stores three variants of a path, and says which of them are served after a request was made.
async fn left(
    rfc9111: bool,
    origin: Origin,
    path: &str,
    change: Request<Empty<bytes::Bytes>>,
) -> usize {
    let larder = memory();
    let service = origin.behind(if rfc9111 { standard(&larder) } else { layer(&larder) });
    let ask = |accept| request("GET", path, &[("accept", accept)]);
    for accept in ["a", "b", "c"] {
        fetch(&service, ask(accept)).await;
        while !is_hit(&send(&service, ask(accept)).await) {
            tokio::task::yield_now().await;
        }
    }
    drop(send(&service, change).await);
    let mut left = 0;
    for accept in ["a", "b", "c"] {
        left += usize::from(is_hit(&send(&service, ask(accept)).await));
    }
    left
}

#[tokio::test]
async fn a_method_that_may_change_something_ends_all_variants() {
    for rfc9111 in [false, true] {
        for (method, status, expected) in [
            ("POST", 200, 0),
            ("PUT", 204, 0),
            ("DELETE", 200, 0),
            ("FROBNICATE", 302, 0),
            ("POST", 404, 3),
            ("POST", 500, 3),
            ("OPTIONS", 200, 3),
        ] {
            // Other headers than any of those that were stored.
            let change = request(method, "/r", &[("accept", "json"), ("cookie", "a")]);
            let left = left(rfc9111, origin(status, &[]), "/r", change).await;
            assert_eq!(left, expected, "{method} {status}");
        }
    }
}

#[tokio::test]
async fn so_does_what_the_answer_refers_to_on_the_same_server() {
    for (headers, expected) in [
        (&[("location", "/r")][..], 0),
        (&[("content-location", "http://shop.example/r")], 0),
        (&[("location", "http://other.example/r")], 3),
        (&[("location", "/other")], 3),
    ] {
        let change = request("POST", "/change", &[]);
        assert_eq!(left(false, origin(201, headers), "/r", change).await, expected, "{headers:?}");
    }
}

#[tokio::test]
async fn what_is_being_recorded_meanwhile_is_not_stored() {
    for rfc9111 in [false, true] {
        let (hand, body) = by_hand();
        let body = std::sync::Mutex::new(Some(body));
        let origin = Origin::new(move |call, request| {
            let body = body.lock().unwrap().take().filter(|_| request.method() == "GET");
            let body = body.unwrap_or_else(|| full(format!("answer {call}")));
            Response::builder().header("cache-control", "max-age=60").body(body).unwrap()
        });
        let larder: Larder = memory();
        let service = origin.behind(if rfc9111 { standard(&larder) } else { layer(&larder) });
        let mut old = send(&service, get("/r")).await;
        hand.data("old");
        piece(&mut old).await;
        settle().await;
        drop(send(&service, request("POST", "/r", &[])).await);
        drop(hand);
        text(old).await.unwrap();
        settle().await;
        assert_eq!(fetch(&service, get("/r")).await, "answer 3");
    }
}

/// The control: without a change the recording is stored.
#[tokio::test]
async fn without_a_change_it_is() {
    let origin = origin(200, &[]);
    let change = request("GET", "/r", &[(HeaderName::from_static("accept").as_str(), "a")]);
    assert_eq!(left(true, origin, "/r", change).await, 3);
}
