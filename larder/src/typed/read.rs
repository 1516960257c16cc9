//! What was found at a key, and what it is to a reader.

use std::sync::Arc;

use bytes::Bytes;
use cache_api::{Cache, Key, Remaining, Result};

use super::Typed;
use crate::{
    codec::Codec,
    envelope::{self, Age, Damage, Entry},
    handle::{Counters, Larder, count},
    lookup::{self, Found, Standing},
    tags::View,
};

impl<T, C> Typed<T, C> {
    pub(crate) fn larder(&self) -> &Larder {
        self.inner.space.larder()
    }

    pub(crate) fn store(&self) -> &Arc<dyn Cache> {
        &self.larder().inner.store
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.larder().inner.counters
    }
}

impl<T: 'static, C: Codec<T>> Typed<T, C> {
    /// Looks at a key, and at the tags of this handle.
    pub(crate) async fn find(&self, key: &Key) -> Result<Found> {
        let names = self.inner.options.tags.get()?;
        lookup::find(&self.inner.space, key, names, self.expected()).await
    }

    /// Looks at several keys, and at the tags of this handle.
    pub(crate) async fn find_many(&self, keys: &[Key]) -> Result<(Vec<Standing>, View)> {
        let names = self.inner.options.tags.get()?;
        lookup::find_many(&self.inner.space, keys, names, self.expected()).await
    }

    /// What something that was read at a key is to a reader.
    pub(super) async fn judge(&self, key: &Key, found: Option<Bytes>) -> Result<Standing> {
        Ok(lookup::judge(&self.inner.space, key, found, self.expected()).await?.standing)
    }

    /// The value of a look-up, if it found one, counted as a hit or a miss.
    pub(crate) fn value(&self, standing: Standing) -> Option<T> {
        let value = match standing {
            Standing::Fresh(entry) => self.decode(entry).flatten(),
            _ => None,
        };
        count(if value.is_some() { &self.counters().hits } else { &self.counters().misses });
        value
    }

    /// The same, or one that is past its time and may be served all the same.
    pub(crate) fn stale_value(&self, standing: Standing) -> Option<T> {
        match standing {
            Standing::Stale(entry) => self.decode(entry).flatten(),
            standing => self.value(standing),
        }
    }

    /// The value of an answer: `Some(None)` if it says that there is none, `None` if it does not decode.
    pub(crate) fn decode(&self, entry: Entry) -> Option<Option<T>> {
        let Some(payload) = entry.payload else { return Some(None) };
        match self.inner.codec.decode(payload) {
            Ok(value) => Some(Some(value)),
            // Its text may quote the value: it goes nowhere.
            Err(_) => {
                self.counters().damaged(Damage::Undecodable);
                None
            }
        }
    }

    /// Whether a value within its time is in this record, whatever its tags.
    pub(super) fn is_value(&self, key: &Key, record: Bytes) -> bool {
        match envelope::open(record, key, self.expected()) {
            Ok(Some(entry)) => {
                entry.lifetime.age(self.larder().now_ms()) == Age::Fresh && self.has_value(&entry)
            }
            _ => false,
        }
    }

    pub(super) fn has_value(&self, entry: &Entry) -> bool {
        let payload = entry.payload.clone();
        payload.is_some_and(|payload| self.inner.codec.decode(payload).is_ok())
    }

    /// How long a value has left, of which the store says this.
    pub(super) fn remaining(&self, standing: &Standing, of_store: Remaining) -> Remaining {
        match standing {
            Standing::Fresh(Entry { payload: Some(_), lifetime, .. }) => {
                let left = lifetime.fresh_left(self.larder().now_ms());
                match (lifetime.stale_for_ms, left) {
                    // The store keeps it longer than it is fresh.
                    (1.., Some(left)) => Remaining::For(left),
                    _ => of_store,
                }
            }
            _ => Remaining::Missing,
        }
    }
}
