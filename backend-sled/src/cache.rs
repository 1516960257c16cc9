use std::{
    fmt,
    path::Path,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use async_trait::async_trait;
use bytes::Bytes;
use cache_api::{
    Cache, Capabilities, ChangeStream, ChunkSizes, Condition, Key, KeyStream, Namespace, Remaining,
    Result, Scan, SetItem, SetOptions, SetOutcome, Ttl, Watch,
};

use crate::{
    SledCacheBuilder,
    fault::{self, NAME},
    inner::Inner,
    operations::{Done, IN_PLACE, Peek},
};

/// A body's pieces. Longer ones cost no more per byte, and fewer records.
const CHUNKS: ChunkSizes = ChunkSizes::new(32 << 10, 128 << 10);

/// A cache in a directory on disk, for one process.
///
/// # What is on disk when
///
/// `delete`, `delete_if`, `take`, `clear`, an `expire` that shortens a life, a conditional `set` that
/// replaces an entry and any write that replaces a tag (a namespace with a segment `.tag…`) are flushed
/// before they return: they outlive a crash of the process. Flushes are shared by all who wait. A plain
/// `set` is written within [`flush_every`](SledCacheBuilder::flush_every); a crash before that loses it,
/// and what it replaced is back. A flush reaches the system's page cache; a power cut may cost the last
/// [`flush_every`](SledCacheBuilder::flush_every) of everything.
///
/// # On which thread
///
/// sled blocks. What usually takes microseconds runs where it is called: reads and writes of values up
/// to 32 KiB, on pages that are mostly in memory. A hop to a blocking thread costs several times as
/// much. Flushes, longer values, bulk calls, `take`, `clear` and upkeep run on Tokio's blocking threads.
/// A call that is given up there still completes.
///
/// # When the disk is full
///
/// Writes are [refused](cache_api::Error::WriteRefused) and `get` goes on; the few entries on pages that
/// sled would have to rewrite first are misses meanwhile. sled itself never recovers, so
/// the database is opened again once there is room (tried at each refused write, at most ten times a
/// second). The newest plain writes, taken into memory but not by the disk, may be lost by it as in a
/// crash; every [watch](Cache::watch) ends.
///
/// # Damage
///
/// Every record carries a checksum: a damaged one is a miss, counted and removed. Where sled itself
/// cannot read its files, at the opening or later, the database is set aside and the cache goes on
/// empty; see [`quarantined`](Self::quarantined).
///
/// Dropping the cache writes what is left to disk, which may block for a moment.
pub struct SledCache {
    pub(crate) inner: Arc<Inner>,
}

/// What a [`SledCache`] holds and has seen, from [`SledCache::stats`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SledStats {
    /// The entries, expired ones that still wait for the sweep included.
    pub entries: u64,
    /// What they weigh: keys, values, and about 64 bytes each.
    pub bytes: u64,
    /// The size of sled's files.
    pub disk_bytes: u64,
    /// Entries (and databases) that were found damaged and dropped since the opening.
    pub damaged: u64,
}

impl SledCache {
    /// Opens the cache in this directory, with the [builder](Self::builder)'s defaults.
    ///
    /// # Errors
    ///
    /// As [`SledCacheBuilder::open`].
    pub async fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::builder(path).open().await
    }

    /// A cache in this directory, with options.
    pub fn builder(path: impl AsRef<Path>) -> SledCacheBuilder {
        SledCacheBuilder::new(path.as_ref())
    }

    /// Where a damaged database was moved, if one was found at the opening or since (the first).
    #[must_use]
    pub fn quarantined(&self) -> Option<&Path> {
        self.inner.quarantined.get().map(|path| &**path)
    }

    /// Counters, and the size on disk.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`](cache_api::Error::Unavailable) if the directory cannot be read.
    pub async fn stats(&self) -> Result<SledStats> {
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        blocking("stats", &self.inner, move |inner| {
            Ok(SledStats {
                entries: count(inner.entries.load(Relaxed)),
                bytes: inner.weight(),
                disk_bytes: inner.read("stats", |store| store.db.size_on_disk())?,
                damaged: inner.damaged.load(Relaxed),
            })
        })
        .await
    }

    /// Returns when everything written so far outlives the end of the process.
    ///
    /// # Errors
    ///
    /// An error that [may have been applied](cache_api::Error::may_have_applied) if the disk did not
    /// take it.
    pub async fn flush(&self) -> Result<()> {
        self.inner.flush("flush", self.inner.losses()).await
    }

    /// Rewrites the database, so that the disk space of what is gone is free again.
    ///
    /// Happens by itself when the files have grown far beyond what they hold. Reads and writes go on
    /// meanwhile, but for a moment at the end; it needs the room of a second copy. Killed at any step,
    /// the cache opens with the old files or the new ones. A call that is given up completes.
    ///
    /// # Errors
    ///
    /// [`Error::WriteRefused`](cache_api::Error::WriteRefused) if there is no room; everything is as
    /// before.
    pub async fn compact(&self) -> Result<()> {
        blocking("compact", &self.inner, Inner::compact).await
    }

    /// Waits until a write that must not be undone is on disk.
    async fn last<T>(&self, operation: &'static str, losses: u64, done: Done<T>) -> Result<T> {
        if done.must_last {
            self.inner.flush(operation, losses).await?;
        }
        Ok(done.answer)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Cache for SledCache {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(self.inner.max_value).persistent().chunks(CHUNKS)
    }

    async fn get(&self, key: &Key) -> Result<Option<Bytes>> {
        match self.inner.peek(key)? {
            Peek::Value(value) => Ok(value),
            Peek::Long => {
                let key = key.clone();
                blocking("get", &self.inner, move |inner| inner.get(&key)).await
            }
        }
    }

    async fn set(&self, key: &Key, value: Bytes, options: SetOptions) -> Result<SetOutcome> {
        let losses = self.inner.losses();
        let SetOptions { ttl, condition, .. } = options;
        let done = if value.len() <= IN_PLACE {
            self.inner.set(key, &value, ttl, condition)?
        } else {
            let key = key.clone();
            blocking("set", &self.inner, move |inner| inner.set(&key, &value, ttl, condition))
                .await?
        };
        self.last("set", losses, done).await
    }

    async fn delete_if(&self, key: &Key, condition: Condition) -> Result<bool> {
        let losses = self.inner.losses();
        let done = self.inner.delete_if(key, condition)?;
        self.last("delete", losses, done).await
    }

    async fn take(&self, key: &Key) -> Result<Option<Bytes>> {
        let losses = self.inner.losses();
        let key = key.clone();
        let done = blocking("take", &self.inner, move |inner| inner.take(&key)).await?;
        self.last("take", losses, done).await
    }

    async fn ttl(&self, key: &Key) -> Result<Remaining> {
        self.inner.ttl(key)
    }

    async fn expire(&self, key: &Key, ttl: Ttl, condition: Condition) -> Result<bool> {
        let losses = self.inner.losses();
        let done = self.inner.expire(key, ttl, condition)?;
        self.last("expire", losses, done).await
    }

    async fn increment(&self, key: &Key, by: i64, ttl: Ttl) -> Result<i64> {
        let losses = self.inner.losses();
        let done = self.inner.increment(key, by, ttl)?;
        self.last("increment", losses, done).await
    }

    async fn clear(&self, namespace: &Namespace) -> Result<()> {
        let losses = self.inner.losses();
        let namespace = namespace.clone();
        blocking("clear", &self.inner, move |inner| inner.clear(&namespace)).await?;
        self.inner.flush("clear", losses).await
    }

    async fn delete(&self, key: &Key) -> Result<bool> {
        self.delete_if(key, Condition::Always).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>> {
        let keys = keys.to_vec();
        blocking("get", &self.inner, move |inner| keys.iter().map(|key| inner.get(key)).collect())
            .await
    }

    async fn set_many(&self, items: Vec<SetItem>) -> Result<Vec<SetOutcome>> {
        let losses = self.inner.losses();
        let write = move |inner: &Inner| -> Result<Done<Vec<SetOutcome>>> {
            let mut all = Done { answer: Vec::with_capacity(items.len()), must_last: false };
            for SetItem { key, value, options } in &items {
                let done = inner.set(key, value, options.ttl, options.condition)?;
                all.must_last |= done.must_last;
                all.answer.push(done.answer);
            }
            Ok(all)
        };
        let done = blocking("set", &self.inner, write).await?;
        self.last("set", losses, done).await
    }

    async fn delete_many(&self, keys: &[Key]) -> Result<u64> {
        let losses = self.inner.losses();
        let keys = keys.to_vec();
        let remove = move |inner: &Inner| -> Result<Done<u64>> {
            let mut all = Done { answer: 0, must_last: false };
            for key in &keys {
                let done = inner.delete_if(key, Condition::Always)?;
                all.must_last |= done.must_last;
                all.answer += u64::from(done.answer);
            }
            Ok(all)
        };
        let done = blocking("delete", &self.inner, remove).await?;
        self.last("delete", losses, done).await
    }

    fn scan(&self) -> Option<&dyn Scan> {
        Some(self)
    }

    fn watch(&self) -> Option<&dyn Watch> {
        Some(self)
    }
}

impl Scan for SledCache {
    fn keys(&self, namespace: &Namespace) -> KeyStream {
        self.inner.keys(namespace)
    }
}

#[async_trait]
impl Watch for SledCache {
    async fn changes(&self, namespaces: &[Namespace]) -> Result<ChangeStream> {
        Ok(self.inner.changes.subscribe(namespaces))
    }
}

impl fmt::Debug for SledCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // sled's own Debug prints every entry.
        f.debug_struct("SledCache")
            .field("entries", &self.inner.entries.load(Relaxed))
            .field("bytes", &self.inner.weight())
            .finish_non_exhaustive()
    }
}

/// Runs what blocks on a thread that may. It completes there even if the caller gives up.
async fn blocking<T: Send + 'static>(
    operation: &'static str,
    inner: &Arc<Inner>,
    f: impl FnOnce(&Inner) -> Result<T> + Send + 'static,
) -> Result<T> {
    let inner = Arc::clone(inner);
    let done = tokio::task::spawn_blocking(move || f(&inner)).await;
    done.unwrap_or_else(|_| Err(fault::uncertain(operation, "the runtime is ending")))
}
