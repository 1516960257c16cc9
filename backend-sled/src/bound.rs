//! The bound on size: who has to go, and when.
//!
//! sled needs about twice the space of what it holds, so entries may weigh half of the bound together,
//! and less while the files are over it. sled never shrinks its files: [compaction](crate::compact)
//! does.

use std::sync::atomic::Ordering::Relaxed;

use cache_api::{Change, Key, Result};
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    inner::Inner,
    order,
    record::Record,
    store::{Look, Store},
};

/// How many a writer evicts when upkeep does not keep up.
const AT_ONCE: usize = 8;

/// How many places are read at a time.
const BATCH: usize = 64;

impl Inner {
    /// Called after each write: the bound holds even where upkeep is slower than the writers.
    pub(crate) fn keep_within_bounds(&self) {
        let (bytes, limit) = (self.weight(), self.max_entries_bytes);
        if bytes <= limit {
            return;
        }
        self.upkeep.notify_one();
        if bytes > limit + limit / 8 {
            // A failure shows in the next write, and eviction is no part of this one.
            if let Err(error) = self.evict(limit, AT_ONCE) {
                tracing::debug!(%error, "sled: eviction failed");
            }
        }
    }

    pub(crate) fn weight(&self) -> u64 {
        u64::try_from(self.bytes.load(Relaxed)).unwrap_or(0)
    }

    /// Evicts until the entries weigh no more than `limit`, at most `count` of them. Those who were
    /// read since their turn last came are passed over, once.
    pub(crate) fn evict(&self, limit: u64, count: usize) -> Result<usize> {
        let mut evicted = 0;
        // Everyone has at most two turns.
        let mut turns = 2 * usize::try_from(self.entries.load(Relaxed)).unwrap_or(0) + BATCH;
        while self.weight() > limit && evicted < count && turns > 0 {
            let places = self.read("evict", |store| {
                store.order.iter().take(BATCH.min(count)).collect::<sled::Result<Vec<_>>>()
            })?;
            if places.is_empty() {
                break;
            }
            for (place, written) in &places {
                turns = turns.saturating_sub(1);
                if self.weight() <= limit || evicted >= count {
                    break;
                }
                evicted += usize::from(self.turn(place, written)?);
            }
        }
        Ok(evicted)
    }

    /// The turn of one place in the order. `true` if its entry was evicted.
    fn turn(&self, place: &[u8], written: &[u8]) -> Result<bool> {
        let Some((second, key)) = order::parse(place) else {
            return self.read("evict", |store| store.order.remove(place).map(|_| false));
        };
        // A place that was given a second chance says when its entry was really written.
        let written_s = written.try_into().map_or(second, u32::from_be_bytes);
        let hash = xxh3_64(key);
        let evicted = self.read("evict", |store| {
            let _stripe = self.stripe(hash);
            let record = match store.look(key)? {
                Look::Found(record) if record.written_s == written_s => record,
                // Its entry has gone, or stands elsewhere in the order.
                _ => return store.order.remove(place).map(|_| false),
            };
            if record.is_alive(self.now().ms) && self.touched.clear(hash) {
                return self.second_chance(store, place, key, &record).map(|()| false);
            }
            let effect = store.remove(key, &record)?;
            store.order.remove(place)?;
            self.account(key, &effect);
            Ok(true)
        })?;
        if evicted && let Some(key) = Key::parse(key.to_vec()) {
            self.changes.publish(|| Change::Entry(key));
        }
        Ok(evicted)
    }

    fn second_chance(
        &self,
        store: &Store,
        place: &[u8],
        key: &[u8],
        record: &Record,
    ) -> sled::Result<()> {
        let last = self.now().second();
        let later = order::at(last, key);
        if later != place {
            store.order.insert(later, &record.written_s.to_be_bytes())?;
            store.order.remove(place)?;
        }
        Ok(())
    }
}
