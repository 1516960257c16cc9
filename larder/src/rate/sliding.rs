use std::time::Duration;

use cache_api::{Key, Result, Ttl};

use super::{Decision, RateLimit, limit::number};
use crate::{handle::Space, to_key::ToKey};

/// Two counters: of the present stretch of the wall clock, and of the one before, of which a share still
/// lies within the window.
#[derive(Debug)]
pub(super) struct Sliding {
    previous: Key,
    current: Key,
    weight: Weight,
}

/// How much a request of the stretch before counts: as much of `per_ms` as is left of the present one.
#[derive(Debug, Clone, Copy)]
struct Weight {
    left_ms: u64,
    per_ms: u64,
}

impl Sliding {
    pub(super) fn new(rates: &Space, key: &impl ToKey, per_ms: u64, now_ms: u64) -> Result<Self> {
        let (index, passed_ms) = (now_ms / per_ms, now_ms % per_ms);
        Ok(Self {
            previous: rates.key((key, per_ms, index.wrapping_sub(1)))?,
            current: rates.key((key, per_ms, index))?,
            weight: Weight { left_ms: per_ms - passed_ms, per_ms },
        })
    }

    pub(super) async fn check(&self, limit: &RateLimit, n: u32) -> Result<Decision> {
        let (store, weight) = (limit.store(), self.weight);
        let (most, n) = (u64::from(limit.limit), u64::from(n));
        // It is read to the end of the next stretch, and by servers whose clocks are behind.
        let ttl = Ttl::After(limit.per * 3);
        let (previous, current) = futures_util::future::try_join(
            store.get(&self.previous),
            store.increment(&self.current, n as i64, ttl),
        )
        .await?;
        let previous = number(store, previous.as_ref())?;
        let current = u64::try_from(current).unwrap_or(0);
        if let Some(remaining) = weight.room(most, previous, current) {
            return Ok(Decision::allowed(remaining));
        }
        // Given back, or who asks again and again would never be allowed anything. If that does not arrive
        // it counts, which errs on the safe side.
        if let Err(error) = store.increment(&self.current, -(n as i64), ttl).await {
            tracing::debug!(%error, "what was refused could not be given back");
        }
        let current = current.saturating_sub(n);
        let remaining = weight.room(most, previous, current).unwrap_or(0);
        Ok(Decision::refused(remaining, weight.wait(most, previous, current, n)))
    }
}

impl Weight {
    /// What is left of the limit, in whole requests. `None`: it is exceeded.
    fn room(self, most: u64, previous: u64, current: u64) -> Option<u32> {
        let most = u128::from(most) * u128::from(self.per_ms);
        let used = u128::from(previous) * u128::from(self.left_ms)
            + u128::from(current) * u128::from(self.per_ms);
        // At most the limit, which is so long.
        Some((most.checked_sub(used)? / u128::from(self.per_ms)) as u32)
    }

    /// How long it is until `n` more are allowed, if nothing else happens.
    fn wait(self, most: u64, previous: u64, current: u64, n: u64) -> Duration {
        let Self { left_ms, per_ms } = self;
        let wait_ms = match most.checked_sub(current + n) {
            Some(room) => left_ms.saturating_sub(self.fits(room, previous)),
            // Only when the present stretch has become the one before.
            None => left_ms + (per_ms - self.fits(most - n, current)),
        };
        Duration::from_millis(wait_ms)
    }

    /// With how much left of a stretch, at most, so many of the one before weigh no more than this.
    fn fits(self, room: u64, previous: u64) -> u64 {
        let left_ms = u128::from(room) * u128::from(self.per_ms) / u128::from(previous.max(1));
        left_ms.min(u128::from(self.per_ms)) as u64
    }
}
