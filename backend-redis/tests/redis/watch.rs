//! Changes made by anyone, and the end of the stream whenever one may have been missed.

use std::time::{Duration, Instant};

use crate::common::{connect, connect_to, key, namespace, put};
use cache_api::{Cache, Change, ChangeStream};
use futures_util::StreamExt;
use integration_tests::servers::{Proxy, RedisServer};

/// What the documentation of `watch` states.
const BOUND: Duration = Duration::from_millis(3200);

async fn next(changes: &mut ChangeStream) -> Option<Change> {
    loop {
        match tokio::time::timeout(Duration::from_secs(5), changes.next()).await.unwrap() {
            Some(Change::Beat { .. }) => {}
            other => return other,
        }
    }
}

async fn ends_within(changes: ChangeStream, bound: Duration) {
    let begin = Instant::now();
    let ended = tokio::time::timeout(bound, changes.for_each(|_| async {})).await;
    assert!(ended.is_ok(), "still there after {:?}", begin.elapsed());
}

#[tokio::test]
async fn the_writes_of_anyone_are_reported_in_the_watched_namespaces_alone() {
    let server = RedisServer::start().await.unwrap();
    let cache = connect(&server).await;
    let tags = namespace("users").reserved("tag").unwrap();
    let watched = [namespace("users"), tags.clone(), namespace("users")];
    let mut changes = cache.watch().unwrap().changes(&watched).await.unwrap();

    for quiet in ["users2:a", "users/eu:a", "other:a", "users"] {
        server.cli(&["SET", quiet, "1"]).await.unwrap();
    }
    server.cli(&["SET", "users:a", "1"]).await.unwrap();
    assert_eq!(next(&mut changes).await, Some(Change::Entry(key("a"))));
    server.cli(&["PEXPIRE", "users:a", "60000"]).await.unwrap();
    assert_eq!(next(&mut changes).await, Some(Change::Entry(key("a"))));
    cache.clear(&namespace("users")).await.unwrap();
    assert_eq!(next(&mut changes).await, Some(Change::Entry(key("a"))));
    let tag = tags.key("team").unwrap();
    put(&cache, &tag, "v".into()).await;
    assert_eq!(next(&mut changes).await, Some(Change::Entry(tag)));
}

#[tokio::test]
async fn a_beat_each_second_comes_after_the_changes_before_it() {
    let server = RedisServer::start().await.unwrap();
    let cache = connect(&server).await;
    let begin = Instant::now();
    let mut changes = cache.watch().unwrap().changes(&[namespace("users")]).await.unwrap();
    let armed = changes.next().await;
    assert!(matches!(armed, Some(Change::Beat { sent }) if sent >= begin), "{armed:?}");
    put(&cache, &key("a"), "1".into()).await;
    let written = Instant::now();
    assert_eq!(changes.next().await, Some(Change::Entry(key("a"))));
    let beat = changes.next().await;
    assert!(matches!(beat, Some(Change::Beat { sent }) if sent > written), "{beat:?}");
    assert!(begin.elapsed() < Duration::from_secs(2));
}

/// It says nothing of what came before it.
#[tokio::test]
async fn an_answer_that_is_an_error_is_no_beat() {
    let server = RedisServer::builder().user("ada", "pw", "~* &* +@all").start().await.unwrap();
    let cache = connect_to(&server.url_as("ada", "pw")).await;
    let mut changes = cache.watch().unwrap().changes(&[namespace("users")]).await.unwrap();
    assert!(matches!(changes.next().await, Some(Change::Beat { .. })), "that it is armed");
    server.cli(&["ACL", "SETUSER", "ada", "-ping"]).await.unwrap();
    // A change is told all the same.
    server.cli(&["SET", "users:a", "1"]).await.unwrap();
    assert_eq!(changes.next().await, Some(Change::Entry(key("a"))));
    let rest = tokio::time::timeout(BOUND, changes.collect::<Vec<_>>()).await;
    assert_eq!(rest.expect("it ends"), []);
}

#[tokio::test]
async fn the_stream_ends_when_the_connection_does() {
    let mut server = RedisServer::start().await.unwrap();
    let cache = connect(&server).await;
    let watch = cache.watch().unwrap();
    let users = [namespace("users")];
    let changes = watch.changes(&users).await.unwrap();
    server.cli(&["CLIENT", "KILL", "TYPE", "normal"]).await.unwrap();
    ends_within(changes, Duration::from_millis(200)).await;

    let changes = watch.changes(&users).await.unwrap();
    server.cli(&["FLUSHALL"]).await.unwrap();
    ends_within(changes, Duration::from_millis(200)).await;

    let changes = watch.changes(&users).await.unwrap();
    server.kill().unwrap();
    ends_within(changes, Duration::from_millis(200)).await;
    assert!(watch.changes(&users).await.is_err());
}

#[tokio::test]
async fn the_stream_ends_within_the_bound_when_the_link_falls_silent() {
    let server = RedisServer::start().await.unwrap();
    let proxy = Proxy::start(server.address()).await.unwrap();
    let cache = connect_to(&server.url_via(proxy.address())).await;
    let users = [namespace("users")];
    let changes = cache.watch().unwrap().changes(&users).await.unwrap();
    proxy.black_hole();
    ends_within(changes, BOUND).await;

    let begin = Instant::now();
    let refused = cache.watch().unwrap().changes(&users).await;
    assert!(refused.is_err_and(|error| error.is_unavailable()));
    assert!(begin.elapsed() < Duration::from_millis(550));
}

#[tokio::test]
async fn a_reader_that_is_too_slow_gets_the_end_and_not_the_rest() {
    let server = RedisServer::start().await.unwrap();
    let cache = connect(&server).await;
    let changes = cache.watch().unwrap().changes(&[namespace("users")]).await.unwrap();
    for part in 0..20 {
        let mut set = vec!["MSET".to_owned()];
        for i in 0..1000 {
            set.extend([format!("users:{part}-{i}"), String::new()]);
        }
        server.cli(&set).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let seen = tokio::time::timeout(Duration::from_secs(1), changes.count()).await.unwrap();
    assert!(seen < 20_000, "{seen}");
}

/// The server sees the connection go when the stream is dropped.
#[tokio::test]
async fn a_dropped_stream_leaves_no_connection_behind() {
    let server = RedisServer::start().await.unwrap();
    let cache = connect(&server).await;
    let clients = || async {
        let list = server.cli(&["CLIENT", "LIST"]).await.unwrap();
        String::from_utf8_lossy(list.value().unwrap()).lines().count()
    };
    let before = clients().await;
    let changes = cache.watch().unwrap().changes(&[namespace("users")]).await.unwrap();
    assert_eq!(clients().await, before + 1);
    drop(changes);
    let begin = Instant::now();
    while clients().await > before {
        assert!(begin.elapsed() < Duration::from_secs(2));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
