use std::collections::HashSet;

use futures_util::{FutureExt, StreamExt, TryStreamExt};

use super::*;

async fn keys(cache: &MemoryCache, name: &str) -> HashSet<Key> {
    cache.scan().unwrap().keys(&namespace(name)).try_collect().await.unwrap()
}

#[tokio::test]
async fn scan_finds_what_clear_removes() {
    let (cache, clock) = with_clock();
    let inside =
        ["users", "users/eu", "users/eu/fr"].map(|name| namespace(name).key("k\0:*").unwrap());
    let beside = ["users2", "user", "us", "eu/users"].map(|name| namespace(name).key("k").unwrap());
    let chunk = namespace("users").reserved("chunk").unwrap().key("0").unwrap();
    for key in inside.iter().chain(&beside).chain([&chunk]) {
        put(&cache, key, "", Ttl::Never).await;
    }
    put(&cache, &namespace("users").key("dead").unwrap(), "", SECOND).await;
    clock.advance(SECOND);

    let expected: HashSet<_> = inside.into_iter().chain([chunk]).collect();
    assert_eq!(keys(&cache, "users").await, expected);
    cache.clear(&namespace("users")).await.unwrap();
    assert_eq!(keys(&cache, "users").await, HashSet::new());
    for key in &beside {
        assert!(cache.get(key).await.unwrap().is_some(), "{key}");
    }
}

/// The table grows and moves its entries while they are looked at.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stands_the_whole_time_is_found_and_cleared_under_writes() {
    let cache = Arc::new(MemoryCache::new());
    let standing: HashSet<_> =
        (0..3000).map(|n| namespace("test/kept").key(n.to_string()).unwrap()).collect();
    let writer = Arc::clone(&cache);
    let writes = tokio::spawn(async move {
        for n in 0..100_000 {
            put(&writer, &key(n), "", Ttl::Never).await;
            tokio::task::consume_budget().await;
        }
    });
    while !writes.is_finished() {
        for key in &standing {
            put(&cache, key, "", Ttl::Never).await;
        }
        assert_eq!(keys(&cache, "test/kept").await, standing);
        cache.clear(&namespace("test/kept")).await.unwrap();
        for key in &standing {
            assert_eq!(cache.get(key).await.unwrap(), None);
        }
    }
    writes.await.unwrap();
}

#[tokio::test]
async fn a_scan_lets_others_run_and_may_be_dropped() {
    let cache = MemoryCache::new();
    for n in 0..2000 {
        put(&cache, &key(n), "", Ttl::Never).await;
    }
    let mut found = cache.scan().unwrap().keys(&namespace("test"));
    found.next().await.unwrap().unwrap();
    drop(found);
    let mut found = cache.scan().unwrap().keys(&namespace("nothing"));
    assert!(found.next().now_or_never().is_none(), "2,000 entries looked at in one go");
    assert!(found.next().await.is_none());
}
