use std::{sync::Arc, time::Duration};

use cache_api::{Cache, Clock, SystemClock};

use super::Tiered;
use crate::handle::shared;

/// What a front is bound by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) namespaces: usize,
    pub(super) front_deadline: Duration,
    pub(super) unwatched_ttl: Duration,
    pub(super) silence: Duration,
}

/// How a [`Tiered`] is made, by [`Tiered::builder`].
///
/// ```
/// use larder::{MemoryCache, Tiered};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # let back = MemoryCache::new();
/// let store = Tiered::builder(MemoryCache::builder().max_bytes(32 << 20).build(), back)
///     .unwatched_ttl(Duration::from_millis(200))
///     .front_deadline(Duration::from_millis(50))
///     .namespaces(16)
///     .build();
/// # drop(store);
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct TieredBuilder {
    front: Arc<dyn Cache>,
    back: Arc<dyn Cache>,
    clock: Arc<dyn Clock>,
    limits: Limits,
}

impl TieredBuilder {
    pub(super) fn new(front: impl Cache, back: impl Cache) -> Self {
        Self {
            front: shared(front),
            back: shared(back),
            clock: Arc::new(SystemClock),
            limits: Limits {
                namespaces: 64,
                front_deadline: Duration::from_millis(500),
                unwatched_ttl: Duration::from_secs(1),
                silence: Duration::from_secs(3),
            },
        }
    }

    /// How long copies live where the back does not report changes or does not let us hear of them, and so
    /// how long they may be behind a change that somebody else made. Default: 1 s.
    pub const fn unwatched_ttl(mut self, ttl: Duration) -> Self {
        self.limits.unwatched_ttl = ttl;
        self
    }

    /// How long copies are served without a sign of life from a back that others share: the most that one
    /// may be behind a change, whatever pauses and delays there are. Default: 3 s; Redis sends one each
    /// second.
    pub const fn silence(mut self, silence: Duration) -> Self {
        self.limits.silence = silence;
        self
    }

    /// How long a reader waits for the front before he asks the back. Default: 500 ms. A front that takes
    /// longer has failed, and is left alone for a second.
    pub const fn front_deadline(mut self, deadline: Duration) -> Self {
        self.limits.front_deadline = deadline;
        self
    }

    /// Of how many namespaces copies are kept: of the first that are read. Others are read from the back.
    /// Default: 64. Each costs Redis something with every write.
    pub const fn namespaces(mut self, most: usize) -> Self {
        self.limits.namespaces = most;
        self
    }

    /// The clock to judge by, for tests. Default: the machine's.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The store.
    #[must_use]
    pub fn build(self) -> Tiered {
        Tiered::with(self.front, self.back, self.clock, self.limits)
    }
}
