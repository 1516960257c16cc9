//! Other protocols on a connection that began as HTTP.

use crate::{
    client::{Raw, ask, body, exchange},
    origin::Origin,
    program::Serve,
};

#[tokio::test]
async fn bytes_go_both_ways_after_an_upgrade() {
    let origin = Origin::start().await;
    let serve = Serve::start(&origin.url(), &[]).await;
    let mut client = Raw::connect(serve.address).await;
    client
        .say("GET /switch HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: shout\r\n\r\n")
        .await;
    let head = client.until("HELLO").await;
    assert!(head.starts_with("HTTP/1.1 101") && head.contains("upgrade: shout"), "{head}");
    client.say("quiet").await;
    client.until("QUIET").await;
    let metrics = ask(serve.admin, "GET /metrics", "").await;
    assert!(metrics.contains("\nlarder_tunnels 1\n"), "{metrics}");
}

#[tokio::test]
async fn a_silent_tunnel_is_closed() {
    let origin = Origin::start().await;
    let serve = Serve::start(&origin.url(), &["--tunnel-idle", "200ms"]).await;
    let mut client = Raw::connect(serve.address).await;
    client
        .say("GET /switch HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: shout\r\n\r\n")
        .await;
    client.until("HELLO").await;
    client.rest().await;
}

#[tokio::test]
async fn an_upgrade_to_http_2_is_not_passed_on() {
    let origin = Origin::start().await;
    let serve = Serve::start(&origin.url(), &[]).await;
    for protocol in ["h2c", "shout, H2C", "h2"] {
        let lines = format!(
            "connection: Upgrade, HTTP2-Settings\r\nupgrade: {protocol}\r\nhttp2-settings: x\r\n"
        );
        let echo = ask(serve.address, "GET /echo", &lines).await;
        assert!(!body(&echo).to_lowercase().contains("upgrade"), "{protocol}: {echo}");
    }
}

#[tokio::test]
async fn connect_is_refused_in_words() {
    let origin = Origin::start().await;
    let serve = Serve::start(&origin.url(), &[]).await;
    let answer = exchange(serve.address, "CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 501"), "{answer}");
    assert!(answer.ends_with("CONNECT is not for a reverse proxy\n"), "{answer}");
    assert!(origin.seen().is_empty());
}
