//! What is special about this store. The contract itself is the conformance kit's to test.

mod bounds;
mod changes;
mod lifetimes;
mod races;
mod scanning;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use cache_api::{Cache, Key, Namespace, SetOptions, TestClock, Ttl};

use crate::MemoryCache;

const SECOND: Duration = Duration::from_secs(1);

fn namespace(name: &str) -> Namespace {
    Namespace::new(name).unwrap()
}

fn key(user: impl std::fmt::Display) -> Key {
    namespace("test").key(user.to_string()).unwrap()
}

fn with_clock() -> (MemoryCache, TestClock) {
    let clock = TestClock::new();
    (MemoryCache::builder().clock(Arc::new(clock.clone())).build(), clock)
}

async fn put(cache: &MemoryCache, key: &Key, value: impl Into<Bytes>, ttl: impl Into<Ttl>) {
    assert!(cache.set(key, value.into(), SetOptions::new(ttl)).await.unwrap().is_stored());
}

/// What moka holds, dead or alive.
fn held(cache: &MemoryCache) -> usize {
    cache.store().map.iter().count()
}

#[test]
fn debug_prints_no_value() {
    let cache = MemoryCache::new();
    let outcome = cache.store().set(&key("k"), "secret".into(), SetOptions::new(Ttl::Never));
    assert!(outcome.unwrap().is_stored());
    cache.store().map.run_pending_tasks();
    let printed = format!("{cache:?} {:?} {:?}", cache.scan(), cache.watch());
    assert!(printed.contains("entries: 1") && !printed.contains("secret"), "{printed}");
}

#[tokio::test]
async fn counters_take_only_what_they_write_themselves() {
    let cache = MemoryCache::new();
    for text in ["", "+1", "01", "-0", " 1", "1 ", "1.0", "9223372036854775808", "\u{661}", "x"] {
        put(&cache, &key("n"), text.to_owned(), Ttl::Never).await;
        assert!(cache.increment(&key("n"), 1, Ttl::Never).await.is_err(), "{text:?}");
        assert_eq!(cache.get(&key("n")).await.unwrap().unwrap(), text);
    }
    put(&cache, &key("n"), i64::MIN.to_string(), Ttl::Never).await;
    assert!(cache.increment(&key("n"), -1, Ttl::Never).await.is_err());
    assert_eq!(cache.increment(&key("n"), i64::MAX, Ttl::Never).await.unwrap(), -1);
}
