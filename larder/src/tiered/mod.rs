//! Tiers of stores: copies of bytes, in a store that is nearer than the one that has the last word.
//!
//! [`Tiered`] puts one store, the *front*, before another, the *back*. The back is the authority: every
//! write goes there, and what it says of conditions, counters, lifetimes, keys and changes is what is
//! said. The front keeps copies of what was read from it: memory in front of Redis saves the round trip, a
//! disk in front of Redis keeps what does not fit into memory, and tiers nest.
//!
//! ```no_run
//! use larder::{Larder, MemoryCache, RedisCache, SledCache, Tiered};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), larder::Error> {
//! let redis = RedisCache::connect("redis://127.0.0.1").await?;
//! let disk = SledCache::open("./copies").await?;
//! let memory = MemoryCache::builder().max_bytes(32 << 20).build();
//! let larder = Larder::new(Tiered::new(memory, Tiered::new(disk, redis)));
//! # drop(larder);
//! # Ok(())
//! # }
//! ```
//!
//! The same by URL: `tiered:?memory=32MiB&disk=./copies&store=redis://127.0.0.1`, see
//! [`open`](fn@crate::open). Values that are read very often are better kept decoded, by a
//! [near tier](crate::Near): it is several times as fast as a front in memory, and both can be had at once.
//!
//! # What may be relied on
//!
//! Through the handle that writes and its clones, no reader sees anything older than a write that was
//! acknowledged. Elsewhere a copy is behind a change for as long as the report of it takes, and never longer
//! than the [`silence`](TieredBuilder::silence), whatever pauses and delays there are, and however many tiers;
//! where the back reports no changes or does not let us hear them, for the
//! [`unwatched_ttl`](TieredBuilder::unwatched_ttl), to which each further tier adds its own. These are the
//! rules of the [near tier](crate::Near):
//!
//! - Who makes a copy takes a token *before* the back is asked, and a change that is told meanwhile kills
//!   it. Keeping and removing take time here, so that *nobody looks for a copy of a key while a fill or a
//!   removal of it is under way*.
//! - What this process writes removes the copy once the back has answered, whatever it answered, and when the
//!   caller gave up.
//! - A gap in the reports, a failure of the front, a `clear`: no copy that was made before is served any
//!   more. Each carries the epoch it was made in, and whose it is: what an earlier process left on disk,
//!   or another one in a front that both use, is a miss.
//! - A copy dies with its entry, and is served only while the newest *answered* heartbeat of the back is
//!   recent enough.
//! - Within a loader, and by [`fresh`](crate::NearGet::fresh) and [`after`](crate::NearGet::after), copies
//!   are passed by.
//!
//! Reading here and then there has no order: who has seen a change in a place that is no copy (by a
//! refused condition of another process, say) may for that time still read the copy.
//!
//! Who [watches](Cache::watch) a tiered store is told of a change only when the front does not serve the
//! old copy any more, so that whatever keeps copies of these copies is right. It is a watch of the back of
//! its own: with a near tier and two fronts Redis has three.
//!
//! # What is kept
//!
//! - What was read, when it was read; never what was written.
//! - Of the first 64 [namespaces](TieredBuilder::namespaces) that are read. The changes of each are
//!   listened to, which begins with a gap.
//! - Of the library's own records: tags, and what stands for answers. Not the chunks of streams, which
//!   nobody listens to; a body of up to 16 KiB stands in its manifest, which is kept. Not the marks of
//!   those who load or record, who may be dead.
//! - Values up to the longest of the front, less 32 bytes. The front is told to keep a copy for an hour at
//!   most, so that what is of nobody any more goes in the end.
//!
//! # What it costs
//!
//! A hit is a look at the front and 150 ns more: in memory 0.32 µs where Redis takes 39 µs, on disk 0.58 µs. A
//! miss is a look at the front, the call to the back, and after it, while nobody waits, one for the lifetime
//! of what was found. A write costs a look at the front, and a removal there if a copy is kept, which nobody
//! waits for either; on disk that is a flush.
//!
//! A front never fails a call. One that fails or hangs is passed by for a second, and what it kept is void.

mod builder;
mod cache;
mod copy;
mod front;
mod kept;
mod namespaces;
mod reader;
mod under_way;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use bytes::Bytes;
use cache_api::{Cache, Clock, Key, Remaining, Result};

use self::{
    builder::Limits,
    front::{Fill, Front},
    kept::{Hit, Kept},
    reader::Reader,
};
use crate::{
    feed::Feed,
    near::{
        Copies, OwnWrites,
        trust::{Mode, Trust},
    },
};

pub use builder::TieredBuilder;
pub(crate) use reader::anew;

/// A store with copies of what is read from it in another one. Cheap to clone; clones are the same store.
/// The [module](crate::tiered) says what may be relied on.
///
/// Its capabilities are those of the back. The front must be a store of its own, which nobody else writes
/// to: its keys are the same.
///
/// ```
/// use larder::{Larder, MemoryCache, Tiered};
/// # use larder::Cache;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), larder::Error> {
/// # let back = MemoryCache::new();
/// let store = Tiered::new(MemoryCache::builder().max_bytes(32 << 20).build(), back);
/// let larder = Larder::new(store.clone());
/// let users = larder.namespace("users")?.raw();
/// users.set(42, "Ada").forever().await?;
/// # while store.stats().hits == 0 {
/// users.get(42).await?; // from the back, and kept
/// users.get(42).await?; // from the front
/// # tokio::task::yield_now().await;
/// # }
/// assert!(store.stats().hits > 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Tiered {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    back: Arc<dyn Cache>,
    front: Arc<Front>,
    /// What tells of the changes of the back.
    feed: Feed,
    /// The back, for what writes.
    writes: OwnWrites<Front>,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// What a [`Tiered`] has done so far, by [`Tiered::stats`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TieredStats {
    /// Entries that were read from the front.
    pub hits: u64,
    /// Entries that were looked for in the front, and read from the back. What is never kept is not counted.
    pub misses: u64,
    /// Of how many namespaces copies are kept.
    pub namespaces: usize,
    /// Whether copies can be served at present: not before the changes of the back are told, not after some
    /// may have been missed, and not while the front is left alone.
    pub is_serving: bool,
}

impl Tiered {
    /// Copies in `front` of what is read from `back`. An `Arc<dyn Cache>` is taken as it is.
    pub fn new(front: impl Cache, back: impl Cache) -> Self {
        Self::builder(front, back).build()
    }

    /// The same, with more to say about it.
    pub fn builder(front: impl Cache, back: impl Cache) -> TieredBuilder {
        TieredBuilder::new(front, back)
    }

    fn with(
        front: Arc<dyn Cache>,
        back: Arc<dyn Cache>,
        clock: Arc<dyn Clock>,
        limits: Limits,
    ) -> Self {
        // A store of this process cannot fall silent; one that is shared sends heartbeats.
        let beats = back.capabilities().shared;
        let kept = Kept::new(front, Arc::clone(&clock), limits, beats);
        let front = Arc::new(Front::new(kept));
        let feed = Feed::new(Arc::clone(&back), clock, Arc::clone(&front) as _);
        let writes = OwnWrites::new(Arc::clone(&back), Arc::clone(&front));
        let (hits, misses) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { inner: Arc::new(Inner { back, front, feed, writes, hits, misses }) }
    }

    /// What has happened so far.
    #[must_use]
    pub fn stats(&self) -> TieredStats {
        let Inner { front, hits, misses, .. } = &*self.inner;
        TieredStats {
            hits: hits.load(Relaxed),
            misses: misses.load(Relaxed),
            namespaces: front.namespaces().len(),
            is_serving: front.is_serving(),
        }
    }
}

impl Inner {
    async fn get(&self, key: &Key) -> Result<Option<Bytes>> {
        if !self.may_be_kept(key) {
            return self.back.get(key).await;
        }
        if let Some(Hit { value, .. }) = self.front.look(key).await {
            self.hits.fetch_add(1, Relaxed);
            return Ok(Some(value));
        }
        self.misses.fetch_add(1, Relaxed);
        let fill = self.begin(key);
        let found = self.back.get(key).await?;
        self.keep(fill, found.as_ref());
        Ok(found)
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>> {
        let may_be_kept: Vec<_> = keys.iter().map(|key| self.may_be_kept(key)).collect();
        let hits = self.front.look_many(keys, &may_be_kept).await;
        let mut values: Vec<_> = hits.into_iter().map(|hit| Some(hit?.value)).collect();
        let rest: Vec<_> = (0..keys.len()).filter(|&at| values[at].is_none()).collect();
        let (looked_for, missed) = (
            may_be_kept.iter().filter(|&&kept| kept).count(),
            rest.iter().filter(|&&at| may_be_kept[at]).count(),
        );
        self.hits.fetch_add((looked_for - missed) as u64, Relaxed);
        self.misses.fetch_add(missed as u64, Relaxed);
        if rest.is_empty() {
            return Ok(values);
        }
        let begin = |&at: &usize| may_be_kept[at].then(|| self.begin(&keys[at])).flatten();
        let fills: Vec<_> = rest.iter().map(begin).collect();
        let asked: Vec<_> = rest.iter().map(|&at| keys[at].clone()).collect();
        let found = self.back.get_many(&asked).await?;
        for ((at, fill), found) in rest.into_iter().zip(fills).zip(found) {
            self.keep(fill, found.as_ref());
            values[at] = found;
        }
        Ok(values)
    }

    /// How long an entry has left, by its copy if there is one: whoever copies the copy asks for both.
    async fn ttl(&self, key: &Key) -> Result<Remaining> {
        if self.may_be_kept(key)
            && let Some(Hit { left, .. }) = self.front.look(key).await
        {
            return Ok(left);
        }
        self.back.ttl(key).await
    }

    /// Whether there may be a copy of an entry that this reader takes. If its namespace is a new one, it is
    /// listened to from now on.
    fn may_be_kept(&self, key: &Key) -> bool {
        let reader = Reader::present();
        let namespaces = self.front.namespaces();
        if reader == Reader::Loader
            || !namespaces.hold(key) && !namespaces.add(key, || self.feed.want(&[&key.namespace()]))
        {
            return false;
        }
        if reader == Reader::Anew {
            self.front.kill(key);
        }
        true
    }

    /// Begins a copy. To be called before the back is asked.
    fn begin(&self, key: &Key) -> Option<Fill> {
        if self.is_in_a_gap() {
            // Sees to it that changes are told again: it may have been another runtime that did so.
            self.feed.want(&[]);
        }
        self.front.begin(key)
    }

    fn keep(&self, fill: Option<Fill>, found: Option<&Bytes>) {
        if let (Some(fill), Some(value)) = (fill, found) {
            self.front.keep(&self.back, fill, value.clone());
        }
    }

    fn is_in_a_gap(&self) -> bool {
        Trust::mode(self.front.trust().epoch()) == Mode::Gap
    }
}

#[cfg(test)]
mod tests;
