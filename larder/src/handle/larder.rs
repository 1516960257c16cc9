use std::{
    any::Any,
    sync::{Arc, Weak},
    time::{Duration, UNIX_EPOCH},
};

use cache_api::{Cache, Clock, Namespace, Result, SystemClock};

use crate::{
    handle::{Counters, Space, Stats},
    invalidate::Outbox,
    layer::Layer,
    load::{Flights, Rests},
    near::{Limits, NearTier, OwnWrites},
    stream,
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
    pub(crate) wake: Wake,
    pub(crate) flights: Arc<Flights>,
    pub(crate) rests: Rests,
    pub(crate) outbox: Outbox,
    pub(crate) near: Option<NearTier>,
}

impl Larder {
    /// A cache over a store. An `Arc<dyn Cache>` is taken as it is.
    pub fn new(store: impl Cache) -> Self {
        Self::builder(store).build()
    }

    /// A cache over a store, with more to say about it.
    pub fn builder(store: impl Cache) -> LarderBuilder {
        LarderBuilder {
            store: shared(store),
            clock: Arc::new(SystemClock),
            max_value: LarderBuilder::DEFAULT_MAX_VALUE,
            near: LarderBuilder::NO_NEAR,
        }
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
        let near = inner.near.as_ref().map(|near| near.tier.stats()).unwrap_or_default();
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

/// What a [`Larder`] is made of.
///
/// ```
/// use larder::{Larder, MemoryCache, TestClock};
/// use std::sync::Arc;
///
/// let clock = TestClock::new();
/// let store = MemoryCache::builder().clock(Arc::new(clock.clone())).build();
/// let larder = Larder::builder(store)
///     .clock(Arc::new(clock.clone()))
///     .max_value(16 << 20)
///     .build();
/// # drop(larder);
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct LarderBuilder {
    store: Arc<dyn Cache>,
    clock: Arc<dyn Clock>,
    max_value: usize,
    near: Limits,
}

impl LarderBuilder {
    /// The longest typed value if nothing is said: 64 MiB, before compression.
    pub const DEFAULT_MAX_VALUE: usize = 64 << 20;

    /// The clock to judge by, for tests. Default: the machine's.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Puts a layer around the store. The last one added is the outermost: it sees a call first.
    /// [`layer`](crate::layer) says which order works.
    ///
    /// ```
    /// use larder::{Larder, MemoryCache, layer::{Breaker, Retry, Timeout}};
    /// use std::time::Duration;
    ///
    /// let larder = Larder::builder(MemoryCache::new())
    ///     .layer(Timeout::new(Duration::from_millis(100)))
    ///     .layer(Retry::new())
    ///     .layer(Breaker::new())
    ///     .build();
    /// # drop(larder);
    /// ```
    #[expect(clippy::needless_pass_by_value, reason = "a layer is a builder, and ends here")]
    pub fn layer(mut self, layer: impl Layer) -> Self {
        self.store = layer.layer(self.store);
        self
    }

    /// The longest typed value in bytes, encoded and before compression. A longer one is an error to
    /// write and a miss to read: it bounds the memory that what stands in a store can cost.
    pub fn max_value(mut self, bytes: usize) -> Self {
        self.max_value = bytes;
        self
    }

    /// Copies of values are kept in the memory of this process, of so many bytes in all, for those who
    /// read them through a [`Near`](crate::Near) handle. Default: 0, none are kept.
    ///
    /// A copy is counted with the length of its encoded value, its key, and 256 bytes for the rest.
    pub fn near(mut self, max_bytes: u64) -> Self {
        self.near.max_bytes = max_bytes;
        self
    }

    /// How long copies live where the store does not report changes or does not let us hear of them, and
    /// so how long they may be behind a change that somebody else made. Default: 1 s.
    pub fn near_ttl(mut self, ttl: Duration) -> Self {
        self.near.unwatched_ttl = ttl;
        self
    }

    /// How long copies are served without a sign of life from the store: the most that one may be behind a
    /// change, whatever pauses and delays there are. Default: 3 s; a heartbeat is sent each second.
    pub fn near_silence(mut self, silence: Duration) -> Self {
        self.near.silence = silence;
        self
    }

    const NO_NEAR: Limits = Limits {
        max_bytes: 0,
        unwatched_ttl: Duration::from_secs(1),
        silence: Duration::from_secs(3),
    };

    /// The cache.
    #[must_use]
    pub fn build(self) -> Larder {
        let Self { store, clock, max_value, near } = self;
        let near = (near.max_bytes > 0).then(|| NearTier::new(&store, &clock, near));
        let store = match &near {
            Some(near) => Arc::new(OwnWrites::new(store, Arc::clone(&near.tier))) as Arc<dyn Cache>,
            None => store,
        };
        Larder {
            inner: Arc::new(Inner {
                shared: store.capabilities().shared,
                store,
                clock,
                max_value,
                counters: Counters::default(),
                streams: stream::Shared::default(),
                wake: Wake::default(),
                flights: Arc::default(),
                rests: Rests::default(),
                outbox: Outbox::default(),
                near,
            }),
        }
    }
}

/// One pointer to the store, not two: each would cost an allocation per call.
fn shared<C: Cache>(store: C) -> Arc<dyn Cache> {
    let mut store = Some(store);
    if let Some(shared) = (&mut store as &mut dyn Any).downcast_mut::<Option<Arc<dyn Cache>>>() {
        return shared.take().expect("it was put there two lines above");
    }
    Arc::new(store.expect("it was put there four lines above"))
}
