use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use cache_api::{Clock, Prefix, Result, SystemClock};

use crate::{
    SledCache,
    fault::cannot_open,
    inner::Inner,
    open::{self, Tuning},
    time::Time,
    upkeep,
};

const MIB: u64 = 1 << 20;

/// How a [`SledCache`] is opened. Made by [`SledCache::builder`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cache_api::Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// use backend_sled::SledCache;
///
/// let cache = SledCache::builder(directory.path()).max_bytes(256 << 20).open().await?;
/// assert!(cache.quarantined().is_none());
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is opened until `open` is called"]
pub struct SledCacheBuilder {
    path: PathBuf,
    max_bytes: u64,
    max_value: usize,
    page_cache: u64,
    flush_every: Duration,
    sweep_every: Duration,
    dropped: Vec<Bytes>,
    clock: Arc<dyn Clock>,
}

impl SledCacheBuilder {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            max_bytes: 1024 * MIB,
            max_value: 64 << 20,
            page_cache: 64 * MIB,
            flush_every: Duration::from_millis(500),
            sweep_every: Duration::from_secs(10),
            dropped: Vec::new(),
            clock: Arc::new(SystemClock),
        }
    }

    /// How much disk the cache may use, in bytes. Default: 1 GiB. At least 1 MiB.
    ///
    /// The bound is on the files. sled needs about twice what it holds, so that the entries together
    /// (key, value and about 64 bytes each) are kept to half of it, and to less while the files are over
    /// it. Entries are counted with each write; the files are brought back beside the writers, by
    /// evicting and compacting, so that a burst of writes which replaces everything several times over
    /// takes several times the bound until it ends. A compaction needs the room of a second copy.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes.max(MIB);
        self
    }

    /// The longest value, in bytes. Default: 64 MiB. At most 1 GiB.
    pub fn max_value(mut self, bytes: usize) -> Self {
        self.max_value = bytes.min(1 << 30);
        self
    }

    /// How much memory sled keeps pages in, in bytes. Default: 64 MiB. It uses two to three times that.
    pub fn page_cache(mut self, bytes: u64) -> Self {
        self.page_cache = bytes.max(MIB);
        self
    }

    /// How much of the newest plain writes a crash may cost. Default: 500 ms.
    ///
    /// Removals and the like are on disk before they return; see [`SledCache`].
    pub fn flush_every(mut self, every: Duration) -> Self {
        self.flush_every = every.max(Duration::from_millis(1));
        self
    }

    /// How often expired entries are removed and the bound is checked. Default: 10 s.
    pub fn sweep_every(mut self, every: Duration) -> Self {
        self.sweep_every = every.max(Duration::from_millis(1));
        self
    }

    /// Drops, at the opening, the entries whose value begins with this. May be given several times.
    ///
    /// For what says that someone is at work: leases, locks, recordings. One process uses the
    /// directory, so nobody who wrote such an entry before can still be there. The store itself knows
    /// no kinds of entries; `larder` passes the prefixes of its own.
    pub fn drop_at_open(mut self, prefix: Prefix) -> Self {
        self.dropped.push(Bytes::copy_from_slice(prefix.as_bytes()));
        self
    }

    /// The clock by whose wall time lifetimes are judged. Default: the machine's.
    ///
    /// Nothing lives longer because that is set back: time goes on from where it was, and at an opening
    /// from the last write at least.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Opens the cache, creating the directory where it is missing.
    ///
    /// Every record is read once, to count and to clear away: about a second for a few 100 MiB.
    /// A damaged database is set aside and the cache starts empty, which it
    /// [says](SledCache::quarantined). Must be called within a Tokio runtime with time enabled.
    ///
    /// # Errors
    ///
    /// [`Error::Open`](cache_api::Error::Open) if another cache has the directory open (after waiting
    /// two seconds for it to close), if the disk is full, or the system refuses.
    pub async fn open(self) -> Result<SledCache> {
        let Self { path, max_bytes, max_value, page_cache, sweep_every, dropped, clock, .. } = self;
        let flush_ms = u64::try_from(self.flush_every.as_millis()).unwrap_or(u64::MAX).max(1);
        let tuning = Tuning { page_cache, flush_ms };
        let task_clock = Arc::clone(&clock);
        let opening = tokio::task::spawn_blocking(move || {
            let time = Time::new(clock);
            let opened = open::open(&path, tuning, &dropped, &time)?;
            Ok(Arc::new(Inner::new(opened, time, max_bytes, max_value, tuning)))
        });
        let inner = opening
            .await
            .unwrap_or_else(|_| Err(cannot_open("the opening was given up or panicked", None)))?;
        let wake = Arc::clone(&inner.upkeep);
        tokio::spawn(upkeep::run(Arc::downgrade(&inner), wake, task_clock, sweep_every));
        Ok(SledCache { inner })
    }
}

impl fmt::Debug for SledCacheBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SledCacheBuilder")
            .field("path", &self.path)
            .field("max_bytes", &self.max_bytes)
            .field("max_value", &self.max_value)
            .finish_non_exhaustive()
    }
}
