use std::{pin::Pin, sync::Arc, time::Duration};

use cache_api::{Cache, Condition, Key, SetOptions, Ttl};

use super::{Footing, Storer};
use crate::stream::format::Beat;

/// What a round of upkeep found.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Found {
    /// The placeholder is not there any more.
    pub(super) lost: bool,
    /// Someone in another process follows.
    pub(super) followed: bool,
}

pub(super) type Round = Pin<Box<dyn Future<Output = Found> + Send>>;

impl Storer {
    /// How often the placeholder is renewed and a beat is given.
    pub(super) fn upkeep_interval(&self) -> Duration {
        self.options.terms().renewal()
    }

    /// Renews the placeholder, says that the writer lives, and looks whether anyone elsewhere follows.
    pub(super) fn upkeep(&self, sequence: u64, written: u32) -> Round {
        let store = Arc::clone(&self.place.store);
        let placed = matches!(self.footing, Footing::Placed);
        let (key, mine, ttl) = (self.place.key.clone(), self.placeholder(), self.placeholder_ttl());
        let keys = &self.chunks.keys;
        let (beat, follower) = (keys.beat(), keys.follower());
        let record = Beat { sequence, written }.encode(keys.generation);
        Box::pin(async move {
            let (lost, _, followed) = tokio::join!(
                async { placed && lost(store.as_ref(), &key, ttl, mine).await },
                // A beat that is lost is followed by another one.
                store.set(&beat, record, SetOptions::new(ttl)),
                async { matches!(store.get(&follower).await, Ok(Some(_))) },
            );
            Found { lost, followed }
        })
    }

    /// Takes note of it.
    pub(super) fn upkept(&mut self, found: Found) {
        if found.lost {
            // Deleted, evicted or displaced: which of them cannot be told, so it is never placed again.
            self.footing = Footing::Lost;
        }
        if found.followed {
            let until = self.place.clock.now() + self.options.heartbeat * 2;
            self.live.followed_until(until);
        }
    }
}

/// A renewal that fails for another reason than refusal is tried again at the next beat.
async fn lost(store: &dyn Cache, key: &Key, ttl: Ttl, mine: Condition) -> bool {
    matches!(store.expire(key, ttl, mine).await, Ok(false))
}
