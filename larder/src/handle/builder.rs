use std::{any::Any, sync::Arc, time::Duration};

use cache_api::{Cache, Clock, SystemClock};

use super::{Counters, Ears, Larder, larder::Inner};
use crate::{
    feed::Feed,
    invalidate::Outbox,
    layer::Layer,
    load::Rests,
    near::{Limits, OwnWrites, Tier},
    stream,
    switches::{Rule, Switches},
    wake::Wake,
};

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
    wakes_by_watch: bool,
    switches: Switches,
}

impl LarderBuilder {
    /// The longest typed value if nothing is said: 64 MiB, before compression.
    pub const DEFAULT_MAX_VALUE: usize = 64 << 20;

    pub(super) fn new(store: impl Cache) -> Self {
        Self {
            store: shared(store),
            clock: Arc::new(SystemClock),
            max_value: Self::DEFAULT_MAX_VALUE,
            near: Limits {
                max_bytes: 0,
                unwatched_ttl: Duration::from_secs(1),
                silence: Duration::from_secs(3),
            },
            wakes_by_watch: false,
            switches: Switches::default(),
        }
    }

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

    /// Whoever waits for a load of another server is told by the store when something changes at the key,
    /// instead of looking there every 20 to 200 ms. Default: only with a [near tier](Self::near), which
    /// hears of changes anyhow.
    ///
    /// Redis then works 4 to 7 µs more for each write of the spaces where this process has waited.
    pub const fn wake_by_watch(mut self) -> Self {
        self.wakes_by_watch = true;
        self
    }

    /// Does without a rule: what is promised is not true any more. For tests that have to see that.
    #[cfg(any(test, feature = "broken-for-tests"))]
    #[doc(hidden)]
    pub const fn without(mut self, rule: crate::switches::Rule) -> Self {
        self.switches.switch_off(rule);
        self
    }

    /// The cache.
    #[must_use]
    pub fn build(self) -> Larder {
        let Self { store, clock, max_value, near, wakes_by_watch, switches } = self;
        // A store of this process cannot fall silent; one that is shared sends heartbeats.
        let beats = store.capabilities().shared;
        let tier = (near.max_bytes > 0)
            .then(|| Arc::new(Tier::new(near, Arc::clone(&clock), beats, switches)));
        let wake = Arc::<Wake>::default();
        let feed = (tier.is_some() || wakes_by_watch).then(|| {
            let ears = Ears { tier: tier.clone(), wake: Arc::clone(&wake) };
            Feed::new(Arc::clone(&store), Arc::clone(&clock), Arc::new(ears))
        });
        let dropping = tier.as_ref().filter(|_| switches.keep(Rule::OwnWritesDropCopies));
        let store = match dropping {
            Some(tier) => Arc::new(OwnWrites::new(store, Arc::clone(tier))) as Arc<dyn Cache>,
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
                wake,
                flights: Arc::default(),
                given_up: Arc::default(),
                rests: Rests::default(),
                outbox: Outbox::default(),
                near: tier,
                feed,
                switches,
            }),
        }
    }
}

/// One pointer to the store, not two: each would cost an allocation per call.
pub(crate) fn shared<C: Cache>(store: C) -> Arc<dyn Cache> {
    let mut store = Some(store);
    if let Some(shared) = (&mut store as &mut dyn Any).downcast_mut::<Option<Arc<dyn Cache>>>() {
        return shared.take().expect("it was put there two lines above");
    }
    Arc::new(store.expect("it was put there four lines above"))
}
