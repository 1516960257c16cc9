//! A server that answers with an error: each has its class, and none is retried that must not be.

use std::time::{Duration, Instant};

use crate::common::{
    DEADLINE, MINUTE, OVER, all_unavailable, connect, connect_to, everything, growing_writes,
    impatient, key, put, reads, recovery, run, writes,
};
use backend_redis::RedisCache;
use bytes::Bytes;
use cache_api::{Cache, Error, SetOptions};
use integration_tests::servers::{RedisServer, Reply};

#[tokio::test]
async fn out_of_memory_refuses_writes_and_serves_reads_and_deletes() {
    let server = RedisServer::start().await.unwrap();
    let cache = connect(&server).await;
    put(&cache, &key("a"), "v".into()).await;
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]).await.unwrap();
    for done in run(growing_writes(&cache)).await {
        let refused = matches!(done.result, Err(Error::WriteRefused { .. }));
        assert!(refused, "{done:?}");
    }
    for done in run(reads(&cache)).await {
        assert!(done.result.is_ok(), "{done:?}");
    }
    // Nothing was left half done by a counter's transaction.
    assert_eq!(cache.get(&key("n")).await.unwrap(), None);
    assert!(cache.delete(&key("a")).await.unwrap());
    server.cli(&["CONFIG", "SET", "maxmemory", "0"]).await.unwrap();
    put(&cache, &key("a"), "v".into()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_replica_refuses_writes_until_it_is_promoted() {
    let server = RedisServer::start().await.unwrap();
    let cache = connect(&server).await;
    put(&cache, &key("a"), "v".into()).await;
    // Of nobody: it keeps what it has.
    server.cli(&["REPLICAOF", "127.0.0.1", "1"]).await.unwrap();
    for _ in 0..8 {
        for done in run(writes(&cache)).await {
            assert!(matches!(done.result, Err(Error::WriteRefused { .. })), "{done:?}");
        }
        for done in run(reads(&cache)).await {
            assert!(done.result.is_ok(), "{done:?}");
        }
    }
    server.cli(&["REPLICAOF", "NO", "ONE"]).await.unwrap();
    put(&cache, &key("a"), "v".into()).await;
}

/// Whoever answers READONLY may be the wrong one by now: the connection is made anew.
#[tokio::test(flavor = "multi_thread")]
async fn read_only_replaces_the_connection_and_loses_no_request() {
    let server = RedisServer::start().await.unwrap();
    let cache = connect(&server).await;
    put(&cache, &key("a"), "v".into()).await;
    server.cli(&["REPLICAOF", "127.0.0.1", "1"]).await.unwrap();
    let before = connections(&server).await;
    // A connection younger than a second is kept.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_millis(300) {
        let name = key("a");
        let set = cache.set(&name, Bytes::new(), SetOptions::new(MINUTE));
        let (set, get) = tokio::join!(set, cache.get(&name));
        assert!(matches!(set, Err(Error::WriteRefused { .. })), "{set:?}");
        get.unwrap();
    }
    let after = connections(&server).await - before;
    // One for each of our two calls to it, and one that was replaced; not one for each write.
    assert!((2..=3).contains(&after), "{after} connections");
}

async fn connections(server: &RedisServer) -> u64 {
    let info = server.cli(&["INFO", "stats"]).await.unwrap();
    let text = String::from_utf8_lossy(info.value().unwrap()).into_owned();
    let line = text.lines().find(|line| line.starts_with("total_connections_received")).unwrap();
    line.split(':').nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_server_is_asked_again_within_the_deadline() {
    let server = RedisServer::start().await.unwrap();
    server.cli(&["CONFIG", "SET", "busy-reply-threshold", "10"]).await.unwrap();
    let patience = 5 * DEADLINE;
    let cache = RedisCache::builder(&server.url()).unwrap();
    let cache = cache.deadline(patience).open().await.unwrap();
    let spin = async |millis: &'static str| {
        let script = "local begin = redis.call('TIME'); local now = begin; \
             repeat for _ = 1, 1000 do end now = redis.call('TIME') \
             until (now[1] - begin[1]) * 1000 + (now[2] - begin[2]) / 1000 > tonumber(ARGV[1])";
        server.cli(&["EVAL", script, "0", millis]).await.unwrap()
    };
    // Shorter than the deadline: nobody notices.
    let (_, done) = tokio::join!(spin("100"), everything(&cache));
    for done in done {
        assert!(done.result.is_ok(), "{done:?}");
    }
    // Longer: unavailable, and certainly not applied.
    let ask = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        everything(&cache).await
    };
    let (_, done) = tokio::join!(spin("3000"), ask);
    all_unavailable(&done, patience + OVER);
    for done in &done {
        let error = done.result.as_ref().unwrap_err();
        // A timeout: its last try was sent and had no answer, not even that one.
        let told = !error.may_have_applied() && error.to_string().contains("BUSY");
        assert!(told || matches!(error, Error::Timeout { .. }), "{done:?}");
    }
    assert!(done.iter().any(|done| matches!(done.result, Err(Error::Unavailable { .. }))));
    recovery(&cache).await;
}

#[tokio::test]
async fn a_wrong_password_is_said_when_opening_and_printed_nowhere() {
    let server = RedisServer::builder()
        .password("c0rrect-horse")
        .user("app-us3r", "s3cret", "~users* +@all")
        .start()
        .await
        .unwrap();
    let address = server.address();
    for url in [
        format!("redis://:wr0ng-pass@{address}"),
        format!("redis://app-us3r:wr0ng-pass@{address}"),
        format!("redis://{address}"),
    ] {
        let error = RedisCache::connect(&url).await.unwrap_err();
        assert!(matches!(error, Error::Open { .. }), "{error:?}");
        let text = format!("{error} {error:?}");
        assert!(text.contains("password") && text.contains(&address.to_string()), "{text}");
        assert!(!text.contains("wr0ng-pass") && !text.contains("app-us3r"), "{text}");
    }
    let error = RedisCache::connect(&format!("{}/99", server.url())).await.unwrap_err();
    assert!(error.to_string().contains("DB index is out of range"), "{error}");

    let cache = connect_to(&server.url_as("app-us3r", "s3cret")).await;
    put(&cache, &key("a"), "v".into()).await;
    let builder = RedisCache::builder(&server.url_as("app-us3r", "s3cret")).unwrap();
    for text in [format!("{cache:?}"), format!("{builder:?}")] {
        assert!(!text.contains("s3cret") && !text.contains("app-us3r"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_user_may_not_do_is_denied_without_names() {
    let server = RedisServer::builder()
        .user("app-us3r", "s3cret", "~users:* -@all +hello +get")
        .start()
        .await
        .unwrap();
    let cache = impatient(&server.url_as("app-us3r", "s3cret")).await;
    assert_eq!(cache.get(&key("a")).await.unwrap(), None);
    let other = crate::common::namespace("other").key("a").unwrap();
    let denied = cache.get(&other).await.unwrap_err();
    assert!(matches!(denied, Error::PermissionDenied { .. }), "{denied:?}");
    let mut done = run(writes(&cache)).await;
    let watch =
        cache.watch().unwrap().changes(&[crate::common::namespace("users")]).await.map(drop);
    done.push(crate::common::Done { name: "watch", result: watch, took: Duration::ZERO });
    for done in done {
        let error = done.result.unwrap_err();
        assert!(matches!(error, Error::PermissionDenied { .. }), "{}: {error:?}", done.name);
        let text = format!("{error} {error:?}");
        assert!(!text.contains("us3r") && !text.contains("users"), "{text}");
    }

    // A user that is deleted loses its connections, and is told why from then on.
    server.cli(&["ACL", "DELUSER", "app-us3r"]).await.unwrap();
    let begin = Instant::now();
    while !matches!(cache.get(&key("a")).await, Err(Error::PermissionDenied { .. })) {
        assert!(begin.elapsed() < Duration::from_secs(2));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The permissions of the crate's documentation are enough, and nothing is tried beyond them.
#[tokio::test(flavor = "multi_thread")]
async fn the_documented_permissions_are_enough() {
    let documentation = include_str!("../../src/lib.rs");
    let rules: Vec<_> = documentation
        .split_once("ACL SETUSER larder on >password ")
        .and_then(|(_, rest)| rest.split_once("```"))
        .map(|(rules, _)| rules.replace("//!", ""))
        .unwrap()
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    let server =
        RedisServer::builder().user("larder", "password", &rules.join(" ")).start().await.unwrap();
    let cache = impatient(&format!("{}/1", server.url_as("larder", "password"))).await;
    put(&cache, &key("a"), "v".into()).await;
    for done in everything(&cache).await {
        assert!(done.result.is_ok(), "{done:?}");
    }
    drop(cache.watch().unwrap().changes(&[crate::common::namespace("users")]).await.unwrap());
    server.cli(&["CLIENT", "KILL", "USER", "larder"]).await.unwrap();
    recovery(&cache).await;
    let log = server.cli(&["ACL", "LOG"]).await.unwrap();
    assert_eq!(log, Reply::List(Some(vec![])));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_too_many_clients_is_unavailable_until_some_leave() {
    let server = RedisServer::builder().config("maxclients 4").start().await.unwrap();
    let mut others = Vec::new();
    for _ in 0..4 {
        others.push(tokio::net::TcpStream::connect(server.address()).await.unwrap());
    }
    let cache = impatient(&server.url()).await;
    let done = everything(&cache).await;
    all_unavailable(&done, DEADLINE + OVER);
    others.clear();
    assert!(recovery(&cache).await <= Duration::from_secs(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_loading_is_unavailable() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = RedisServer::builder()
        .config(&format!("dir {}", directory.path().display()))
        .config("enable-debug-command yes")
        .start()
        .await
        .unwrap();
    server.cli(&["DEBUG", "POPULATE", "2000", "users", "10"]).await.unwrap();
    server.cli(&["SAVE"]).await.unwrap();
    server.cli(&["SET", "users:a", "v"]).await.unwrap();
    server.cli(&["SAVE"]).await.unwrap();
    // A delay for each key that is read: about two seconds in all.
    server.cli(&["CONFIG", "SET", "key-load-delay", "1000"]).await.unwrap();
    let cache = impatient(&server.url()).await;
    let reload = server.cli(&["DEBUG", "RELOAD", "NOSAVE"]);
    let ask = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        everything(&cache).await
    };
    let (_, done) = tokio::join!(reload, ask);
    all_unavailable(&done, DEADLINE + OVER);
    assert!(recovery(&cache).await <= Duration::from_secs(1));
    server.kill().unwrap();
}
