//! How much a client may ask for, and how slowly.

use crate::{
    client::{Raw, ask},
    origin::Origin,
    program::Serve,
};

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let origin = Origin::start().await;
    let serve = Serve::start(&origin.url(), &["--max-header-bytes", "8KiB"]).await;
    let long = |bytes: usize| format!("x-long: {}\r\n", "x".repeat(bytes));
    let answer = ask(serve.address, "GET /echo", &long(7 << 10)).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let answer = ask(serve.address, "GET /echo", &long(9 << 10)).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    assert_eq!(origin.asked("/echo"), 1);
}

#[tokio::test]
async fn a_head_that_is_too_slow_ends_the_connection() {
    let origin = Origin::start().await;
    let serve = Serve::start(&origin.url(), &["--header-timeout", "300ms"]).await;
    for begin in ["", "P", "PRI * HTTP/2.0\r\n", "GET / HTTP/1.1\r\nhost:"] {
        let mut client = Raw::connect(serve.address).await;
        client.say(begin).await;
        let answer = client.rest().await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{begin:?}: {answer}");
    }
    // What begins with HTTP/2 and goes no further, too.
    let mut client = Raw::connect(serve.address).await;
    client.say("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    client.rest().await;
    assert!(origin.seen().is_empty());
}

#[tokio::test]
async fn no_more_connections_are_served_than_may_be() {
    let origin = Origin::start().await;
    let serve = Serve::start(&origin.url(), &["--max-connections", "1"]).await;
    let mut first = Raw::connect(serve.address).await;
    first.say("GET /echo/1 HTTP/1.1\r\nhost: a\r\n\r\n").await;
    first.until("/echo/1").await;
    let mut second = Raw::connect(serve.address).await;
    second.say("GET /echo/2 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    // The first one is still answered, and the second is not until it has gone.
    first.say("GET /echo/3 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    first.rest().await;
    second.rest().await;
    let order: Vec<_> = origin.seen().iter().map(|request| request[10..11].to_owned()).collect();
    assert_eq!(order, ["1", "3", "2"]);
}
