//! Requests that two servers could read in two ways: none of them reaches the origin as two.

use crate::{client::exchange, origin::Origin, program::Serve};

/// What would be a second request to whoever reads the first one otherwise.
const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nhost: a\r\n\r\n";

#[tokio::test]
async fn what_is_no_request_is_refused() {
    let origin = Origin::start().await;
    let serve = Serve::start(&origin.url(), &[]).await;
    for (name, request) in [
        (
            "two lengths",
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx",
        ),
        ("a list of lengths", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1, 2\r\n\r\nx"),
        ("a signed length", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: +1\r\n\r\nx"),
        ("a negative length", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\nx"),
        (
            "a length too long",
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999999999999\r\n\r\nx",
        ),
        ("another coding", "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\nx"),
        (
            "chunked not last",
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        ),
        (
            "two codings",
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        ),
        (
            "chunked twice",
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        (
            "a hidden coding",
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
        ),
        (
            "a coding in HTTP/1.0",
            "POST / HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        ("a space before the colon", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length : 1\r\n\r\nx"),
        ("a folded line", "GET / HTTP/1.1\r\nhost: a\r\nx: 1\r\n content-length: 5\r\n\r\n"),
        ("a bare CR", "GET / HTTP/1.1\r\nhost: a\r\nx: 1\rcontent-length: 5\r\n\r\n"),
        ("a zero byte", "GET / HTTP/1.1\r\nhost: a\r\nx: 1\0\r\n\r\n"),
        ("an odd name", "GET / HTTP/1.1\r\nhost: a\r\nx(y): 1\r\n\r\n"),
        ("no Host", "GET / HTTP/1.1\r\n\r\n"),
        ("two Hosts", "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n"),
        ("a Host that is none", "GET / HTTP/1.1\r\nhost: a/b\r\n\r\n"),
        ("a Host with a user", "GET / HTTP/1.1\r\nhost: a@b\r\n\r\n"),
        ("two names", "GET http://b/ HTTP/1.1\r\nhost: a\r\n\r\n"),
        ("a line end in the path", "GET /a\nb HTTP/1.1\r\nhost: a\r\n\r\n"),
        ("a space in the path", "GET /a b HTTP/1.1\r\nhost: a\r\n\r\n"),
        ("another version", "GET / HTTP/3.0\r\nhost: a\r\n\r\n"),
    ] {
        let answer = exchange(serve.address, format!("{request}{HIDDEN}")).await;
        let refused = answer.is_empty()
            || answer.starts_with("HTTP/1.1 400")
            || answer.starts_with("HTTP/1.1 501")
            || answer.starts_with("HTTP/1.0 400");
        assert!(refused, "{name}: {answer}");
        assert_eq!(answer.matches("HTTP/1.").count(), usize::from(!answer.is_empty()), "{name}");
    }
    assert_eq!(origin.seen(), [""; 0], "nothing reached the origin");
}

#[tokio::test]
async fn a_length_beside_a_coding_counts_for_nothing_and_ends_the_connection() {
    let origin = Origin::start().await;
    let serve = Serve::start(&origin.url(), &[]).await;
    let length = format!("content-length: {}\r\n", HIDDEN.len() + 5);
    let coding = "transfer-encoding: chunked\r\n".to_owned();
    for (first, second) in [(&length, &coding), (&coding, &length)] {
        let request =
            format!("POST /echo HTTP/1.1\r\nhost: a\r\n{first}{second}\r\n0\r\n\r\n{HIDDEN}");
        let answer = exchange(serve.address, request).await;
        assert_eq!(answer.matches("HTTP/1.1 200").count(), 1, "{answer}");
    }
    let seen = origin.seen();
    assert_eq!(seen.len(), 2);
    for request in seen {
        assert!(!request.contains("content-length") && !request.contains("hidden"), "{request}");
    }
}

#[tokio::test]
async fn the_control_reads_the_hidden_request() {
    // The same bytes, asked as two requests: that they are seen shows that the tests above can fail.
    let origin = Origin::start().await;
    let serve = Serve::start(&origin.url(), &[]).await;
    let last = HIDDEN.replace("host: a\r\n", "host: a\r\nconnection: close\r\n");
    exchange(serve.address, format!("GET /echo HTTP/1.1\r\nhost: a\r\n\r\n{last}")).await;
    assert_eq!(origin.asked("/hidden"), 1);
}
