//! What tests of this crate have in common: a store that is directed, and a clock that is moved.

use std::{sync::Arc, time::Duration};

use backend_memory::MemoryCache;
use cache_api::{Cache, KeyStream, TestClock};
use futures_util::StreamExt as _;
use integration_tests::faults::Scripted;
pub(crate) use integration_tests::steps::{abandoned as dropped_after, passing};

use crate::{Larder, Space};

/// A cache over a memory store that does what a test says, at the time that the test says it is.
pub(crate) struct Bench {
    pub(crate) clock: TestClock,
    pub(crate) store: Scripted,
    pub(crate) larder: Larder,
}

pub(crate) fn bench() -> Bench {
    let clock = TestClock::new();
    let memory = MemoryCache::builder().clock(Arc::new(clock.clone())).build();
    let store = Scripted::new(Arc::new(memory));
    let larder = over(&store, &clock);
    Bench { clock, store, larder }
}

fn over(store: &Scripted, clock: &TestClock) -> Larder {
    Larder::builder(store.clone()).clock(Arc::new(clock.clone())).build()
}

impl Bench {
    pub(crate) fn space(&self) -> Space {
        self.larder.namespace("n").unwrap()
    }

    /// The same space as another process sees it.
    pub(crate) fn elsewhere(&self) -> Space {
        over(&self.store, &self.clock).namespace("n").unwrap()
    }

    pub(crate) async fn passing<T>(&self, future: impl Future<Output = T>) -> T {
        passing(&self.clock, future).await
    }

    /// Lets so much time pass, a little at a time.
    pub(crate) async fn wait(&self, time: Duration) {
        self.passing(cache_api::Clock::sleep(&self.clock, time)).await;
    }

    /// The keys that stand in the store, the library's own included.
    pub(crate) async fn keys(&self) -> Vec<String> {
        let memory: &Arc<dyn Cache> = self.store.store();
        let namespace = self.space().namespace().clone();
        let keys: KeyStream = memory.scan().expect("memory lists its keys").keys(&namespace);
        let keys = keys.map(|key| String::from_utf8_lossy(key.unwrap().as_bytes()).into_owned());
        keys.collect().await
    }

    /// Waits until nothing stands in the store.
    pub(crate) async fn until_empty(&self) {
        until("nothing stands there", async || self.keys().await.is_empty()).await;
    }
}

/// What must come without the clock being moved. It fails if it does not, instead of hanging.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    let bound = Duration::from_secs(60);
    tokio::time::timeout(bound, future).await.expect("it comes while the clock stands still")
}

/// Lets other tasks run until it is so.
pub(crate) async fn until(what: &str, is: impl AsyncFn() -> bool) {
    for _ in 0..10_000 {
        if is().await {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("it never came to be that {what}");
}
