//! What was found at a key, and what it is to a reader.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use cache_api::{Cache, Clock, Key, Result};

use super::Typed;
use crate::{
    codec::Codec,
    envelope::{self, Damage, Lifetime},
    handle::{Counters, count},
};

impl<T: 'static, C: Codec<T>> Typed<T, C> {
    pub(super) fn store(&self) -> &Arc<dyn Cache> {
        &self.inner.space.larder().inner.store
    }

    pub(super) fn counters(&self) -> &Counters {
        &self.inner.space.larder().inner.counters
    }

    /// What a look-up found, counted.
    pub(super) fn found(&self, key: &Key, found: Result<Option<Bytes>>) -> Result<Option<T>> {
        Ok(self.judge(key, self.counted(found)?))
    }

    /// What a look-up found, counted.
    pub(super) fn judge(&self, key: &Key, found: Option<Bytes>) -> Option<T> {
        let value = found.and_then(|record| match self.read(key, record) {
            Ok(value) => value,
            Err(damage) => {
                self.counters().damaged(damage);
                tracing::debug!(%key, ?damage, "an entry cannot be used");
                None
            }
        });
        count(if value.is_some() { &self.counters().hits } else { &self.counters().misses });
        value
    }

    /// Whether a look-up would find a value here.
    pub(super) fn is_value(&self, key: &Key, record: Bytes) -> bool {
        matches!(self.read(key, record), Ok(Some(_)))
    }

    fn read(&self, key: &Key, record: Bytes) -> Result<Option<T>, Damage> {
        let Some((lifetime, payload)) = envelope::open(record, key, self.expected())? else {
            return Ok(None);
        };
        if self.is_past(lifetime) {
            return Ok(None);
        }
        match self.inner.codec.decode(payload) {
            Ok(value) => Ok(Some(value)),
            // Its text may quote the value: it goes nowhere.
            Err(_) => Err(Damage::Undecodable),
        }
    }

    /// Whether a value is past its time, though the store still has it.
    ///
    /// A store drops a plain value by itself, on its own clock, which is the better judge: wall clocks
    /// differ between servers. Only one that may be served stale is kept longer than it is fresh.
    fn is_past(&self, lifetime: Lifetime) -> bool {
        lifetime.stale_for_ms > 0
            && self.now_ms() >= lifetime.created_ms.saturating_add(lifetime.fresh_for_ms)
    }

    pub(super) fn now_ms(&self) -> u64 {
        millis(self.inner.space.larder().clock().as_ref())
    }
}

fn millis(clock: &dyn Clock) -> u64 {
    let since: Result<Duration, _> = SystemTime::duration_since(&clock.system_time(), UNIX_EPOCH);
    // Before 1970 no clock was ever right.
    since.map_or(0, |since| since.as_millis() as u64)
}
