//! The rules of the near tier, one by one, each beside what happens without it.

mod beats;
mod bounds;
mod fills;
mod gaps;
mod lifetimes;
mod own_writes;
mod reads;
mod tags;
mod tokens;
mod trust;
mod unwatched;
mod without;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use backend_memory::MemoryCache;
use cache_api::{Clock, Error, Key, TestClock};
use integration_tests::faults::Scripted;

use super::{Copies as _, Near, Tier, tier::What};
use crate::{Larder, LarderBuilder, Origin, Typed, envelope::Version};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// Two servers on one store: one keeps copies, the other changes what they are of.
struct Bench {
    clock: TestClock,
    store: Scripted,
    larder: Larder,
    near: Near<u64>,
    /// The other one. It goes past the script.
    other: Typed<u64>,
}

impl Bench {
    /// On a store of this process.
    async fn new() -> Self {
        Self::with(|builder| builder).await
    }

    async fn with(options: impl FnOnce(LarderBuilder) -> LarderBuilder) -> Self {
        let bench = Self::unarmed(false, options);
        bench.is_armed(1).await;
        bench
    }

    /// On a store that others share, whose reports can fall silent.
    async fn shared() -> Self {
        let bench = Self::unarmed(true, |builder| builder);
        bench.is_armed(1).await;
        bench
    }

    fn unarmed(shared: bool, options: impl FnOnce(LarderBuilder) -> LarderBuilder) -> Self {
        let clock = TestClock::new();
        let memory = MemoryCache::builder().clock(Arc::new(clock.clone())).build();
        let store = Scripted::new(Arc::new(memory));
        let store = if shared { store.shared() } else { store };
        let ours = Larder::builder(store.clone()).near(1 << 20).clock(Arc::new(clock.clone()));
        let others = Larder::builder(Arc::clone(store.store())).clock(Arc::new(clock.clone()));
        let larder = options(ours).build();
        let typed = |larder: &Larder| larder.namespace("n").unwrap().typed().default_ttl(HOUR);
        let (near, other) = (typed(&larder).near(), typed(&others.build()));
        Self { clock, store, larder, near, other }
    }

    /// So many times it has begun to hear of changes, and has heard of all that were reported.
    async fn is_armed(&self, times: usize) {
        self.store.reports().armed(times).await;
        self.store.reports().delivered().await;
    }

    /// The other server writes, and it is reported.
    async fn put(&self, key: &str, value: u64) {
        self.other.set(key, &value).await.unwrap();
        self.store.reports().delivered().await;
    }

    /// Reads until there is a copy.
    async fn copied(&self, key: &str, value: u64) {
        self.near.get(key).await.unwrap();
        assert_eq!(self.get(key).await, (Some(value), Origin::Near), "it is kept");
    }

    async fn get(&self, key: &str) -> (Option<u64>, Origin) {
        self.got(self.near.get(key)).await
    }

    /// What a look-up through this larder gives, and from where.
    async fn got<T: Copy>(
        &self,
        look: impl Future<Output = Result<Option<Arc<T>>, Error>>,
    ) -> (Option<T>, Origin) {
        let before = self.larder.stats().near;
        let value = look.await.unwrap().map(|value| *value);
        let after = self.larder.stats().near;
        assert_eq!(after.hits + after.misses, before.hits + before.misses + 1, "counted once");
        (value, if after.hits > before.hits { Origin::Near } else { Origin::Store })
    }

    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn key(&self, user: &str) -> Key {
        self.near.typed().space().key(user).unwrap()
    }

    fn tier(&self) -> &Tier {
        self.larder.inner.near.as_deref().unwrap()
    }

    /// How one who keeps no rule makes a copy: of what was read at some time, without a token from then.
    fn keep_naively(&self, key: &str, value: u64, lives: Option<Duration>) {
        let key = self.key(key);
        let what = What::Value {
            value: Arc::new(value),
            codec: <crate::codec::MessagePack as crate::codec::Codec<u64>>::ID,
            schema: 0,
        };
        let fill = self.tier().begin(&key).expect("changes are told");
        fill.keep(&key, what, Version::from_bytes([0; 8]), None, lives, 1);
    }
}
