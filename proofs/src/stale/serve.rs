use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use backend_redis::RedisCache;
use larder::{Invalidation, Larder, Near};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::{KEYS, READERS, judge::Read, naive::Naive};
use crate::{
    Result,
    fleet::Parent,
    source::Source,
    time::{BareTimer, Lateness, Moment, now},
};

pub(super) const NAMESPACE: &str = "hot";
/// Nothing expires while a case runs.
pub(super) const TTL: Duration = Duration::from_secs(600);

/// How a server keeps what it read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Protocol {
    /// `Typed::near`.
    Larder,
    /// The control: GET and SET, DEL and PUBLISH, and a map.
    Aside,
    /// The control: larder's leases, with the same map.
    Leases,
}

/// What one server of the fleet does.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(super) protocol: Protocol,
    pub(super) cache: String,
    pub(super) source: String,
    pub(super) seed: u64,
    /// Between two invalidations.
    pub(super) pause: Duration,
    /// Where the reads are written down.
    pub(super) reads: PathBuf,
}

/// An invalidation that returned `Applied`: what was read before this version is stale from now on.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Ack {
    pub(super) key: u64,
    pub(super) version: u64,
    pub(super) at: Moment,
}

/// What a server did. Its reads are in a file.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Done {
    pub(super) acks: Vec<Ack>,
    /// Invalidations that did not return `Applied`.
    pub(super) not_applied: u64,
    pub(super) loads: u64,
    pub(super) near_hits: u64,
    /// Reads that failed, and the first of their errors.
    pub(super) errors: u64,
    pub(super) error: Option<String>,
    pub(super) lateness: Lateness,
}

/// What a server keeps when all is quiet.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Standing {
    /// In its own memory, by key.
    pub(super) near: Vec<Option<u64>>,
    /// In the store.
    pub(super) store: Vec<Option<u64>>,
}

/// Plays a server.
pub(crate) async fn serve(order: Order) -> Result<()> {
    let mut parent = Parent::new();
    let timer = BareTimer::start();
    let server = Arc::new(Server::open(&order).await?);
    parent.say(&"ready")?;
    parent.hear().await?;

    let stop = Arc::new(AtomicBool::new(false));
    let mut readers = JoinSet::new();
    for reader in 0..READERS {
        let (server, stop) = (Arc::clone(&server), Arc::clone(&stop));
        readers.spawn(server.read_on(order.seed ^ (reader + 1), stop));
    }
    let writer = Arc::clone(&server).write_on(order.seed, order.pause, Arc::clone(&stop));
    let writer = tokio::spawn(writer);
    parent.hear().await?;
    stop.store(true, SeqCst);
    let (acks, not_applied) = writer.await??;
    let (mut reads, mut errors) = (Vec::new(), Vec::new());
    while let Some(reader) = readers.join_next().await {
        let (read, failed) = reader?;
        reads.extend(read);
        errors.extend(failed);
    }
    fs::write(&order.reads, Read::to_bytes(&reads))?;
    parent.say(&Done {
        acks,
        not_applied,
        loads: server.source.loads(),
        near_hits: server.near_hits(),
        errors: errors.len() as u64,
        error: errors.into_iter().next(),
        lateness: timer.lateness(),
    })?;

    parent.hear().await?;
    parent.say(&server.standing().await?)
}

/// A server of the fleet.
#[derive(Debug)]
struct Server {
    cache: Kind,
    source: Source,
}

#[derive(Debug)]
enum Kind {
    Larder(Near<u64>),
    Naive(Naive),
}

impl Server {
    async fn open(order: &Order) -> Result<Self> {
        let source = Source::open(&order.source).await?;
        let cache = match order.protocol {
            Protocol::Larder => {
                let store = RedisCache::builder(&order.cache)?.open().await?;
                let larder = Larder::builder(store).near(16 << 20).build();
                Kind::Larder(larder.namespace(NAMESPACE)?.typed().default_ttl(TTL).near())
            }
            Protocol::Aside => Kind::Naive(Naive::open(&order.cache, false).await?),
            Protocol::Leases => Kind::Naive(Naive::open(&order.cache, true).await?),
        };
        Ok(Self { cache, source })
    }

    async fn read(&self, key: u64) -> Result<u64> {
        match &self.cache {
            Kind::Larder(near) => {
                let source = self.source.clone();
                let load = move || async move { source.load(key).await };
                Ok(*near.get_or_load(key, load).await.map_err(|error| error.to_string())?)
            }
            Kind::Naive(naive) => naive.read(key, &self.source).await,
        }
    }

    /// Whether it was applied.
    async fn invalidate(&self, key: u64) -> bool {
        match &self.cache {
            Kind::Larder(near) => matches!(near.invalidate(key).await, Invalidation::Applied),
            Kind::Naive(naive) => naive.invalidate(key).await.is_ok(),
        }
    }

    /// Reads, and notes each read and what failed.
    async fn read_on(
        self: Arc<Self>,
        seed: u64,
        stop: Arc<AtomicBool>,
    ) -> (Vec<Read>, Vec<String>) {
        let mut rng = StdRng::seed_from_u64(seed);
        let (mut reads, mut errors) = (Vec::new(), Vec::new());
        while !stop.load(SeqCst) {
            // A few in a row, as a request makes them.
            for _ in 0..rng.random_range(1..=8) {
                let (key, begun) = (rng.random_range(0..KEYS), now());
                match self.read(key).await {
                    Ok(version) => reads.push(Read { begun, key, version }),
                    Err(error) => errors.push(error.to_string()),
                }
            }
            tokio::time::sleep(Duration::from_millis(rng.random_range(1..=3))).await;
        }
        (reads, errors)
    }

    /// Changes the source and invalidates, and notes what was applied and how much was not.
    async fn write_on(
        self: Arc<Self>,
        seed: u64,
        pause: Duration,
        stop: Arc<AtomicBool>,
    ) -> Result<(Vec<Ack>, u64)> {
        let mut rng = StdRng::seed_from_u64(seed);
        let (mut acks, mut not_applied) = (Vec::new(), 0);
        while !stop.load(SeqCst) {
            tokio::time::sleep(pause.mul_f64(rng.random_range(0.0..2.0))).await;
            let key = rng.random_range(0..KEYS);
            let version = self.source.count(key).await?;
            if self.invalidate(key).await {
                acks.push(Ack { key, version, at: now() });
            } else {
                not_applied += 1;
            }
        }
        Ok((acks, not_applied))
    }

    fn near_hits(&self) -> u64 {
        match &self.cache {
            Kind::Larder(near) => near.typed().space().larder().stats().near.hits,
            Kind::Naive(_) => 0,
        }
    }

    async fn standing(&self) -> Result<Standing> {
        let mut standing = Standing { near: Vec::new(), store: Vec::new() };
        for key in 0..KEYS {
            let (near, store) = match &self.cache {
                Kind::Larder(near) => {
                    (near.get(key).await?.as_deref().copied(), near.typed().get(key).await?)
                }
                Kind::Naive(naive) => (naive.kept(key), naive.stored(key).await?),
            };
            standing.near.push(near);
            standing.store.push(store);
        }
        Ok(standing)
    }
}
