//! Two servers with tiers over one Redis.

use std::time::{Duration, Instant};

use backend_memory::MemoryCache;
use backend_redis::RedisCache;
use cache_api::{Cache, Key, SetOptions, Ttl};
use integration_tests::servers::{Proxy, RedisServer};
use larder::Tiered;
use tokio::time::sleep;

use crate::bench::{key, put};

/// How long a copy is served without a sign of life. Redis gives one each second.
const SILENCE: Duration = Duration::from_millis(1500);

async fn server(url: &str) -> Tiered {
    let redis = RedisCache::builder(url).unwrap().deadline(Duration::from_millis(300));
    let tiers = Tiered::builder(MemoryCache::new(), redis.open().await.unwrap());
    let tiers = tiers.silence(SILENCE).build();
    serves(&tiers).await;
    tiers
}

/// Waits until copies are served again.
async fn serves(tiers: &Tiered) {
    within(Duration::from_secs(20), "copies to be served", async || {
        let _ = tiers.get(&key("k")).await;
        tiers.stats().is_serving
    })
    .await;
}

async fn within(bound: Duration, what: &str, mut is: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + bound;
    while !is().await {
        assert!(Instant::now() < deadline, "waited {bound:?} for {what}");
        sleep(Duration::from_millis(1)).await;
    }
}

async fn version(tiers: &Tiered, key: &Key) -> Option<u64> {
    let found = tiers.get(key).await.ok()??;
    std::str::from_utf8(&found).unwrap().parse().ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_sees_its_own_writes_at_once_and_those_of_others_soon() {
    let redis = RedisServer::start().await.unwrap();
    let (here, there) = (server(&redis.url()).await, server(&redis.url()).await);
    let at = key("k");
    for written in 0..200_u64 {
        let options = SetOptions::new(Duration::from_secs(60));
        let set = here.set(&at, written.to_string().into(), options).await.unwrap();
        assert!(set.is_stored());
        assert_eq!(version(&here, &at).await, Some(written));
        within(Duration::from_secs(2), "another server to see a write", async || {
            version(&there, &at).await == Some(written)
        })
        .await;
        for tiers in [&here, &there] {
            let before = tiers.stats().hits;
            within(Duration::from_secs(2), "a hit", async || {
                assert_eq!(version(tiers, &at).await, Some(written));
                tiers.stats().hits > before
            })
            .await;
        }
    }
    redis.cli(&["SET", "n:k", "1000"]).await.unwrap();
    for tiers in [&here, &there] {
        within(Duration::from_secs(2), "a write of another program", async || {
            version(tiers, &at).await == Some(1000)
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_missed_is_not_served() {
    let redis = RedisServer::start().await.unwrap();
    let proxy = Proxy::start(redis.address()).await.unwrap();
    let (here, there) = (server(&redis.url()).await, server(&redis.url_via(proxy.address())).await);
    let at = key("k");
    let copied = async |value: &'static str| {
        put(&here, &at, value, Ttl::Never).await;
        within(Duration::from_secs(10), "a hit", async || {
            let before = there.stats().hits;
            version(&there, &at).await == value.parse().ok() && there.stats().hits > before
        })
        .await;
    };

    // Cut off for a moment, in which something is written.
    copied("1").await;
    proxy.refuse();
    put(&here, &at, "2", Ttl::Never).await;
    within(Duration::from_secs(2), "the gap to be noticed", async || !there.stats().is_serving)
        .await;
    assert_ne!(version(&there, &at).await, Some(1));
    proxy.pass();
    sees(&there, 2, 1).await;

    // Cut off without a word.
    copied("3").await;
    proxy.black_hole();
    put(&here, &at, "4", Ttl::Never).await;
    let begin = Instant::now();
    while begin.elapsed() < SILENCE + Duration::from_millis(300) {
        assert!([None, Some(3)].contains(&version(&there, &at).await), "nobody can know better");
    }
    for _ in 0..3 {
        assert_eq!(version(&there, &at).await, None, "nobody knows, and nobody says so");
    }
    proxy.pass();
    proxy.cut();
    sees(&there, 4, 3).await;
}

/// It reads the new value in the end, serves copies again, and does not read the old one before.
async fn sees(tiers: &Tiered, new: u64, old: u64) {
    within(Duration::from_secs(20), "a new value and copies", async || {
        let found = version(tiers, &key("k")).await;
        assert_ne!(found, Some(old));
        found == Some(new) && tiers.stats().is_serving
    })
    .await;
}
