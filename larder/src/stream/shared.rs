use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use tokio::sync::Semaphore;

use crate::stream::{Committed, StreamError, format::Generation, live::Live};

/// So many bytes may be on their way to the store, for all recordings of this process together.
const BUDGET: usize = 64 << 20;

/// What all streams of one `Larder` share: the recordings that this process writes, the budget for bytes
/// in flight, counters. Reached as `larder.inner.streams`.
#[derive(Debug)]
pub(crate) struct Shared {
    live: Mutex<HashMap<Generation, Weak<Live>>>,
    pub(crate) budget: Arc<Semaphore>,
    pub(crate) counters: Counters,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            live: Mutex::default(),
            budget: Arc::new(Semaphore::new(BUDGET)),
            counters: Counters::default(),
        }
    }
}

impl Shared {
    /// Lets others in this process find a recording.
    pub(crate) fn register(&self, generation: Generation, live: &Arc<Live>) {
        let mut recordings = lock(&self.live);
        if recordings.len() == recordings.capacity() {
            // Instead of growing, if that is enough.
            recordings.retain(|_, live| live.strong_count() > 0);
        }
        recordings.insert(generation, Arc::downgrade(live));
    }

    /// The recording, if it is written here.
    pub(crate) fn live(&self, generation: Generation) -> Option<Arc<Live>> {
        lock(&self.live).get(&generation)?.upgrade()
    }

    pub(crate) fn count_outcome(&self, outcome: &Result<Committed, StreamError>) {
        count(match outcome {
            Ok(committed) if committed.stored => &self.counters.committed,
            Ok(_) => &self.counters.unstored,
            Err(_) => &self.counters.aborted,
        });
    }

    /// Part of `Stats`.
    pub(crate) fn stats(&self) -> StreamStats {
        let Counters { hits, misses, followed, damaged, committed, unstored, aborted, cut } =
            &self.counters;
        StreamStats {
            hits: hits.load(Relaxed),
            misses: misses.load(Relaxed),
            followed: followed.load(Relaxed),
            damaged: damaged.load(Relaxed),
            committed: committed.load(Relaxed),
            unstored: unstored.load(Relaxed),
            aborted: aborted.load(Relaxed),
            cut: cut.load(Relaxed),
        }
    }
}

/// What happened to streams, counted since the `Larder` was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamStats {
    /// Committed recordings that were opened.
    pub hits: u64,
    /// Look-ups that found none.
    pub misses: u64,
    /// Readers that followed a recording while it was written.
    pub followed: u64,
    /// Recordings that were found unusable before the first byte was given out: each is a miss.
    pub damaged: u64,
    /// Recordings that were committed.
    pub committed: u64,
    /// Recordings that came to their end, or went on, without being stored.
    pub unstored: u64,
    /// Recordings whose source or writer failed.
    pub aborted: u64,
    /// Bodies that ended in an error after their first byte.
    pub cut: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) hits: AtomicU64,
    pub(crate) misses: AtomicU64,
    pub(crate) followed: AtomicU64,
    pub(crate) damaged: AtomicU64,
    pub(crate) committed: AtomicU64,
    pub(crate) unstored: AtomicU64,
    pub(crate) aborted: AtomicU64,
    pub(crate) cut: AtomicU64,
}

pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is done under these locks does not panic half way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
