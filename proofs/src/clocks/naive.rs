use std::sync::Arc;

use backend_redis::RedisCache;
use cache_api::{Cache, Clock, Key, SetOptions, Ttl};
use serde::{Deserialize, Serialize};

use super::{STALE_FOR, TTL, clock::Shifted, readers::load};
use crate::{Result, time::Moment};

/// The controls: what one writes in an afternoon.
#[derive(Debug)]
pub(super) enum Naive {
    /// An entry says by whose wall time it ends, and the reader looks at his own.
    WallTime { store: Arc<RedisCache>, clock: Shifted },
    /// SET with a lifetime, and what GET finds is true.
    Lifetime(Arc<RedisCache>),
}

#[derive(Serialize, Deserialize)]
struct Entry {
    ends_at_ms: u64,
    loaded: Moment,
}

impl Naive {
    pub(super) async fn read(&self, key: &Key) -> Result<Moment> {
        let (store, now_ms) = match self {
            Self::WallTime { store, clock } => (store, wall_ms(clock)?),
            Self::Lifetime(store) => (store, 0),
        };
        if let Some(found) = store.get(key).await? {
            let entry: Entry = serde_json::from_slice(&found)?;
            if now_ms < entry.ends_at_ms {
                return Ok(entry.loaded);
            }
        }
        let loaded = load().await?;
        let lives = TTL + STALE_FOR;
        let (ends_at_ms, ttl) = match self {
            Self::WallTime { .. } => (now_ms + lives.as_millis() as u64, Ttl::Never),
            Self::Lifetime(_) => (u64::MAX, Ttl::After(lives)),
        };
        let entry = serde_json::to_vec(&Entry { ends_at_ms, loaded })?;
        let _ = store.set(key, entry.into(), SetOptions::new(ttl)).await?;
        Ok(loaded)
    }
}

fn wall_ms(clock: &Shifted) -> Result<u64> {
    let since = clock.system_time().duration_since(std::time::UNIX_EPOCH)?;
    Ok(since.as_millis() as u64)
}
