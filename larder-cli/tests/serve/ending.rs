//! How a server ends: what is under way comes to its end, and nothing new begins.

use std::time::Duration;

use tokio::{net::TcpStream, time::timeout};

use crate::{
    client::{Raw, ask, body},
    origin::{Origin, streamed},
    program::Serve,
};

/// The pieces of a chunked body, without their lengths.
fn pieces(answer: &str) -> String {
    body(answer).lines().filter(|line| line.starts_with("piece")).collect()
}

async fn begin_stream(serve: &Serve) -> Raw {
    let mut client = Raw::connect(serve.address).await;
    client.say("GET /stream HTTP/1.1\r\nhost: shop.example\r\n\r\n").await;
    client.until("piece0").await;
    client
}

async fn is_gone(serve: &Serve) {
    let gone = async {
        while TcpStream::connect(serve.address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(20), gone).await.expect("it stops to listen");
}

#[tokio::test]
async fn an_answer_under_way_is_finished() {
    for signal in ["-TERM", "-INT"] {
        let origin = Origin::start().await;
        let mut serve = Serve::start(&origin.url(), &[]).await;
        // Idle, and closed without a word.
        let mut idle = Raw::connect(serve.address).await;
        idle.say("GET /fixed HTTP/1.1\r\nhost: a\r\n\r\n").await;
        idle.until("fixed").await;
        let client = begin_stream(&serve).await;
        serve.signal(signal);
        is_gone(&serve).await;
        let answer = ask(serve.admin, "GET /readyz", "").await;
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
        assert_eq!(pieces(&client.rest().await), streamed(), "{signal}");
        idle.rest().await;
        assert_eq!(serve.ended().await, Some(0), "{signal}");
    }
}

#[tokio::test]
async fn a_recording_without_a_client_is_finished_too() {
    let directory = tempfile::tempdir().expect("there is room for a directory");
    let cache = format!("sled:{}", directory.path().join("cache").display());
    let origin = Origin::start().await;
    let mut serve = Serve::start_on(&cache, &origin.url(), &[]).await;
    drop(begin_stream(&serve).await);
    serve.signal("-TERM");
    assert_eq!(serve.ended().await, Some(0));
    let serve = Serve::start_on(&cache, &origin.url(), &["--preset", "safe"]).await;
    let again = ask(serve.address, "GET /stream", "").await;
    assert!(again.contains("larder; hit"), "{again}");
    assert!(again.ends_with(&streamed()), "{again}");
    assert_eq!(origin.asked("/stream"), 1);
}

#[tokio::test]
async fn what_takes_longer_than_the_grace_is_cut() {
    let origin = Origin::start().await;
    let mut serve = Serve::start(&origin.url(), &["--grace", "300ms"]).await;
    let client = begin_stream(&serve).await;
    serve.signal("-TERM");
    let answer = client.rest().await;
    assert!(!answer.ends_with("0\r\n\r\n"), "it is no clean end: {answer}");
    assert_eq!(serve.ended().await, Some(2));
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let origin = Origin::start().await;
    let mut serve = Serve::start(&origin.url(), &[]).await;
    let client = begin_stream(&serve).await;
    serve.signal("-TERM");
    is_gone(&serve).await;
    serve.signal("-TERM");
    assert_eq!(serve.ended().await, Some(130));
    assert!(!client.rest().await.ends_with("0\r\n\r\n"));
}
