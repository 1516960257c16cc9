//! What the page is told: `/status.json`.

use std::time::{Duration, Instant};

use integration_tests::servers::RedisServer;
use serde_json::Value;
use tokio::time::sleep;

use crate::{
    client::{Raw, ask, body},
    origin::Origin,
    program::{PATIENCE, Serve},
};

pub(crate) async fn status(serve: &Serve) -> Value {
    let answer = ask(serve.admin, "GET /status.json", "").await;
    serde_json::from_str(body(&answer)).expect("it is JSON")
}

/// Waits until this holds: a server tells the others of itself once a second.
async fn until(serve: &Serve, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let status = status(serve).await;
        if holds(&status) {
            return status;
        }
        assert!(began.elapsed() < PATIENCE / 2, "{what}: {status:#}");
        sleep(Duration::from_millis(20)).await;
    }
}

fn state(status: &Value, other: &Serve) -> Option<String> {
    let servers = status["servers"].as_array()?.iter();
    let address = format!("@{}", other.address);
    let mut found = servers
        .filter(|server| server["name"].as_str().is_some_and(|name| name.ends_with(&address)));
    found.next()?["state"].as_str().map(ToOwned::to_owned)
}

#[tokio::test]
async fn two_servers_on_one_store_tell_of_each_other() {
    let redis = RedisServer::start().await.expect("redis-server starts");
    let origin = Origin::start().await;
    let a = Serve::start_on(&redis.url(), &origin.url(), &[]).await;
    let mut b = Serve::start_on(&redis.url(), &origin.url(), &[]).await;
    let c = Serve::start_on(&redis.url(), &origin.url(), &[]).await;
    ask(a.address, "GET /fixed", "").await;
    a.counts(&["larder_streams_committed_total 1"]).await;
    for _ in 0..3 {
        ask(b.address, "GET /fixed", "").await;
    }
    let told = until(&a, "both serve, and b has answered", |told| {
        let servers = told["servers"].as_array().expect("it is a list");
        let kept = servers.iter().map(|server| server["kept"].as_u64().expect("it is a number"));
        [&a, &b, &c].iter().all(|server| state(told, server).as_deref() == Some("serving"))
            && kept.sum::<u64>() == 3
    })
    .await;
    assert_eq!(told["server"]["answers"], 1);
    assert_eq!(told["server"]["kept"], 0);
    assert_eq!((&told["answers"]["miss"], &told["statuses"]["2xx"]), (&1.into(), &1.into()));
    let of_b = until(&b, "a ratio and percentiles", |told| told["server"]["ratio"] == 1.0).await;
    assert_eq!((&of_b["server"]["kept"], &of_b["server"]["saved_bytes"]), (&3.into(), &15.into()));
    assert_eq!(of_b["keys"][0]["key"], "shop.example/fixed");
    assert!(of_b["first_byte_ms"]["cache"]["p50"].as_f64() > Some(0.0), "{of_b:#}");
    assert!(of_b["first_byte_ms"]["origin"].is_null(), "{of_b:#}");
    let kept = of_b["history"]["kept"].as_array().expect("it is a list");
    assert_eq!(kept.iter().filter_map(Value::as_u64).sum::<u64>(), 3);
    assert_eq!(
        (&of_b["store"]["name"], &of_b["store"]["state"]),
        (&"redis".into(), &"answers".into())
    );

    // Who goes in good order is gone at once, who is killed when its record has died.
    b.signal("-TERM");
    b.ended().await;
    until(&a, "b is gone", |told| state(told, &b).as_deref() == Some("gone")).await;
    c.signal("-KILL");
    until(&a, "c is gone", |told| state(told, &c).as_deref() == Some("gone")).await;
    // The control: without a store that they share they know nothing of each other.
    let alone = Serve::start(&origin.url(), &[]).await;
    assert_eq!(status(&alone).await["servers"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_recording_is_shown_with_its_followers_on_all_servers() {
    let redis = RedisServer::start().await.expect("redis-server starts");
    let origin = Origin::start().await;
    let a = Serve::start_on(&redis.url(), &origin.url(), &["--ttl", "60s"]).await;
    let b = Serve::start_on(&redis.url(), &origin.url(), &["--ttl", "60s"]).await;
    let get = "GET /stall HTTP/1.1\r\nhost: shop.example\r\n\r\n";
    let mut clients = Vec::new();
    for server in [&a, &a, &b] {
        let mut client = Raw::connect(server.address).await;
        client.say(get).await;
        client.until("begin").await;
        clients.push(client);
    }
    for server in [&a, &b] {
        let told =
            until(server, "two follow", |told| told["recordings"][0]["followers"] == 2).await;
        let one = &told["recordings"][0];
        assert_eq!(one["key"], "shop.example/stall");
        assert_eq!(
            (&one["recordings"], &one["bytes"], &one["length"]),
            (&1.into(), &5.into(), &100.into())
        );
        let on = one["servers"][0].as_str().expect("it has a name");
        assert!(on.ends_with(&format!("@{}", a.address)), "{on}");
    }
    clients.pop();
    until(&a, "one follows", |told| told["recordings"][0]["followers"] == 1).await;
}

#[tokio::test]
async fn queries_are_told_only_where_that_was_asked_for() {
    let origin = Origin::start().await;
    for (flags, key) in [
        (&[][..], "shop.example/fixed?…"),
        (&["--log-query"][..], "shop.example/fixed?token=s3cret"),
    ] {
        let serve = Serve::start(&origin.url(), flags).await;
        ask(serve.address, "GET /fixed?token=s3cret", "").await;
        let told = until(&serve, "a key", |told| !told["keys"][0].is_null()).await;
        assert_eq!(told["keys"][0]["key"], key);
        assert_eq!(told.to_string().contains("s3cret"), !flags.is_empty(), "{told}");
    }
}

#[tokio::test]
async fn a_store_that_is_down_is_told_of() {
    let redis = RedisServer::builder().password("s3cret").start().await;
    let redis = redis.expect("redis-server starts");
    let url = redis.url();
    let origin = Origin::start().await;
    let serve = Serve::start_on(&url, &origin.url(), &["--lookup-deadline", "50ms"]).await;
    until(&serve, "it answers", |told| told["store"]["state"] == "answers").await;
    drop(redis);
    let told = until(&serve, "it is silent", |told| told["store"]["state"] == "silent").await;
    assert!(!told.to_string().contains("s3cret"), "{told}");
    assert!(ask(serve.address, "GET /fixed", "").await.ends_with("fixed"));
}

#[tokio::test]
async fn a_store_that_takes_nothing_is_told_of() {
    let redis = RedisServer::builder().config("maxmemory 1").start().await;
    let redis = redis.expect("redis-server starts");
    let origin = Origin::start().await;
    let serve = Serve::start_on(&redis.url(), &origin.url(), &[]).await;
    until(&serve, "it is full", |told| told["store"]["state"] == "full").await;
}
