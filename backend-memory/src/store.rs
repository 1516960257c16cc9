//! The map, and every write to it under the lock of its key's stripe.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use bytes::Bytes;
use cache_api::{
    Clock, Condition, Error, Key, Namespace, Remaining, Result, SetOptions, SetOutcome, Ttl,
};
use foldhash::quality::RandomState;
use moka::sync::Cache as Map;

use crate::{
    MemoryCacheBuilder, breathe,
    cache::NAME,
    changes::Changes,
    entry::{Entry, StoredKey, owned, weight},
    expiry::{Earliest, deadline},
    stripes::Stripes,
};

/// moka learns of new entries in batches. This much of the bound may be written before it is made to.
const UNSETTLED_SHARE: u64 = 16;
const UNSETTLED_MOST: u64 = 8 << 20;

/// How many writes between two sweeps at least, where no task does them.
const SWEEP_EVERY: u64 = 4096;

pub(crate) struct Store {
    pub(crate) map: Map<StoredKey, Entry, RandomState>,
    stripes: Stripes,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) earliest: Earliest,
    pub(crate) changes: Changes,
    pub(crate) max_bytes: u64,
    pub(crate) max_value: usize,
    /// The weight of what was written since moka was last made to settle.
    unsettled: AtomicU64,
    writes: AtomicU64,
}

impl Store {
    pub(crate) fn new(options: MemoryCacheBuilder) -> Self {
        let max_bytes = options.bound();
        let map = Map::builder()
            .max_capacity(max_bytes)
            .weigher(|key: &StoredKey, entry: &Entry| {
                u32::try_from(weight(key.len(), entry.value.len())).unwrap_or(u32::MAX)
            })
            .eviction_policy(options.policy.into())
            // Seeded by chance: who chooses keys cannot make them collide.
            .build_with_hasher(RandomState::default());
        Self {
            map,
            stripes: Stripes::new(),
            earliest: Earliest::new(options.clock.now()),
            changes: Changes::new(),
            max_bytes,
            max_value: options.longest_value(),
            clock: options.clock,
            unsettled: AtomicU64::new(0),
            writes: AtomicU64::new(0),
        }
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Bytes> {
        let entry = self.map.get(key.as_bytes())?;
        // The clock costs as much as the dyn call does: only where there is a deadline.
        if entry.deadline.is_some() && !entry.is_alive(self.clock.now()) {
            self.reclaim(key.as_bytes());
            return None;
        }
        Some(entry.value)
    }

    pub(crate) fn ttl(&self, key: &Key) -> Remaining {
        let now = self.clock.now();
        match self.standing(key.as_bytes(), now) {
            None => Remaining::Missing,
            Some(Entry { deadline: None, .. }) => Remaining::Never,
            Some(Entry { deadline: Some(deadline), .. }) => {
                Remaining::For(deadline.saturating_duration_since(now))
            }
        }
    }

    pub(crate) fn set(&self, key: &Key, value: Bytes, options: SetOptions) -> Result<SetOutcome> {
        self.check_size(&value)?;
        let value = owned(value);
        {
            let _stripe = self.stripes.lock(key.as_bytes());
            let now = self.clock.now();
            if options.condition != Condition::Always {
                let standing = self.standing(key.as_bytes(), now).map(|entry| entry.value);
                if !options.condition.holds(standing.as_deref()) {
                    return Ok(SetOutcome::Refused { standing });
                }
            }
            if options.ttl.is_zero() {
                self.map.invalidate(key.as_bytes());
            } else {
                self.put(key, Entry { value, deadline: deadline(options.ttl, now) });
            }
        }
        self.changes.entry(key);
        self.settle();
        Ok(SetOutcome::Stored)
    }

    pub(crate) fn delete_if(&self, key: &Key, condition: Condition) -> bool {
        self.remove_if(key, condition).is_some()
    }

    pub(crate) fn take(&self, key: &Key) -> Option<Bytes> {
        self.remove_if(key, Condition::Always)
    }

    fn remove_if(&self, key: &Key, condition: Condition) -> Option<Bytes> {
        let removed = {
            let _stripe = self.stripes.lock(key.as_bytes());
            let standing = self.standing(key.as_bytes(), self.clock.now()).map(|entry| entry.value);
            if !condition.holds(standing.as_deref()) {
                return None;
            }
            if standing.is_some() {
                self.map.invalidate(key.as_bytes());
            }
            standing
        };
        // Of something that is not there, too: what was thrown out to make room was not told, and somebody
        // may have kept a copy.
        self.changes.entry(key);
        removed
    }

    pub(crate) fn expire(&self, key: &Key, ttl: Ttl, condition: Condition) -> bool {
        {
            let _stripe = self.stripes.lock(key.as_bytes());
            let now = self.clock.now();
            let Some(entry) = self.standing(key.as_bytes(), now) else { return false };
            if !condition.holds(Some(&entry.value)) {
                return false;
            }
            if ttl.is_zero() {
                self.map.invalidate(key.as_bytes());
            } else {
                self.put(key, Entry { deadline: deadline(ttl, now), ..entry });
            }
        }
        self.changes.entry(key);
        true
    }

    pub(crate) fn increment(&self, key: &Key, by: i64, ttl: Ttl) -> Result<i64> {
        if ttl.is_zero() {
            return Err(Error::InvalidArgument {
                operation: "increment",
                reason: "a counter needs a lifetime longer than zero".into(),
            });
        }
        let sum = {
            let _stripe = self.stripes.lock(key.as_bytes());
            let now = self.clock.now();
            let (count, deadline) = match self.standing(key.as_bytes(), now) {
                None => (0, deadline(ttl, now)),
                Some(entry) => {
                    let count = number(&entry.value).ok_or(Error::NotANumber { backend: NAME })?;
                    (count, entry.deadline)
                }
            };
            let sum: i64 = count.checked_add(by).ok_or(Error::Overflow { backend: NAME })?;
            let value = Bytes::from(sum.to_string());
            self.check_size(&value)?;
            self.put(key, Entry { value, deadline });
            sum
        };
        self.changes.entry(key);
        self.settle();
        Ok(sum)
    }

    pub(crate) async fn clear(&self, namespace: &Namespace) {
        // Said also when the call is given up half way: some entries are gone then.
        let _said = Cleared { changes: &self.changes, namespace };
        for (looked_at, (key, _)) in self.map.iter().enumerate() {
            breathe(looked_at).await;
            if is_within(&key, namespace) {
                let _stripe = self.stripes.lock(&key);
                self.map.invalidate(&key[..]);
            }
        }
    }

    /// Removes an entry that is dead, if it still is.
    #[cold]
    pub(crate) fn reclaim(&self, key: &[u8]) {
        let _stripe = self.stripes.lock(key);
        if self.map.get(key).is_some_and(|entry| !entry.is_alive(self.clock.now())) {
            self.map.invalidate(key);
        }
    }

    /// Whether enough was written that a sweep pays. For stores without a task that sweeps.
    pub(crate) fn sweep_is_due(&self) -> bool {
        let writes = self.writes.fetch_add(1, Ordering::Relaxed);
        if writes < SWEEP_EVERY.max(self.map.entry_count()) {
            return false;
        }
        self.writes.store(0, Ordering::Relaxed);
        true
    }

    /// What stands under a key now. Only the holder of the stripe's lock can rely on it.
    fn standing(&self, key: &[u8], now: Instant) -> Option<Entry> {
        self.map.get(key).filter(|entry| entry.is_alive(now))
    }

    fn put(&self, key: &Key, entry: Entry) {
        let (weight, deadline) = (weight(key.as_bytes().len(), entry.value.len()), entry.deadline);
        self.map.insert(StoredKey::from_slice(key.as_bytes()), entry);
        if let Some(deadline) = deadline {
            self.earliest.note(deadline);
        }
        self.unsettled.fetch_add(weight, Ordering::Relaxed);
    }

    /// Makes moka evict once much was written: by itself it does so after 64 writes of any size.
    fn settle(&self) {
        let most = (self.max_bytes / UNSETTLED_SHARE).min(UNSETTLED_MOST);
        if self.unsettled.load(Ordering::Relaxed) > most {
            self.unsettled.store(0, Ordering::Relaxed);
            self.map.run_pending_tasks();
        }
    }

    fn check_size(&self, value: &Bytes) -> Result<()> {
        if value.len() > self.max_value {
            return Err(Error::TooLarge {
                backend: NAME,
                size: value.len(),
                limit: self.max_value,
            });
        }
        Ok(())
    }
}

/// The longest value that fits under a bound whatever its key, and that moka's 32-bit weight can tell.
pub(crate) fn longest_value(max_bytes: u64) -> usize {
    const LONGEST_KEY: usize = Namespace::MAX_BYTES + 1 + Key::MAX_BYTES;
    let longest = max_bytes.min(u64::from(u32::MAX)).saturating_sub(weight(LONGEST_KEY, 0));
    usize::try_from(longest).unwrap_or(usize::MAX)
}

/// Whether a stored key lies in the namespace or in a descendant of it.
pub(crate) fn is_within(key: &[u8], namespace: &Namespace) -> bool {
    key.strip_prefix(namespace.as_str().as_bytes())
        .is_some_and(|rest| rest.starts_with(b":") || rest.starts_with(b"/"))
}

/// A canonical decimal: exactly what a number is written as.
fn number(value: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(value).ok()?;
    let number: i64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

struct Cleared<'a> {
    changes: &'a Changes,
    namespace: &'a Namespace,
}

impl Drop for Cleared<'_> {
    fn drop(&mut self) {
        self.changes.namespace(self.namespace);
    }
}
