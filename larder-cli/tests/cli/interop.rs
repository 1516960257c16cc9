//! What larder writes, other clients of the same Redis read, and the other way round.

use crate::common::{Store, larder};
use integration_tests::servers::{RedisServer, Reply};

#[tokio::test]
async fn redis_cli_reads_and_writes_the_same_bytes() {
    let store = Store::redis().await;
    let redis = store.redis.as_ref().expect("this is Redis");

    let value: Vec<u8> = (0..=255).collect();
    store
        .run_with(&["--namespace", "users", "set", "4:2", "-", "--ttl", "10m"], &value)
        .await
        .exits(0);
    let read = redis.cli(&["GET", "users:4:2"]).await.expect("it answers");
    assert_eq!(read.value(), Some(&value[..]));
    let left = redis.cli(&["PTTL", "users:4:2"]).await.expect("it answers");
    assert!(left.number().is_some_and(|left| (1..=600_000).contains(&left)), "{left:?}");

    let written = redis.cli(&["SET", "users:ada", "Lovelace"]).await.expect("it answers");
    assert_eq!(written, Reply::Status("OK".to_owned()));
    store.run(&["--namespace", "users", "get", "ada"]).await.exits(0).prints("Lovelace");
    store.run(&["--namespace", "users", "ttl", "ada"]).await.exits(0).prints("never\n");

    let counted = redis.cli(&["INCRBY", "users:visits", "41"]).await.expect("it answers");
    assert_eq!(counted.number(), Some(41));
    store.run(&["--namespace", "users", "increment", "visits"]).await.exits(0).prints("42\n");
    let counted = redis.cli(&["GET", "users:visits"]).await.expect("it answers");
    assert_eq!(counted.value(), Some(&b"42"[..]));
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_and_a_port_lead_to_the_same_entries() {
    let redis = RedisServer::builder().unix_socket().start().await.expect("redis-server starts");
    let socket = redis.unix_socket().expect("it was asked for");
    let by_socket = format!("unix:{}", socket.display());
    larder(&by_socket, &["set", "k", "v"], b"").await.exits(0);
    larder(&redis.url(), &["get", "k"], b"").await.exits(0).prints("v");
    // Each database is a cache of its own.
    let second = format!("{}/1", redis.url());
    larder(&second, &["get", "k"], b"").await.exits(1);
}

#[tokio::test]
async fn what_is_no_value_of_ours_is_neither_read_nor_cleared() {
    let store = Store::redis().await;
    let redis = store.redis.as_ref().expect("this is Redis");
    redis.cli(&["RPUSH", "default:list", "a"]).await.expect("it answers");
    redis.cli(&["SET", "no namespace", "a"]).await.expect("it answers");
    store.run(&["get", "list"]).await.exits(2).says("another type").says("redis-cli TYPE");
    store.run(&["clear"]).await.exits(0);
    let left = redis.cli(&["DBSIZE"]).await.expect("it answers");
    assert_eq!(left.number(), Some(2));
}
