//! The machine's clock is wrong, and is set right.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use backend_sled::SledCache;
use cache_api::{Cache, Clock, Key, Namespace, SetOptions, TestClock};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

fn key(name: &str) -> Key {
    Namespace::new("n").unwrap().key(name).unwrap()
}

async fn open(directory: &tempfile::TempDir, clock: &TestClock) -> SledCache {
    SledCache::builder(directory.path()).clock(Arc::new(clock.clone())).open().await.unwrap()
}

async fn put(cache: &SledCache, name: &str) {
    assert!(cache.set(&key(name), "v".into(), SetOptions::new(MINUTE)).await.unwrap().is_stored());
}

async fn stands(cache: &SledCache, name: &str) -> bool {
    cache.get(&key(name)).await.unwrap().is_some()
}

#[tokio::test]
async fn nothing_lives_longer_because_the_clock_was_set_back() {
    let (clock, directory) = (TestClock::new(), tempfile::tempdir().unwrap());
    let cache = open(&directory, &clock).await;
    put(&cache, "before").await;
    clock.set_wall(clock.system_time() - HOUR);
    put(&cache, "after").await;
    clock.advance(MINUTE - Duration::from_millis(1));
    assert!(stands(&cache, "before").await && stands(&cache, "after").await);
    clock.advance(Duration::from_millis(1));
    assert!(!stands(&cache, "before").await && !stands(&cache, "after").await);
}

#[tokio::test]
async fn nor_because_it_was_while_the_cache_was_closed() {
    let (clock, directory) = (TestClock::new(), tempfile::tempdir().unwrap());
    let cache = open(&directory, &clock).await;
    put(&cache, "k").await;
    drop(cache);
    clock.set_wall(clock.system_time() - HOUR);
    let cache = open(&directory, &clock).await;
    assert!(stands(&cache, "k").await, "its minute is not over");
    // When it was written is known to eight seconds.
    clock.advance(MINUTE + Duration::from_secs(8));
    assert!(!stands(&cache, "k").await);
}

#[tokio::test]
async fn what_was_written_while_it_was_ahead_lives_for_its_time() {
    let (clock, directory) = (TestClock::new(), tempfile::tempdir().unwrap());
    clock.set_wall(clock.system_time() + HOUR);
    let cache = open(&directory, &clock).await;
    put(&cache, "k").await;
    clock.set_wall(clock.system_time() - HOUR);
    assert!(stands(&cache, "k").await);
    clock.advance(MINUTE);
    assert!(!stands(&cache, "k").await);
}
