//! What the cache costs over bare sled: medians of both, alternating in one run.
//!
//! `cargo run --release -p backend-sled --example cost`

use std::time::{Duration, Instant};

use backend_sled::SledCache;
use bytes::Bytes;
use cache_api::{Cache, Key, Namespace, SetOptions};

type Failure = Box<dyn std::error::Error>;

const ENTRIES: usize = 20_000;
const ROUNDS: usize = 7;

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Failure> {
    println!("{:<34} {:>9} {:>9} {:>7}", "median µs per call", "bare", "cache", "ratio");
    for length in [128, 4096, 16 << 10] {
        compare(length).await?;
    }
    durable().await?;
    hop().await;
    churn().await
}

async fn compare(length: usize) -> Result<(), Failure> {
    let (bare_directory, directory) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let bare = sled::Config::new().path(bare_directory.path()).cache_capacity(64 << 20).open()?;
    let cache = SledCache::open(directory.path()).await?;
    let entries = ENTRIES.min((64 << 20) / length);
    let keys = keys(entries)?;
    let hour = SetOptions::new(Duration::from_secs(3600));
    let (mut sets, mut gets) = (Pair::default(), Pair::default());
    for round in 0..ROUNDS {
        // Another value each time: sled leaves out a write that changes nothing.
        let value = Bytes::from(vec![round as u8; length]);
        let begin = Instant::now();
        for key in &keys {
            bare.insert(key.as_bytes(), &value[..])?;
        }
        sets.bare.push(begin.elapsed() / entries as u32);
        let begin = Instant::now();
        for key in &keys {
            let _ = cache.set(key, value.clone(), hour).await?;
        }
        sets.cache.push(begin.elapsed() / entries as u32);
        // A tenth of the keys, so that pages are in memory on both sides.
        let hot = &keys[..entries / 10];
        let begin = Instant::now();
        for key in hot {
            std::hint::black_box(bare.get(key.as_bytes())?);
        }
        gets.bare.push(begin.elapsed() / hot.len() as u32);
        let begin = Instant::now();
        for key in hot {
            std::hint::black_box(cache.get(key).await?);
        }
        gets.cache.push(begin.elapsed() / hot.len() as u32);
    }
    sets.print(&format!("set, {length} B"));
    gets.print(&format!("get, hot, {length} B"));
    Ok(())
}

/// Removals, which are on disk before they return: one at a time, and 64 at a time.
async fn durable() -> Result<(), Failure> {
    let (bare_directory, directory) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let bare = sled::open(bare_directory.path())?;
    let cache = std::sync::Arc::new(SledCache::open(directory.path()).await?);
    let keys = keys(6_400)?;
    let hour = SetOptions::new(Duration::from_secs(3600));
    for key in &keys {
        bare.insert(key.as_bytes(), "value")?;
        let _ = cache.set(key, "value".into(), hour).await?;
    }
    let (alone, crowd) = keys.split_at(640);
    let mut pair = Pair::default();
    for key in alone {
        let begin = Instant::now();
        bare.remove(key.as_bytes())?;
        bare.flush()?;
        pair.bare.push(begin.elapsed());
        let begin = Instant::now();
        cache.delete(key).await?;
        pair.cache.push(begin.elapsed());
    }
    pair.print("delete, flushed, one at a time");
    let begin = Instant::now();
    for keys in crowd.chunks(64) {
        let tasks: Vec<_> = keys
            .iter()
            .cloned()
            .map(|key| {
                let cache = std::sync::Arc::clone(&cache);
                tokio::spawn(async move { cache.delete(&key).await })
            })
            .collect();
        for task in tasks {
            task.await??;
        }
    }
    let each = begin.elapsed().as_secs_f64() * 1e6 / crowd.len() as f64;
    println!("{:<34} {:>9} {each:>9.2}", "delete, flushed, 64 at a time", "");
    Ok(())
}

/// What a hop to a blocking thread costs: the reason why short calls are made in place.
async fn hop() {
    let mut hops = Vec::new();
    for _ in 0..2_000 {
        let begin = Instant::now();
        let _ = tokio::task::spawn_blocking(|| std::hint::black_box(1)).await;
        hops.push(begin.elapsed());
    }
    println!("{:<34} {:>9} {:>9.2}", "a hop to a blocking thread", "", median(&mut hops));
}

/// What is on disk for what is held, after everything was replaced several times and after a
/// compaction.
async fn churn() -> Result<(), Failure> {
    println!("\n{:<22} {:>9} {:>9} {:>9}", "MiB", "held", "churned", "compacted");
    for length in [4 << 10, 16 << 10, 31 << 10, 64 << 10, 256 << 10, 1 << 20] {
        let directory = tempfile::tempdir()?;
        let cache = SledCache::open(directory.path()).await?;
        let keys = keys((32 << 20) / length)?;
        let hour = SetOptions::new(Duration::from_secs(3600));
        for round in 0..4 {
            for key in &keys {
                let _ = cache.set(key, vec![round; length].into(), hour).await?;
            }
        }
        // Replaced parts are cleared away beside the writer.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        cache.flush().await?;
        let churned = cache.stats().await?;
        cache.compact().await?;
        let compacted = cache.stats().await?;
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        println!(
            "{:<22} {:>9.1} {:>9.1} {:>9.1}",
            format!("values of {} KiB", length >> 10),
            mib(compacted.bytes),
            mib(churned.disk_bytes),
            mib(compacted.disk_bytes)
        );
    }
    Ok(())
}

fn keys(count: usize) -> Result<Vec<Key>, Failure> {
    let namespace = Namespace::new("bench")?;
    Ok((0..count).map(|index| namespace.key(format!("{index:08}"))).collect::<Result<_, _>>()?)
}

#[derive(Default)]
struct Pair {
    bare: Vec<Duration>,
    cache: Vec<Duration>,
}

impl Pair {
    fn print(mut self, what: &str) {
        let (bare, cache) = (median(&mut self.bare), median(&mut self.cache));
        println!("{what:<34} {bare:>9.2} {cache:>9.2} {:>7.2}", cache / bare);
    }
}

fn median(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e6
}
