//! Two servers on one Redis.

use std::time::{Duration, Instant};

use integration_tests::servers::RedisServer;
use tokio::task::JoinSet;

use crate::{
    client::{Raw, ask},
    origin::{Origin, STREAM},
    program::Serve,
};

#[tokio::test]
async fn twenty_who_miss_at_once_on_two_servers_are_one_request_to_the_origin() {
    let redis = RedisServer::start().await.expect("redis-server starts");
    let origin = Origin::start().await;
    let a = Serve::start_on(&redis.url(), &origin.url(), &[]).await;
    let b = Serve::start_on(&redis.url(), &origin.url(), &[]).await;
    let mut clients = JoinSet::new();
    for client in 0..20 {
        let address = if client % 2 == 0 { a.address } else { b.address };
        clients.spawn(async move { ask(address, "GET /stream", "").await });
    }
    for answer in clients.join_all().await {
        assert!(answer.contains("piece9") && answer.ends_with("0\r\n\r\n"), "{answer}");
    }
    assert_eq!(origin.asked("/stream"), 1);
    // The control: without a store that both share there are two.
    let origin = Origin::start().await;
    let a = Serve::start(&origin.url(), &[]).await;
    let b = Serve::start(&origin.url(), &[]).await;
    tokio::join!(ask(a.address, "GET /stream", ""), ask(b.address, "GET /stream", ""));
    assert_eq!(origin.asked("/stream"), 2);
}

#[tokio::test]
async fn a_follower_on_the_other_server_has_the_first_byte_while_the_body_streams() {
    let redis = RedisServer::start().await.expect("redis-server starts");
    let origin = Origin::start().await;
    let a = Serve::start_on(&redis.url(), &origin.url(), &[]).await;
    let b = Serve::start_on(&redis.url(), &origin.url(), &[]).await;
    let began = Instant::now();
    let mut first = Raw::connect(a.address).await;
    first.say("GET /stream HTTP/1.1\r\nhost: shop.example\r\nconnection: close\r\n\r\n").await;
    first.until("piece0").await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut second = Raw::connect(b.address).await;
    second.say("GET /stream HTTP/1.1\r\nhost: shop.example\r\nconnection: close\r\n\r\n").await;
    let head = second.until("piece0").await;
    assert!(head.contains("collapsed"), "{head}");
    assert!(!head.contains("piece9"), "{head}");
    assert!(began.elapsed() < STREAM, "{:?}", began.elapsed());
    for client in [first, second] {
        let answer = client.rest().await;
        assert!(answer.contains("piece9") && answer.ends_with("0\r\n\r\n"), "{answer}");
    }
    assert_eq!(origin.asked("/stream"), 1);
}

#[tokio::test]
async fn a_store_that_is_down_costs_no_answer() {
    let redis = RedisServer::start().await.expect("redis-server starts");
    let url = redis.url();
    drop(redis);
    let origin = Origin::start().await;
    let serve = Serve::start_on(&url, &origin.url(), &["--lookup-deadline", "50ms"]).await;
    let answer = ask(serve.address, "GET /fixed", "").await;
    assert!(answer.ends_with("fixed"), "{answer}");
    let ready = ask(serve.admin, "GET /readyz", "").await;
    assert!(ready.starts_with("HTTP/1.1 200") && ready.contains("does not answer"), "{ready}");
    let purge = ask(serve.admin, "POST /purge?all", "").await;
    assert!(!purge.starts_with("HTTP/1.1 200"), "{purge}");
}
