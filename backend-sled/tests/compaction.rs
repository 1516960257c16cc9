//! Disk space comes back, readers and writers go on meanwhile, and the bound is on the files.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use backend_sled::SledCache;
use bytes::Bytes;
use cache_api::{Cache, Key, Namespace, SetOptions, TestClock, Ttl};
use futures_util::StreamExt;

fn namespace() -> Namespace {
    Namespace::new("n").unwrap()
}

fn key(number: u64) -> Key {
    namespace().key(number.to_string()).unwrap()
}

fn value(number: u64, version: u64) -> Bytes {
    let length = [40, 4_000, 20_000, 90_000][number as usize % 4];
    let mut value = vec![(number * 7 + version) as u8; length];
    value[..8].copy_from_slice(&version.to_le_bytes());
    value.into()
}

async fn put(cache: &SledCache, number: u64, version: u64) {
    let options = SetOptions::new(Duration::from_secs(3600));
    assert!(cache.set(&key(number), value(number, version), options).await.unwrap().is_stored());
}

fn size(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => size(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_gone_gives_its_space_back() {
    let directory = tempfile::tempdir().unwrap();
    let cache = SledCache::open(directory.path()).await.unwrap();
    for number in 0..1_000 {
        put(&cache, number, 1).await;
    }
    for number in 8..1_000 {
        assert!(cache.delete(&key(number)).await.unwrap());
    }
    let before = size(directory.path());
    cache.compact().await.unwrap();
    let after = size(directory.path());
    assert!(before > 10 << 20 && after < 4 << 20, "{before} bytes became {after}");
    drop(cache);
    let cache = SledCache::open(directory.path()).await.unwrap();
    for number in 0..8 {
        assert_eq!(cache.get(&key(number)).await.unwrap(), Some(value(number, 1)));
    }
    assert_eq!(cache.stats().await.unwrap().entries, 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_during_a_compaction_is_in_the_result() {
    let directory = tempfile::tempdir().unwrap();
    let clock = TestClock::new();
    let builder = SledCache::builder(directory.path()).clock(Arc::new(clock.clone()));
    let cache = Arc::new(builder.open().await.unwrap());
    for number in 0..200 {
        put(&cache, number, 0).await;
    }
    let done = Arc::new(AtomicBool::new(false));
    let writer = {
        let (cache, done) = (Arc::clone(&cache), Arc::clone(&done));
        tokio::spawn(async move {
            let mut last = vec![Some(0); 200];
            let mut version = 0;
            while !done.load(Ordering::Relaxed) {
                version += 1;
                let number = version * 7919 % 200;
                last[number as usize] = if version % 5 == 0 {
                    assert_eq!(
                        cache.delete(&key(number)).await.unwrap(),
                        last[number as usize].is_some()
                    );
                    None
                } else {
                    put(&cache, number, version).await;
                    Some(version)
                };
                // What was just written is read, whichever database counts.
                let expected = last[number as usize].map(|version| value(number, version));
                assert_eq!(cache.get(&key(number)).await.unwrap(), expected);
            }
            last
        })
    };
    for _ in 0..5 {
        cache.compact().await.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    let last = writer.await.unwrap();
    let check = async |cache: &SledCache| {
        for (number, version) in last.iter().enumerate() {
            let number = number as u64;
            let expected = version.map(|version| value(number, version));
            assert_eq!(cache.get(&key(number)).await.unwrap(), expected, "{number}");
        }
        let (stats, standing) = (cache.stats().await.unwrap(), last.iter().flatten().count());
        assert_eq!((stats.entries, stats.damaged), (standing as u64, 0));
        stats.bytes
    };
    let bytes = check(&cache).await;
    drop(Arc::into_inner(cache));
    let cache = SledCache::builder(directory.path()).clock(Arc::new(clock)).open().await.unwrap();
    assert_eq!(check(&cache).await, bytes, "the counters have drifted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_files_come_back_within_the_bound() {
    const BOUND: u64 = 16 << 20;
    let directory = tempfile::tempdir().unwrap();
    let clock = TestClock::new();
    let builder = SledCache::builder(directory.path()).max_bytes(BOUND);
    let cache = builder.clock(Arc::new(clock.clone())).open().await.unwrap();
    for number in 0..4_000 {
        put(&cache, number, 1).await;
    }
    // 110 MiB went through.
    assert!(cache.stats().await.unwrap().bytes < BOUND * 5 / 8);
    let begin = Instant::now();
    let mut stats = cache.stats().await.unwrap();
    while stats.disk_bytes > BOUND {
        assert!(begin.elapsed() < Duration::from_secs(15), "{stats:?}");
        clock.advance(Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(20)).await;
        stats = cache.stats().await.unwrap();
    }
    assert!(stats.bytes > BOUND / 16, "more was evicted than needed: {stats:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_damaged_while_it_is_open_cost_entries_and_never_more() {
    let directory = tempfile::tempdir().unwrap();
    let builder = SledCache::builder(directory.path()).page_cache(1 << 20);
    let cache = builder.open().await.unwrap();
    let mut changes = cache.watch().unwrap().changes(&[namespace()]).await.unwrap();
    for number in 0..1_000 {
        put(&cache, number, 1).await;
    }
    cache.flush().await.unwrap();
    let database = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path());
    let database = database.filter(|path| path.is_dir()).last().unwrap().join("db");
    let mut bytes = fs::read(&database).unwrap();
    for at in (100..bytes.len()).step_by(997) {
        bytes[at] ^= 0x55;
    }
    fs::write(&database, bytes).unwrap();
    let mut missing = 0;
    for number in 0..1_000 {
        match cache.get(&key(number)).await.unwrap() {
            Some(found) => assert_eq!(found, value(number, 1)),
            None => missing += 1,
        }
    }
    assert!(missing > 0, "everything was in memory: the test does not reach the files");
    let aside = cache.quarantined().expect("it was set aside");
    assert!(aside.is_dir());
    // It goes on, empty, and whoever watched knows that something happened.
    put(&cache, 1, 2).await;
    assert_eq!(cache.get(&key(1)).await.unwrap(), Some(value(1, 2)));
    let ended = async { while changes.next().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(5), ended).await.expect("the stream has ended");
    drop(cache);
    let cache = SledCache::open(directory.path()).await.unwrap();
    assert_eq!(cache.get(&key(1)).await.unwrap(), Some(value(1, 2)));
    assert!(
        cache.set(&key(2), Bytes::new(), SetOptions::new(Ttl::Never)).await.unwrap().is_stored()
    );
}
