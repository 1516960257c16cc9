//! Readers under overwrite and eviction: what is read is one recording, whole, or an error. The control
//! keeps streams as is usual elsewhere (`key:chunk:0..n`, metadata first, a falsy chunk is the end) and
//! must show both torn and short bodies under the same load.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod streams_support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use cache_api::{Cache, Namespace, SetOptions};
use integration_tests::servers::RedisServer;
use larder::stream::Streams;
use streams_support::{Fleet, drain};

/// Reads on a store that evicts; 20,000 in all.
const READS: u64 = 10_000;
const CHUNK: usize = 4096;
/// Chunks of a body, which differ from recording to recording.
const CHUNKS: std::ops::Range<usize> = 6..14;

/// A body that says in each 8 bytes which recording it is of, and in its first how long it is.
fn stamped(recording: u64) -> Vec<u8> {
    let chunks = CHUNKS.start + recording as usize % CHUNKS.len();
    let mut body = recording.to_be_bytes().repeat(chunks * CHUNK / 8);
    let length = body.len() as u64;
    body[..8].copy_from_slice(&length.to_be_bytes());
    body
}

/// Half of the load meets on four keys, to tear; the other half is on so many that they do not all fit
/// into the store, to lose some.
fn key(n: u64) -> String {
    match n % 2 {
        0 => format!("k{}", n / 2 % 4),
        _ => format!("k{}", 4 + n / 2 % 200),
    }
}

#[derive(Debug, Default)]
struct Seen {
    whole: AtomicU64,
    torn: AtomicU64,
    short: AtomicU64,
    missing: AtomicU64,
    errors: AtomicU64,
}

impl Seen {
    /// Judges a body that ended cleanly.
    fn judge(&self, body: &[u8]) {
        let stamps = body.chunks(8).skip(1).collect::<std::collections::HashSet<_>>();
        let said = body.first_chunk().map(|length| u64::from_be_bytes(*length));
        count(match said {
            _ if stamps.len() > 1 => &self.torn,
            Some(length) if length == body.len() as u64 => &self.whole,
            _ => &self.short,
        });
    }

    fn reads(&self) -> u64 {
        [&self.whole, &self.torn, &self.short, &self.missing, &self.errors]
            .iter()
            .map(|seen| seen.load(Relaxed))
            .sum()
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}

/// Writes and reads under the same keys until enough was read.
async fn load<W, R, WF, RF>(seen: &Arc<Seen>, reads: u64, write: W, read: R)
where
    W: Fn(u64) -> WF + Clone + Send + Sync + 'static,
    R: Fn(u64) -> RF + Clone + Send + Sync + 'static,
    WF: Future<Output = ()> + Send,
    RF: Future<Output = ()> + Send,
{
    let done = Arc::new(AtomicBool::new(false));
    let recordings = Arc::new(AtomicU64::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let (done, recordings, write) = (Arc::clone(&done), Arc::clone(&recordings), write.clone());
        tasks.spawn(async move {
            while !done.load(Relaxed) {
                write(recordings.fetch_add(1, Relaxed)).await;
                tokio::task::yield_now().await;
            }
        });
    }
    for task in 0..8 {
        let (done, seen, read) = (Arc::clone(&done), Arc::clone(seen), read.clone());
        tasks.spawn(async move {
            for n in (task..).step_by(7) {
                read(n).await;
                if seen.reads() >= reads {
                    return done.store(true, Relaxed);
                }
                tokio::task::yield_now().await;
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
}

async fn streams_are_read(streams: &Streams<String>, reads: u64) -> Arc<Seen> {
    let seen = Arc::new(Seen::default());
    let writer = streams.clone();
    let write = move |recording: u64| {
        let streams = writer.clone();
        async move {
            let body = Bytes::from(stamped(recording));
            let key = key(recording);
            let Ok(mut recorder) = streams.record(key, String::new()).await else { return };
            for piece in body.chunks(10_000) {
                let _ = recorder.write(body.slice_ref(piece)).await;
            }
            let _ = recorder.commit().await;
        }
    };
    let reader = (streams.clone(), Arc::clone(&seen));
    let read = move |n: u64| {
        let (streams, seen) = reader.clone();
        async move {
            match streams.follow(key(n)).await {
                Ok(Some(reader)) => match drain(reader).await {
                    (body, Ok(())) => seen.judge(&body),
                    (_, Err(_)) => count(&seen.errors),
                },
                Ok(None) => count(&seen.missing),
                Err(_) => count(&seen.errors),
            }
        }
    };
    load(&seen, reads, write, read).await;
    seen
}

/// The usual layout.
async fn naive_is_read(store: &Arc<dyn Cache>, reads: u64) -> Arc<Seen> {
    let seen = Arc::new(Seen::default());
    let namespace = Namespace::new("naive").unwrap();
    let options = SetOptions::new(Duration::from_secs(600));
    let writer = (Arc::clone(store), namespace.clone());
    let write = move |recording: u64| {
        let (store, namespace) = writer.clone();
        async move {
            let key = key(recording);
            let meta = namespace.key(&key).unwrap();
            let _ = store.set(&meta, "head".into(), options).await;
            let body = Bytes::from(stamped(recording));
            let chunks = body.len() / CHUNK;
            for (n, piece) in body.chunks(CHUNK).enumerate() {
                let chunk = namespace.key(format!("{key}:chunk:{n}")).unwrap();
                let _ = store.set(&chunk, body.slice_ref(piece), options).await;
            }
            let end = namespace.key(format!("{key}:chunk:{chunks}")).unwrap();
            let _ = store.delete(&end).await;
        }
    };
    let reader = (Arc::clone(store), namespace, Arc::clone(&seen));
    let read = move |n: u64| {
        let (store, namespace, seen) = reader.clone();
        async move {
            let key = key(n);
            let meta = namespace.key(&key).unwrap();
            if !matches!(store.get(&meta).await, Ok(Some(_))) {
                return count(&seen.missing);
            }
            let mut body = Vec::new();
            for n in 0.. {
                let chunk = namespace.key(format!("{key}:chunk:{n}")).unwrap();
                match store.get(&chunk).await {
                    Ok(Some(bytes)) => body.extend_from_slice(&bytes),
                    _ => break,
                }
            }
            seen.judge(&body);
        }
    };
    load(&seen, reads, write, read).await;
    seen
}

/// Fills the store besides, so that it throws out what it holds.
async fn pressed<T>(store: &Arc<dyn Cache>, work: impl Future<Output = T>) -> T {
    let (store, namespace) = (Arc::clone(store), Namespace::new("filler").unwrap());
    let press = async move {
        for n in 0_u64.. {
            let key = namespace.key((n % 100_000).to_string()).unwrap();
            let options = SetOptions::new(Duration::from_secs(600));
            let _ = store.set(&key, vec![0; 8000].into(), options).await;
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
    };
    tokio::select! {
        done = work => done,
        () = press => unreachable!("it presses for ever"),
    }
}

async fn proven(fleet: &Fleet) {
    let streams = fleet.server();
    let seen = pressed(&fleet.store, streams_are_read(&streams, READS)).await;
    println!("streams: {seen:?}");
    assert_eq!((seen.torn.load(Relaxed), seen.short.load(Relaxed)), (0, 0), "{seen:?}");
    assert!(
        seen.whole.load(Relaxed) > READS / 10,
        "too little was read to prove anything: {seen:?}"
    );

    let mut naive = Arc::new(Seen::default());
    for _ in 0..10 {
        // Rare, like all that is found in production only.
        naive = pressed(&fleet.store, naive_is_read(&fleet.store, READS / 2)).await;
        if naive.torn.load(Relaxed) > 0 && naive.short.load(Relaxed) > 0 {
            break;
        }
    }
    println!("naive: {naive:?}");
    assert!(naive.torn.load(Relaxed) > 0, "the control shows nothing torn: {naive:?}");
    assert!(naive.short.load(Relaxed) > 0, "the control shows nothing short: {naive:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_body_is_torn_or_short_on_memory_under_eviction() {
    let store = backend_memory::MemoryCache::builder().max_bytes(4 << 20).build();
    proven(&Fleet::over(Arc::new(store))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_body_is_torn_or_short_on_redis_under_eviction() {
    let server = RedisServer::builder()
        .config("maxmemory 8mb")
        .config("maxmemory-policy allkeys-lru")
        .start()
        .await
        .unwrap();
    let store = backend_redis::RedisCache::builder(&server.url()).unwrap().open().await.unwrap();
    proven(&Fleet::over(Arc::new(store))).await;
}

/// It evicts nothing at this size: overwriting alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_body_is_torn_or_short_on_sled_under_overwriting() {
    let fleet = Fleet::on_sled().await;
    let seen = streams_are_read(&fleet.server(), READS / 5).await;
    println!("streams: {seen:?}");
    assert_eq!((seen.torn.load(Relaxed), seen.short.load(Relaxed)), (0, 0), "{seen:?}");
    assert!(seen.whole.load(Relaxed) > READS / 10, "{seen:?}");
    let naive = naive_is_read(&fleet.store, READS / 5).await;
    println!("naive: {naive:?}");
    assert!(naive.torn.load(Relaxed) > 0, "{naive:?}");
}
