use std::{
    sync::{Arc, Weak},
    time::UNIX_EPOCH,
};

use cache_api::{Cache, Clock, Namespace, Result};

use super::{Counters, LarderBuilder, Space, Stats};
use crate::{
    feed::Feed,
    invalidate::Outbox,
    lease::GivenUp,
    load::{Flights, Rests},
    near::Tier,
    stream,
    switches::{Rule, Switches},
    wake::Wake,
};

/// A cache: a store, and everything that is done with it. Cheap to clone; clones are the same cache.
///
/// ```
/// use larder::{Larder, MemoryCache};
///
/// let larder = Larder::new(MemoryCache::builder().max_bytes(64 << 20).build());
/// let users = larder.namespace("users")?;
/// assert_eq!(users.namespace().as_str(), "users");
/// # Ok::<(), larder::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Larder {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) store: Arc<dyn Cache>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) max_value: usize,
    /// Whether other processes see the entries.
    pub(crate) shared: bool,
    pub(crate) counters: Counters,
    pub(crate) streams: stream::Shared,
    pub(crate) wake: Arc<Wake>,
    pub(crate) flights: Arc<Flights>,
    pub(crate) given_up: Arc<GivenUp>,
    pub(crate) rests: Rests,
    pub(crate) outbox: Outbox,
    pub(crate) near: Option<Arc<Tier>>,
    /// What tells of changes of the store, if anyone wants to hear of them.
    pub(crate) feed: Option<Feed>,
    pub(crate) switches: Switches,
}

impl Larder {
    /// A cache over a store. An `Arc<dyn Cache>` is taken as it is.
    pub fn new(store: impl Cache) -> Self {
        Self::builder(store).build()
    }

    /// A cache over a store, with more to say about it.
    pub fn builder(store: impl Cache) -> LarderBuilder {
        LarderBuilder::new(store)
    }

    /// The entries under a name. Spaces of one name are the same space.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidNamespace`](cache_api::Error::InvalidNamespace), which says what is wrong with
    /// the name.
    pub fn namespace(&self, name: &str) -> Result<Space> {
        Ok(Space::new(self.clone(), Namespace::new(name)?))
    }

    /// The store itself, for what has no place in this handle.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Cache> {
        &self.inner.store
    }

    /// The clock that lifetimes, deadlines and beats are judged by.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    /// Whether a rule is kept, as all are unless a test does without one.
    pub(crate) fn keeps(&self, rule: Rule) -> bool {
        self.inner.switches.keep(rule)
    }

    pub(crate) fn downgrade(&self) -> WeakLarder {
        WeakLarder(Arc::downgrade(&self.inner))
    }

    /// Wall time, in milliseconds since 1970. Before 1970 no clock was ever right.
    pub(crate) fn now_ms(&self) -> u64 {
        let since = self.inner.clock.system_time().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| since.as_millis() as u64)
    }

    /// What has happened so far, in this process and through this handle and its clones.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let inner = &self.inner;
        let near = inner.near.as_ref().map_or(0, |tier| tier.bytes());
        inner.counters.stats(inner.streams.stats(), inner.outbox.len(), near)
    }
}

/// A cache, for a task that must not keep it alive.
#[derive(Debug, Clone)]
pub(crate) struct WeakLarder(Weak<Inner>);

impl WeakLarder {
    pub(crate) fn upgrade(&self) -> Option<Larder> {
        self.0.upgrade().map(|inner| Larder { inner })
    }
}
