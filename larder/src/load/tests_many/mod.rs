//! Calls for many keys, and loaders that are given once.

mod batch;
mod faults;
mod invalidations;
mod read_through;
mod sharing;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use backend_memory::MemoryCache;
use cache_api::{Cache, TestClock};
use integration_tests::faults::Scripted;
use tokio::sync::watch;

use crate::{GetOrLoadMany, Larder, Typed, codec::MessagePack};

const MINUTE: Duration = Duration::from_secs(60);

/// A store that does as it is told, and a server that uses it.
struct Fixture {
    clock: TestClock,
    store: Scripted,
    larder: Larder,
    values: Typed<u64>,
    source: Source,
}

fn fixture() -> Fixture {
    let clock = TestClock::new();
    let memory = MemoryCache::builder().clock(Arc::new(clock.clone())).build();
    let store = Scripted::new(Arc::new(memory));
    let (larder, values) = server(&store, &clock);
    Fixture { clock, store, larder, values, source: Source::default() }
}

/// A server of the fleet that shares this store.
fn server(store: &Scripted, clock: &TestClock) -> (Larder, Typed<u64>) {
    let store: Arc<dyn Cache> = Arc::new(store.clone());
    let larder = Larder::builder(store).clock(Arc::new(clock.clone())).build();
    let values = larder.namespace("values").unwrap().typed().default_ttl(MINUTE);
    (larder, values)
}

/// Has ten times each key below a hundred, plus what it was told to add.
#[derive(Debug, Clone)]
struct Source {
    asked: Arc<Mutex<Vec<Vec<u64>>>>,
    added: Arc<Mutex<u64>>,
    failing: Arc<Mutex<Option<Failure>>>,
    door: Door,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    Error,
    Panic,
    Hang,
}

impl Default for Source {
    fn default() -> Self {
        let door = Door::default();
        door.open();
        Self { asked: Arc::default(), added: Arc::default(), failing: Arc::default(), door }
    }
}

impl Source {
    async fn many(self, keys: Vec<u64>) -> Result<Vec<(u64, u64)>, Failure> {
        let added = *self.added.lock().unwrap();
        self.asked.lock().unwrap().push(keys.clone());
        self.door.pass().await;
        let failing = *self.failing.lock().unwrap();
        match failing {
            None => {
                let known = keys.into_iter().filter(|key| *key < 100 || *key >= 1000);
                Ok(known.map(|key| (key, key * 10 + added)).collect())
            }
            Some(Failure::Hang) => std::future::pending().await,
            Some(Failure::Panic) => panic!("as the test wants it"),
            Some(failure) => Err(failure),
        }
    }

    async fn one(self, key: u64) -> Result<u64, Failure> {
        Ok(self.many(vec![key]).await?[0].1)
    }

    /// A call that asks this source.
    fn load(
        &self,
        values: &Typed<u64>,
        keys: impl IntoIterator<Item = u64>,
    ) -> GetOrLoadMany<u64, MessagePack, u64, Failure> {
        let source = self.clone();
        values.get_or_load_many(keys, |missing| source.many(missing))
    }

    /// What it was asked for, question by question.
    fn asked(&self) -> Vec<Vec<u64>> {
        self.asked.lock().unwrap().clone()
    }

    fn add(&self, more: u64) {
        *self.added.lock().unwrap() += more;
    }

    fn fail(&self, how: impl Into<Option<Failure>>) {
        *self.failing.lock().unwrap() = how.into();
    }

    /// The same values, behind a door that is closed.
    fn behind_a_door(&self) -> Self {
        Self { door: Door::default(), ..self.clone() }
    }
}

/// Where loads wait until the test lets them go on.
#[derive(Debug, Clone, Default)]
struct Door {
    waiting: Arc<watch::Sender<usize>>,
    most: Arc<watch::Sender<usize>>,
    open: Arc<watch::Sender<bool>>,
}

impl Door {
    async fn pass(&self) {
        self.waiting.send_modify(|waiting| *waiting += 1);
        self.most.send_modify(|most| *most = (*most).max(*self.waiting.borrow()));
        self.open.subscribe().wait_for(|open| *open).await.unwrap();
        self.waiting.send_modify(|waiting| *waiting -= 1);
    }

    /// Waits until so many wait here.
    async fn reached_by(&self, loads: usize) {
        let mut waiting = self.waiting.subscribe();
        let reached = waiting.wait_for(|waiting| *waiting == loads);
        tokio::time::timeout(MINUTE, reached).await.expect("loads that wait").unwrap();
    }

    fn open(&self) {
        self.open.send_replace(true);
    }
}

/// Polls everything that can go on without anyone's help.
async fn settled() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

/// Until no load is left.
async fn landed(larder: &Larder) {
    for _ in 0..1000 {
        if larder.inner.flights.is_empty() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("loads are left");
}

fn sorted(keys: &[u64]) -> BTreeSet<u64> {
    keys.iter().copied().collect()
}
