//! Many at once: who reads in the process that writes sees nothing older than what was acknowledged.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use backend_memory::MemoryCache;
use cache_api::{Cache, Key, SetOptions};
use integration_tests::faults::Scripted;
use larder::Tiered;

use crate::{
    bench::{key, namespace},
    naive::Naive,
};

const KEYS: usize = 4;
const READERS: usize = 4;
const LIFETIME: Duration = Duration::from_secs(3600);

/// What came of it.
#[derive(Debug, Default)]
struct Outcome {
    reads: u64,
    writes: u64,
    /// Reads of something older than a write that had been acknowledged when they began.
    old: u64,
}

/// A writer for each key, which counts up, and some readers of each, until so much was read or something
/// went wrong.
async fn run(store: Arc<dyn Cache>, reads: u64, bound: Duration) -> Outcome {
    let keys: Arc<Vec<Key>> = Arc::new((0..KEYS).map(|number| key(&number.to_string())).collect());
    let acknowledged: Arc<Vec<AtomicU64>> =
        Arc::new((0..KEYS).map(|_| AtomicU64::new(0)).collect());
    for key in keys.iter() {
        let zero = store.set(key, "0".into(), SetOptions::new(LIFETIME)).await.unwrap();
        assert!(zero.is_stored());
    }
    let (ends, old) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
    let (read, written) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
    let mut tasks = tokio::task::JoinSet::new();
    for at in 0..KEYS {
        let (store, keys, acknowledged) =
            (Arc::clone(&store), Arc::clone(&keys), Arc::clone(&acknowledged));
        let (ends, written) = (Arc::clone(&ends), Arc::clone(&written));
        tasks.spawn(async move {
            for version in 1_u64.. {
                let value = version.to_string().into();
                let set = store.set(&keys[at], value, SetOptions::new(LIFETIME)).await.unwrap();
                assert!(set.is_stored());
                acknowledged[at].store(version, SeqCst);
                written.fetch_add(1, SeqCst);
                // Long enough for copies to be made, and short enough to meet them while they are.
                for _ in 0..version % 23 {
                    tokio::task::yield_now().await;
                }
                if ends.load(SeqCst) {
                    break;
                }
            }
        });
    }
    for reader in 0..KEYS * READERS {
        let at = reader % KEYS;
        let (store, keys, acknowledged) =
            (Arc::clone(&store), Arc::clone(&keys), Arc::clone(&acknowledged));
        let (ends, read, old) = (Arc::clone(&ends), Arc::clone(&read), Arc::clone(&old));
        tasks.spawn(async move {
            while !ends.load(SeqCst) {
                let at_least = acknowledged[at].load(SeqCst);
                let found = match reader % 3 {
                    0 => store.get_many(&[keys[at].clone()]).await.unwrap().pop().flatten(),
                    _ => store.get(&keys[at]).await.unwrap(),
                };
                let found = found.expect("nobody removes it");
                let version: u64 = std::str::from_utf8(&found).unwrap().parse().unwrap();
                old.fetch_add(u64::from(version < at_least), SeqCst);
                read.fetch_add(1, SeqCst);
                tokio::task::yield_now().await;
            }
        });
    }
    let deadline = Instant::now() + bound;
    while read.load(SeqCst) < reads && old.load(SeqCst) == 0 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    ends.store(true, SeqCst);
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    Outcome { reads: read.load(SeqCst), writes: written.load(SeqCst), old: old.load(SeqCst) }
}

/// A store in memory whose calls give way to others before they are applied and after.
fn hesitating() -> Scripted {
    let store = Scripted::new(Arc::new(MemoryCache::new()));
    store.hesitate();
    store
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_reader_sees_anything_older_than_what_was_acknowledged() {
    for hesitates in [false, true] {
        let tiers = match hesitates {
            true => Tiered::new(hesitating(), hesitating()),
            false => Tiered::new(MemoryCache::new(), MemoryCache::new()),
        };
        let outcome = run(Arc::new(tiers.clone()), 100_000, Duration::from_secs(30)).await;
        let hits = tiers.stats().hits;
        println!("hesitates: {hesitates}, {outcome:?}, {hits} hits");
        assert_eq!(outcome.old, 0, "{outcome:?}");
        assert!(hits > outcome.reads / 10 && outcome.writes > 1000, "{hits} hits of {outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_controls_are_caught() {
    for naive in
        [Naive::new(hesitating(), hesitating()), Naive::with_tokens(hesitating(), hesitating())]
    {
        naive.listen(&namespace()).await;
        let outcome = run(Arc::new(naive), u64::MAX, Duration::from_secs(30)).await;
        assert!(outcome.old > 0, "{outcome:?}");
    }
}
