use cache_api::{Key, Remaining, Result};

use super::{Decision, RateLimit, limit::number};
use crate::{handle::Space, to_key::ToKey};

/// A counter whose lifetime is the window: it is created by the first request, and ends by itself.
#[derive(Debug)]
pub(super) struct Fixed(Key);

impl Fixed {
    pub(super) fn new(rates: &Space, key: &impl ToKey, per_ms: u64) -> Result<Self> {
        Ok(Self(rates.key((key, per_ms))?))
    }

    pub(super) async fn check(&self, limit: &RateLimit, n: u32) -> Result<Decision> {
        let (store, most) = (limit.store(), u64::from(limit.limit));
        if n != 1 {
            // A refused one that is counted takes the rest of the window from smaller ones. Giving it back
            // is no way out: that might come when the window has ended, and begin the next one below zero.
            let count = number(store, store.get(&self.0).await?.as_ref())?;
            if count + u64::from(n) > most {
                return self.refuse(limit, most.saturating_sub(count)).await;
            }
        }
        let count = store.increment(&self.0, i64::from(n), limit.per.into()).await?;
        match most.checked_sub(u64::try_from(count).unwrap_or(0)) {
            Some(remaining) => Ok(Decision::allowed(remaining as u32)),
            None => self.refuse(limit, 0).await,
        }
    }

    async fn refuse(&self, limit: &RateLimit, remaining: u64) -> Result<Decision> {
        let retry_after = match limit.store().ttl(&self.0).await? {
            Remaining::For(left) => left,
            Remaining::Missing => std::time::Duration::ZERO,
            // Not by us.
            Remaining::Never => limit.per,
        };
        Ok(Decision::refused(remaining as u32, retry_after))
    }
}
