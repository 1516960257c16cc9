//! How a request gets its value.

use std::{sync::Arc, time::Duration};

use backend_redis::RedisCache;
use cache_api::{Cache, Key, Namespace, SetOptions, Ttl};
use larder::{
    Larder, Origin, Typed,
    layer::{Breaker, BreakerState, Timeout},
};
use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::TIMEOUT;
use crate::{
    Result,
    time::{Moment, now},
};

/// Values live so long, so that there is always something to load and to store.
const TTL: Duration = Duration::from_millis(700);
/// And some of them may be served for so long after that.
const STALE_FOR: Duration = Duration::from_millis(300);

/// A value: when it was loaded.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Loaded {
    pub(super) begun: Moment,
    pub(super) done: Moment,
}

/// The source: it takes no time, or up to 2 ms.
pub(super) async fn load() -> Result<Loaded> {
    let begun = now();
    let takes = Duration::from_millis(rand::rng().random_range(0..=2));
    if !takes.is_zero() {
        tokio::time::sleep(takes).await;
    }
    Ok(Loaded { begun, done: now() })
}

/// How a request was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answered {
    /// By what stood in the store.
    Hit,
    /// By a load, which is kept.
    Kept,
    /// By a load that the store had no part in.
    Uncached,
    /// By an error.
    Failed,
}

/// With what a server reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Means {
    /// larder, behind a timeout and a breaker.
    Layers,
    /// The control: larder on the bare store, which has its own deadline of half a second.
    Bare,
    /// The control: GET, else load and SET, and the errors of both are those of the request.
    Aside,
}

#[derive(Debug)]
pub(super) enum Reader {
    Larder { values: [Typed<Loaded>; 2], breaker: Breaker },
    Aside { store: Arc<RedisCache>, keys: Namespace },
}

impl Reader {
    pub(super) async fn open(means: Means, url: &str) -> Result<Self> {
        let store = RedisCache::connect(url).await?;
        let breaker = Breaker::new();
        let builder = match means {
            Means::Layers => {
                Larder::builder(store).layer(Timeout::new(TIMEOUT)).layer(breaker.clone())
            }
            Means::Bare => Larder::builder(store),
            Means::Aside => {
                let keys = Namespace::new("values")?;
                return Ok(Self::Aside { store: Arc::new(store), keys });
            }
        };
        let values = builder.build().namespace("values")?.typed().default_ttl(TTL);
        Ok(Self::Larder { values: [values.clone(), values.stale_for(STALE_FOR)], breaker })
    }

    pub(super) async fn read(&self, key: u64) -> Result<(Loaded, Answered)> {
        match self {
            Self::Larder { values, .. } => {
                let values = &values[(key % 2) as usize];
                let answer = values.get_or_load(key, load).answer().await;
                let answer = answer.map_err(|error| error.to_string())?;
                let answered = match answer.origin {
                    Origin::Loaded => Answered::Kept,
                    Origin::Uncached => Answered::Uncached,
                    _ => Answered::Hit,
                };
                Ok((answer.value, answered))
            }
            Self::Aside { store, keys } => aside(store, &keys.key(key.to_string())?).await,
        }
    }

    /// Whether the store is known not to answer, and how many times that has been found so far.
    pub(super) fn outage(&self) -> Option<u64> {
        match self {
            Self::Larder { breaker, .. } => {
                (breaker.state() != BreakerState::Closed).then(|| breaker.times_opened())
            }
            Self::Aside { .. } => None,
        }
    }
}

async fn aside(store: &RedisCache, key: &Key) -> Result<(Loaded, Answered)> {
    if let Some(found) = store.get(key).await? {
        return Ok((serde_json::from_slice(&found)?, Answered::Hit));
    }
    let loaded = load().await?;
    let options = SetOptions::new(Ttl::After(TTL));
    let _ = store.set(key, serde_json::to_vec(&loaded)?.into(), options).await?;
    Ok((loaded, Answered::Kept))
}
