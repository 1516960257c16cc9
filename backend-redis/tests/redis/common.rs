//! What the tests share.

use std::{
    future::Future,
    pin::Pin,
    time::{Duration, Instant},
};

use backend_redis::RedisCache;
use bytes::Bytes;
use cache_api::{Cache, Condition, Key, Namespace, Prefix, Result, SetItem, SetOptions, Ttl};
use futures_util::{StreamExt, future::join_all};
use integration_tests::servers::RedisServer;

pub(crate) const MINUTE: Duration = Duration::from_secs(60);
/// The deadline of the caches of these tests, and what they may take over it.
pub(crate) const DEADLINE: Duration = Duration::from_millis(200);
pub(crate) const OVER: Duration = Duration::from_millis(50);

pub(crate) async fn connect(server: &RedisServer) -> RedisCache {
    connect_to(&server.url()).await
}

pub(crate) async fn connect_to(url: &str) -> RedisCache {
    RedisCache::connect(url).await.unwrap()
}

/// One with the short deadline.
pub(crate) async fn impatient(url: &str) -> RedisCache {
    RedisCache::builder(url).unwrap().deadline(DEADLINE).open().await.unwrap()
}

pub(crate) fn namespace(name: &str) -> Namespace {
    Namespace::new(name).unwrap()
}

pub(crate) fn key(user: &str) -> Key {
    namespace("users").key(user).unwrap()
}

pub(crate) fn prefix(head: &str) -> Condition {
    Condition::StartsWith(Prefix::new(head.as_bytes()).unwrap())
}

pub(crate) async fn put(cache: &RedisCache, key: &Key, value: Bytes) {
    assert!(cache.set(key, value, SetOptions::new(MINUTE)).await.unwrap().is_stored());
}

/// What became of one operation, and how long it took.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) name: &'static str,
    pub(crate) result: Result<()>,
    pub(crate) took: Duration,
}

type Operation<'a> = (&'static str, Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>);

/// Every operation of a store, at the same time.
pub(crate) async fn everything(cache: &RedisCache) -> Vec<Done> {
    let mut operations = reads(cache);
    operations.extend(writes(cache));
    run(operations).await
}

/// A bare timer runs beside them, and what it is late counts for none of them: that is the machine.
pub(crate) async fn run(operations: Vec<Operation<'_>>) -> Vec<Done> {
    let timed = operations.into_iter().map(|(name, operation)| async move {
        let begin = Instant::now();
        let result = operation.await;
        Done { name, result, took: begin.elapsed() }
    });
    let timer = async {
        let begin = Instant::now();
        tokio::time::sleep(DEADLINE).await;
        begin.elapsed() - DEADLINE
    };
    let (mut done, late) = tokio::join!(join_all(timed), timer);
    for done in &mut done {
        done.took = done.took.saturating_sub(late);
    }
    done
}

pub(crate) fn reads(cache: &RedisCache) -> Vec<Operation<'_>> {
    vec![
        ("get", Box::pin(async { cache.get(&key("a")).await.map(drop) })),
        ("ttl", Box::pin(async { cache.ttl(&key("a")).await.map(drop) })),
        ("get_many", Box::pin(async { cache.get_many(&[key("a"), key("b")]).await.map(drop) })),
        (
            "scan",
            Box::pin(async {
                match cache.scan().unwrap().keys(&namespace("users")).next().await {
                    Some(Err(error)) => Err(error),
                    _ => Ok(()),
                }
            }),
        ),
    ]
}

/// The writes that a server without room refuses.
pub(crate) fn growing_writes(cache: &RedisCache) -> Vec<Operation<'_>> {
    let set = |user: &'static str, condition| {
        let options = SetOptions::new(MINUTE).when(condition);
        async move { cache.set(&key(user), Bytes::from_static(b"v"), options).await.map(drop) }
    };
    let item = SetItem {
        key: key("many"),
        value: Bytes::from_static(b"v"),
        options: SetOptions::new(MINUTE),
    };
    vec![
        ("set", Box::pin(set("a", Condition::Always))),
        ("set absent", Box::pin(set("absent", Condition::Absent))),
        ("set present", Box::pin(set("a", Condition::Present))),
        (
            "increment",
            Box::pin(async { cache.increment(&key("n"), 1, MINUTE.into()).await.map(drop) }),
        ),
        (
            "increment for ever",
            Box::pin(async { cache.increment(&key("m"), 1, Ttl::Never).await.map(drop) }),
        ),
        ("set_many", Box::pin(async { cache.set_many(vec![item.clone(), item]).await.map(drop) })),
    ]
}

pub(crate) fn writes(cache: &RedisCache) -> Vec<Operation<'_>> {
    let mut writes = growing_writes(cache);
    let expire =
        |ttl, condition| async move { cache.expire(&key("a"), ttl, condition).await.map(drop) };
    writes.extend::<[Operation<'_>; 8]>([
        ("delete", Box::pin(async { cache.delete(&key("gone")).await.map(drop) })),
        ("delete_if", Box::pin(async { cache.delete_if(&key("a"), prefix("v")).await.map(drop) })),
        ("delete_many", Box::pin(async { cache.delete_many(&[key("b")]).await.map(drop) })),
        ("take", Box::pin(async { cache.take(&key("taken")).await.map(drop) })),
        ("expire", Box::pin(expire(MINUTE.into(), Condition::Always))),
        ("expire never", Box::pin(expire(Ttl::Never, Condition::Always))),
        ("expire if", Box::pin(expire(MINUTE.into(), prefix("v")))),
        ("clear", Box::pin(async { cache.clear(&namespace("users")).await })),
    ]);
    writes
}

/// Each failed as unavailable, and within this time.
pub(crate) fn all_unavailable(done: &[Done], within: Duration) {
    for Done { name, result, took } in done {
        let error = result.as_ref().expect_err(name);
        assert!(error.is_unavailable(), "{name}: {error:?}");
        assert!(*took <= within, "{name} took {took:?}");
    }
}

/// How long it takes until the cache serves again, on each of its connections.
pub(crate) async fn recovery(cache: &RedisCache) -> Duration {
    let begin = Instant::now();
    while let Err(error) = ask_each_connection(cache).await {
        let late = begin.elapsed() > Duration::from_secs(3);
        assert!(!late, "still not there after three seconds: {error}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    begin.elapsed()
}

/// Waits until the fault was noticed on each connection, so that calls fail fast.
pub(crate) async fn noticed(cache: &RedisCache) {
    let begin = Instant::now();
    loop {
        let call = Instant::now();
        let (small, bulk) = tokio::join!(ask_small(cache), ask_bulk(cache));
        if small.is_err() && bulk.is_err() && call.elapsed() < DEADLINE / 10 {
            return;
        }
        assert!(begin.elapsed() < Duration::from_secs(3), "calls still do not fail fast");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn ask_each_connection(cache: &RedisCache) -> Result<()> {
    ask_small(cache).await?;
    ask_bulk(cache).await
}

async fn ask_small(cache: &RedisCache) -> Result<()> {
    cache.get(&key("a")).await.map(drop)
}

async fn ask_bulk(cache: &RedisCache) -> Result<()> {
    cache.get(&namespace("users").reserved("chunk")?.key("0")?).await.map(drop)
}
