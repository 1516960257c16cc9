//! Two scripted stores, and tiers over them.

use std::{sync::Arc, time::Duration};

use backend_memory::MemoryCache;
use bytes::Bytes;
use cache_api::{Cache, Key, Namespace, Op, SetOptions, TestClock, Ttl};
use integration_tests::faults::Scripted;
use larder::tiered::{Tiered, TieredBuilder};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// A front before a back, both of which a test directs. Time is the test's; for the front it stands still.
pub(crate) struct Bench {
    pub(crate) front: Scripted,
    pub(crate) back: Scripted,
    pub(crate) clock: TestClock,
    pub(crate) tiers: Tiered,
}

impl Bench {
    /// Over a back that this process has for itself.
    pub(crate) fn new() -> Self {
        Self::with(|back| back, |builder| builder)
    }

    /// Over a back that others have too, of which beats are expected.
    pub(crate) fn shared() -> Self {
        Self::with(Scripted::shared, |builder| builder)
    }

    pub(crate) fn with(
        back: impl FnOnce(Scripted) -> Scripted,
        builder: impl FnOnce(TieredBuilder) -> TieredBuilder,
    ) -> Self {
        let clock = TestClock::new();
        let (front, back) = (scripted(&TestClock::new()), back(scripted(&clock)));
        let tiers = Tiered::builder(front.clone(), back.clone()).clock(Arc::new(clock.clone()));
        Self { front, back, clock, tiers: builder(tiers).build() }
    }

    /// Reads the key until copies are served, and forgets what was called for that.
    pub(crate) async fn armed(self) -> Self {
        self.get(&key("k")).await;
        self.serving().await;
        self
    }

    pub(crate) async fn serving(&self) {
        for _ in 0..1000 {
            if self.tiers.stats().is_serving {
                break;
            }
            tokio::task::yield_now().await;
        }
        assert!(self.tiers.stats().is_serving);
        self.forget();
    }

    pub(crate) fn forget(&self) {
        self.front.clear_log();
        self.back.clear_log();
    }

    /// What somebody else writes.
    pub(crate) async fn write(&self, key: &Key, value: &'static str, ttl: impl Into<Ttl>) {
        put(&**self.back.store(), key, value, ttl).await;
    }

    /// The same, and everyone is told.
    pub(crate) async fn write_and_tell(&self, key: &Key, value: &'static str) {
        self.write(key, value, Ttl::Never).await;
        self.back.reports().delivered().await;
    }

    pub(crate) async fn get(&self, key: &Key) -> Option<Bytes> {
        self.tiers.get(key).await.expect("the back answers")
    }

    /// Reads, and says whether the back was asked.
    pub(crate) async fn asks_back(&self, key: &Key) -> bool {
        let before = self.back.calls(Op::Get);
        self.get(key).await;
        self.back.calls(Op::Get) > before
    }
}

pub(crate) fn scripted(clock: &TestClock) -> Scripted {
    Scripted::new(Arc::new(MemoryCache::builder().clock(Arc::new(clock.clone())).build()))
}

pub(crate) fn namespace() -> Namespace {
    Namespace::new("n").expect("it is one")
}

pub(crate) fn key(user: &str) -> Key {
    namespace().key(user).expect("a short key")
}

pub(crate) async fn put(store: &dyn Cache, key: &Key, value: &'static str, ttl: impl Into<Ttl>) {
    let set = store.set(key, value.into(), SetOptions::new(ttl)).await;
    assert!(set.is_ok_and(|outcome| outcome.is_stored()));
}

/// Lets other tasks run until they have nothing more to do.
pub(crate) async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}
