//! Bodies and what surrounds them: streamed both ways, trailers, interim answers.

use std::time::{Duration, Instant};

use crate::{
    client::{Raw, ask, body, values},
    origin::{Origin, STREAM},
    program::Serve,
};

#[tokio::test]
async fn a_body_is_passed_on_as_it_comes() {
    let origin = Origin::start().await;
    let serve = Serve::start(&origin.url(), &[]).await;
    let began = Instant::now();
    let mut client = Raw::connect(serve.address).await;
    client.say("GET /stream HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    client.until("piece0").await;
    assert!(began.elapsed() < STREAM, "the first byte does not wait for the last");
    assert!(client.rest().await.contains("piece9"));
}

#[tokio::test]
async fn an_upload_is_streamed_with_its_trailers() {
    let origin = Origin::start().await;
    let serve = Serve::start(&origin.url(), &[]).await;
    let mut client = Raw::connect(serve.address).await;
    client
        .say(
            "POST /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntrailer: x-sum\r\n\
              transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
        )
        .await;
    let reached = async {
        while origin.seen().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let reached = tokio::time::timeout(Duration::from_secs(20), reached).await;
    assert!(reached.is_ok(), "its head is at the origin before its end is here");
    client.say("0\r\nx-sum: 6\r\n\r\n").await;
    let echo = client.rest().await;
    assert!(echo.contains("abc") && echo.contains("x-sum: 6"), "{echo}");
}

#[tokio::test]
async fn trailers_reach_those_who_take_them() {
    let origin = Origin::start().await;
    let serve = Serve::start(&origin.url(), &[]).await;
    let taken = ask(serve.address, "GET /trailers", "connection: te\r\nte: trailers\r\n").await;
    assert!(taken.ends_with("0\r\nx-sum: 6\r\n\r\n"), "{taken}");
    let not = ask(serve.address, "GET /trailers", "").await;
    assert!(!not.contains("x-sum: 6") && not.ends_with("0\r\n\r\n"), "{not}");
}

#[tokio::test]
async fn early_hints_are_no_answer() {
    let origin = Origin::start().await;
    let serve = Serve::start(&origin.url(), &[]).await;
    let answer = ask(serve.address, "GET /hints", "").await;
    assert!(answer.ends_with("\r\n\r\ndone"), "{answer}");
    assert!(answer.contains("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn who_expects_100_sends_its_body_when_the_origin_wants_it() {
    let origin = Origin::start().await;
    let serve = Serve::start(&origin.url(), &[]).await;
    let expecting = |path: &str| {
        format!(
            "PUT {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\nexpect: 100-continue\r\n\
             content-length: 4\r\n\r\n"
        )
    };
    let mut client = Raw::connect(serve.address).await;
    client.say(expecting("/continue")).await;
    client.until("100 Continue").await;
    client.say("body").await;
    let echo = client.rest().await;
    assert!(echo.ends_with("\r\n\r\nbody"), "{echo}");
    assert_eq!(values(body(body(&echo)), "expect"), ["100-continue"], "{echo}");

    let mut client = Raw::connect(serve.address).await;
    client.say(expecting("/refuse")).await;
    let refused = client.rest().await;
    assert!(refused.starts_with("HTTP/1.1 417"), "no 100 before it: {refused}");

    // An origin that does not know of it is sent the body after a while.
    let mut client = Raw::connect(serve.address).await;
    client.say(expecting("/echo")).await;
    client.until("100 Continue").await;
    client.say("late").await;
    assert!(client.rest().await.ends_with("\r\n\r\nlate"));
}
