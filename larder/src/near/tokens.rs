//! Fills under way, and what kills them.
//!
//! Whoever is going to keep a copy takes a token *before* he reads the store. A change of the key that is
//! reported meanwhile kills the token, and the copy is not kept: it may be older than the change. Checking
//! the token and keeping the copy is one step under one lock, as is killing and dropping.
//!
//! (The tokens of in-flight puts of Meta's CacheLib, OSDI 2020, do the same for its two tiers.)

use std::collections::HashMap;

use cache_api::Key;

use super::sync::{Mutex, MutexGuard, PoisonError};

const SHARDS: usize = 64;

/// The fills of a tier.
#[derive(Debug)]
pub(crate) struct Tokens {
    shards: Vec<Mutex<HashMap<Key, Pending>>>,
}

/// The fills of a key that are under way.
#[derive(Debug, Default)]
struct Pending {
    fills: usize,
    /// How many changes were reported since the first of them began.
    changes: u64,
}

/// A fill under way, which dropping gives up.
#[derive(Debug)]
pub(crate) struct Token<'a> {
    tokens: &'a Tokens,
    key: Key,
    changes: u64,
    /// What the tier was when it began.
    epoch: u64,
}

impl Tokens {
    pub(crate) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }

    /// A token for a key. To be taken before the store is asked.
    pub(crate) fn begin(&self, key: &Key, epoch: u64) -> Token<'_> {
        let mut shard = self.shard(key);
        let pending = shard.entry(key.clone()).or_default();
        pending.fills += 1;
        Token { tokens: self, key: key.clone(), changes: pending.changes, epoch }
    }

    /// A change of the key: kills its tokens and drops the copy, in one step.
    pub(crate) fn kill(&self, key: &Key, drop_copy: impl FnOnce()) {
        let mut shard = self.shard(key);
        if let Some(pending) = shard.get_mut(key) {
            pending.changes += 1;
        }
        drop_copy();
    }

    /// Whether no fill is under way.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.shards.iter().all(|shard| lock(shard).is_empty())
    }

    fn shard(&self, key: &Key) -> MutexGuard<'_, HashMap<Key, Pending>> {
        let hash = key.as_bytes().iter().fold(0_usize, |hash, byte| {
            // Which shard a key is in is no secret, and need not be hard to guess.
            hash.wrapping_mul(31).wrapping_add(usize::from(*byte))
        });
        lock(&self.shards[hash % SHARDS])
    }
}

impl Token<'_> {
    /// Keeps the copy, if nothing was reported of the key since and the tier is still the same.
    pub(crate) fn finish(self, epoch: u64, keep: impl FnOnce()) -> bool {
        let shard = self.tokens.shard(&self.key);
        let pending = shard.get(&self.key);
        let is_alive = pending.is_some_and(|pending| pending.changes == self.changes);
        if is_alive && self.epoch == epoch {
            keep();
        }
        drop(shard);
        is_alive && self.epoch == epoch
    }
}

impl Drop for Token<'_> {
    fn drop(&mut self) {
        let mut shard = self.tokens.shard(&self.key);
        if let Some(pending) = shard.get_mut(&self.key) {
            pending.fills -= 1;
            if pending.fills == 0 {
                shard.remove(&self.key);
            }
        }
    }
}

fn lock(shard: &Mutex<HashMap<Key, Pending>>) -> MutexGuard<'_, HashMap<Key, Pending>> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use cache_api::Namespace;

    use super::*;

    #[test]
    fn a_change_kills_the_fills_under_way_and_no_later_one() {
        let tokens = Tokens::new();
        let key = Namespace::new("n").unwrap().key("k").unwrap();
        let (mut kept, mut dropped) = (0, 0);
        let (early, given_up) = (tokens.begin(&key, 1), tokens.begin(&key, 1));
        tokens.kill(&key, || dropped += 1);
        let (late, other_epoch) = (tokens.begin(&key, 1), tokens.begin(&key, 1));
        assert!(!early.finish(1, || kept += 1));
        assert!(!other_epoch.finish(2, || kept += 1));
        assert!(late.finish(1, || kept += 1));
        assert!(!tokens.is_empty());
        drop(given_up);
        assert!(tokens.is_empty());
        assert_eq!((kept, dropped), (1, 1));
    }
}
