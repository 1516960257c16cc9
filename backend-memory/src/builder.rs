use std::sync::Arc;

use cache_api::{Clock, SystemClock};

use crate::{MemoryCache, store};

/// How large a [`MemoryCache`] may grow, and what it throws out then.
///
/// ```
/// use backend_memory::MemoryCache;
/// use cache_api::{Cache, TestClock};
/// use std::sync::Arc;
///
/// let clock = TestClock::new();
/// let cache = MemoryCache::builder()
///     .max_bytes(16 << 20)
///     .max_value(1 << 20)
///     .clock(Arc::new(clock.clone()))
///     .build();
/// assert_eq!(cache.capabilities().max_value, 1 << 20);
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build`"]
pub struct MemoryCacheBuilder {
    pub(crate) max_bytes: u64,
    pub(crate) max_value: usize,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) policy: EvictionPolicy,
}

impl MemoryCacheBuilder {
    /// The bound unless another is given: 256 MiB.
    pub const DEFAULT_MAX_BYTES: u64 = 256 << 20;

    /// The smallest bound: 16 KiB.
    pub const SMALLEST_MAX_BYTES: u64 = 16 << 10;

    /// The longest value unless another is given: 64 MiB.
    pub const DEFAULT_MAX_VALUE: usize = 64 << 20;

    pub(crate) fn new() -> Self {
        Self {
            max_bytes: Self::DEFAULT_MAX_BYTES,
            max_value: Self::DEFAULT_MAX_VALUE,
            clock: Arc::new(SystemClock),
            policy: EvictionPolicy::default(),
        }
    }

    /// How many bytes all entries together may take: values, keys (twice), and 440 bytes each for the
    /// rest. Under 16 KiB is 16 KiB.
    ///
    /// A moment's overshoot is possible: by a sixteenth of the bound, 8 MiB at most, and by what is
    /// just being written.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// The longest value in bytes. What does not fit under the bound with the longest key, or is over
    /// 4 GiB, is never taken, whatever is said here.
    pub fn max_value(mut self, bytes: usize) -> Self {
        self.max_value = bytes;
        self
    }

    /// The clock that lifetimes are judged by.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// What is thrown out when the cache is full.
    pub fn policy(mut self, policy: EvictionPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// The cache.
    ///
    /// In a tokio runtime (with time enabled) it starts a task that gives back the memory of expired
    /// entries, and ends with the cache. Elsewhere writes do that, every now and then.
    #[must_use]
    pub fn build(self) -> MemoryCache {
        MemoryCache::with(self)
    }

    pub(crate) fn bound(&self) -> u64 {
        self.max_bytes.max(Self::SMALLEST_MAX_BYTES)
    }

    pub(crate) fn longest_value(&self) -> usize {
        self.max_value.min(store::longest_value(self.bound()))
    }
}

/// What a full cache throws out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum EvictionPolicy {
    /// What was not used for longest. What was just written stays.
    #[default]
    Lru,
    /// What is used least, the newcomer included.
    ///
    /// **A full cache forgets almost all that is new within moments, although `set` answered
    /// `Stored`**: measured, 91 to 99 of 100 leases, locks and tag versions. Nothing wrong is ever
    /// served for it, but loads are repeated, recordings are not committed, and locks do not hold.
    /// For caches of plain values with a few much used keys, and nothing else.
    TinyLfu,
}

impl From<EvictionPolicy> for moka::policy::EvictionPolicy {
    fn from(policy: EvictionPolicy) -> Self {
        match policy {
            EvictionPolicy::Lru => Self::lru(),
            EvictionPolicy::TinyLfu => Self::tiny_lfu(),
        }
    }
}
