//! Servers that read, each by its own clock.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use backend_redis::RedisCache;
use cache_api::{Cache, Namespace};
use larder::{Larder, Near, Typed};
use rand::RngExt;

use super::{KEYS, STALE_FOR, TTL, clock::Shifted, naive::Naive};
use crate::{
    Result,
    time::{Moment, now},
};

/// How long a reader waits for what somebody else loads.
pub(super) const WAIT: Duration = Duration::from_secs(1);

/// A read: when, and when what it gave was loaded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Read {
    pub(super) begun: Moment,
    pub(super) done: Moment,
    pub(super) loaded: Moment,
}

/// The source says what time it is, after a moment.
pub(super) async fn load() -> Result<Moment> {
    let takes = Duration::from_millis(rand::rng().random_range(0..=4));
    tokio::time::sleep(takes).await;
    Ok(now())
}

/// With what a server reads.
#[derive(Debug)]
pub(super) enum Reader {
    /// Values that may be stale for a while, and others that live for the same time in all.
    Store([Typed<Moment>; 2]),
    /// The same, through a near tier.
    Near([Near<Moment>; 2]),
    Naive(Naive, Namespace),
}

impl Reader {
    /// One that asks the store, and one that keeps copies.
    pub(super) async fn two_on_redis(url: &str, clock: &Shifted) -> Result<[Self; 2]> {
        let store = RedisCache::connect(url).await?;
        let near = RedisCache::connect(url).await?;
        Self::two(Arc::new(store), Arc::new(near), clock)
    }

    pub(super) fn two(
        store: Arc<dyn Cache>,
        near: Arc<dyn Cache>,
        clock: &Shifted,
    ) -> Result<[Self; 2]> {
        let clock = Arc::new(clock.clone());
        let store = Larder::builder(store).clock(Arc::clone(&clock) as _).build();
        let near = Larder::builder(near).clock(clock).near(1 << 20).build();
        let near = values(&near)?.map(|values| values.near());
        Ok([Self::Store(values(&store)?), Self::Near(near)])
    }

    async fn read(&self, key: u64) -> Result<Moment> {
        let kind = (key % 2) as usize;
        match self {
            Self::Store(values) => {
                let read = values[kind].get_or_load(key, load).await;
                Ok(read.map_err(|error| error.to_string())?)
            }
            Self::Near(values) => {
                let read = values[kind].get_or_load(key, load).await;
                Ok(*read.map_err(|error| error.to_string())?)
            }
            Self::Naive(naive, keys) => naive.read(&keys.key(key.to_string())?).await,
        }
    }

    /// Reads until it is told to stop.
    pub(super) async fn read_on(self, stop: Arc<AtomicBool>) -> Result<Vec<Read>> {
        let mut reads = Vec::new();
        while !stop.load(SeqCst) {
            let (key, pause) = {
                let mut rng = rand::rng();
                (rng.random_range(0..KEYS), rng.random_range(1..=4))
            };
            let begun = now();
            let loaded = self.read(key).await?;
            reads.push(Read { begun, done: now(), loaded });
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        Ok(reads)
    }
}

fn values(larder: &Larder) -> Result<[Typed<Moment>; 2]> {
    let values = larder.namespace("values")?.typed().wait(WAIT);
    Ok([values.clone().default_ttl(TTL + STALE_FOR), values.default_ttl(TTL).stale_for(STALE_FOR)])
}
