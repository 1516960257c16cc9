//! Origins that fail, and what their clients are told.

use std::time::Instant;

use crate::{
    client::{Raw, ask, body},
    origin::Origin,
    program::{PATIENCE, Serve},
};

#[tokio::test]
async fn an_origin_that_is_not_there_is_502() {
    let mut serve = Serve::start("http://127.0.0.1:1", &[]).await;
    let answer = ask(serve.address, "GET /", "").await;
    assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
    assert_eq!(body(&answer), "502 Bad Gateway: the origin cannot be reached\n");
    let line = serve.line().await;
    assert!(line.contains(" 502 none ") && line.contains("error=connect"), "{line}");
    assert!(line.contains("refused"), "it says why: {line}");
}

#[tokio::test]
async fn an_origin_that_is_silent_is_504() {
    let origin = Origin::start().await;
    let serve = Serve::start(&origin.url(), &["--first-byte-timeout", "300ms"]).await;
    let answer = ask(serve.address, "GET /silent", "").await;
    assert!(answer.starts_with("HTTP/1.1 504"), "{answer}");
    assert_eq!(body(&answer), "504 Gateway Timeout: the origin takes too long to answer\n");
}

#[tokio::test]
async fn an_origin_that_cannot_be_connected_to_in_time_is_504() {
    // It takes connections and never speaks TLS.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let url = format!("https://{}", silent.local_addr().expect("it is bound"));
    let (certificate, _) = crate::protocols::certificate();
    let ca = certificate.to_string_lossy().into_owned();
    let serve = Serve::start(&url, &["--connect-timeout", "300ms", "--origin-ca", &ca]).await;
    let answer = ask(serve.address, "GET /", "").await;
    assert!(answer.starts_with("HTTP/1.1 504"), "{answer}");
}

#[tokio::test]
async fn an_origin_that_speaks_no_http_is_502() {
    let origin = Origin::start().await;
    let serve = Serve::start(&origin.url(), &[]).await;
    for path in ["/garbage", "/status/099"] {
        let answer = ask(serve.address, &format!("GET {path}"), "").await;
        assert!(answer.starts_with("HTTP/1.1 502"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn a_body_that_ends_early_is_cut_and_not_kept() {
    let origin = Origin::start().await;
    let mut serve = Serve::start(&origin.url(), &["--idle-timeout", "300ms"]).await;
    for path in ["/cut", "/stall", "/cut"] {
        let began = Instant::now();
        let answer = ask(serve.address, &format!("GET {path}"), "").await;
        // What was not sent yet when the origin failed may be lost with it; what was is not whole, and
        // says so.
        assert!(answer.is_empty() || answer.contains("content-length: 100"), "{answer}");
        assert!("begin".starts_with(body(&answer)), "{path}: {answer}");
        assert!(began.elapsed() < PATIENCE / 4);
        let line = serve.line().await;
        assert!(line.ends_with(" cut"), "{line}");
    }
    assert_eq!(origin.asked("/cut"), 2);
}

#[tokio::test]
async fn a_safe_request_is_sent_again_where_a_kept_connection_was_closed() {
    let origin = Origin::start().await;
    let serve = Serve::start(&origin.url(), &[]).await;
    ask(serve.address, "GET /echo", "").await;
    let answer = ask(serve.address, "GET /close-once", "").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(origin.asked("/close-once"), 2);
    // The control: what may change something is not.
    let origin = Origin::start().await;
    let serve = Serve::start(&origin.url(), &[]).await;
    ask(serve.address, "GET /echo", "").await;
    let answer = ask(serve.address, "POST /close-once", "content-length: 0\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
    assert_eq!(origin.asked("/close-once"), 1);
}

#[tokio::test]
async fn a_client_that_stops_in_its_body_is_told_so() {
    let origin = Origin::start().await;
    let serve = Serve::start(&origin.url(), &["--idle-timeout", "300ms"]).await;
    let mut client = Raw::connect(serve.address).await;
    client.say("POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf").await;
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}
