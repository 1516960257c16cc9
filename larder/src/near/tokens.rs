//! Fills under way, and what kills them.
//!
//! Whoever is going to keep a copy takes a token *before* he reads the store. A change of the key that is
//! reported meanwhile kills the token, and the copy is not kept: it may be older than the change.
//!
//! - Where keeping and dropping a copy takes no time, checking the token and keeping the copy is one step
//!   under one lock ([`finish`](Token::finish)), as is killing and dropping ([`kill`](Tokens::kill)).
//! - Where it takes time, readers look for no copy of a key while anything of it is under way: not while a
//!   fill holds its token, which it gives back once a copy that was killed meanwhile is removed again, and
//!   not while a change [blocks](Tokens::block) it, until the old copy is removed.
//!
//! (The tokens of in-flight puts of Meta's CacheLib, OSDI 2020, do the same for its two tiers.)

use std::{collections::HashMap, ops::Deref, sync::Arc};

use cache_api::Key;

use super::sync::{Mutex, MutexGuard, PoisonError};

const SHARDS: usize = 64;

/// The fills of a tier.
#[derive(Debug)]
pub(crate) struct Tokens {
    shards: Vec<Mutex<HashMap<Key, Pending>>>,
}

/// What is under way at a key.
#[derive(Debug, Default)]
struct Pending {
    fills: usize,
    /// Changes whose copies are being removed.
    blocks: usize,
    /// How many changes were reported since the first of all these began.
    changes: u64,
}

/// A fill under way, which dropping gives up.
#[derive(Debug)]
pub(crate) struct Token<T: Deref<Target = Tokens>> {
    tokens: T,
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
    pub(crate) fn begin(&self, key: &Key, epoch: u64) -> Token<&Self> {
        let mut shard = self.shard(key);
        let pending = shard.entry(key.clone()).or_default();
        pending.fills += 1;
        Token { tokens: self, key: key.clone(), changes: pending.changes, epoch }
    }

    /// A token for a key at which nothing else is under way.
    pub(crate) fn begin_alone(self: &Arc<Self>, key: &Key, epoch: u64) -> Option<Token<Arc<Self>>> {
        let mut shard = self.shard(key);
        (!shard.contains_key(key)).then(|| {
            shard.insert(key.clone(), Pending { fills: 1, ..Pending::default() });
            Token { tokens: Arc::clone(self), key: key.clone(), changes: 0, epoch }
        })
    }

    /// Whether nothing is under way at a key.
    pub(crate) fn is_quiet(&self, key: &Key) -> bool {
        !self.shard(key).contains_key(key)
    }

    /// A change of the key whose copy is going to be removed: kills its tokens, and is under way until the
    /// block is dropped.
    pub(crate) fn block(self: &Arc<Self>, key: &Key) -> Block {
        let mut shard = self.shard(key);
        let pending = shard.entry(key.clone()).or_default();
        pending.changes += 1;
        pending.blocks += 1;
        Block { tokens: Arc::clone(self), key: key.clone() }
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

    /// Something at a key is over.
    fn end(&self, key: &Key, what: impl FnOnce(&mut Pending)) {
        let mut shard = self.shard(key);
        if let Some(pending) = shard.get_mut(key) {
            what(pending);
            if pending.fills == 0 && pending.blocks == 0 {
                shard.remove(key);
            }
        }
    }

    fn shard(&self, key: &Key) -> MutexGuard<'_, HashMap<Key, Pending>> {
        let hash = key.as_bytes().iter().fold(0_usize, |hash, byte| {
            // Which shard a key is in is no secret, and need not be hard to guess.
            hash.wrapping_mul(31).wrapping_add(usize::from(*byte))
        });
        lock(&self.shards[hash % SHARDS])
    }
}

impl<T: Deref<Target = Tokens>> Token<T> {
    /// Keeps the copy, if nothing was reported of the key since and the tier is still the same.
    pub(crate) fn finish(self, epoch: u64, keep: impl FnOnce()) -> bool {
        let shard = self.tokens.shard(&self.key);
        let is_alive = self.is_alive_in(&shard);
        if is_alive && self.epoch == epoch {
            keep();
        }
        drop(shard);
        is_alive && self.epoch == epoch
    }

    /// Whether nothing was reported of the key since.
    pub(crate) fn is_alive(&self) -> bool {
        self.is_alive_in(&self.tokens.shard(&self.key))
    }

    /// Of which key it is.
    pub(crate) const fn key(&self) -> &Key {
        &self.key
    }

    /// What the tier was when it began.
    pub(crate) const fn epoch(&self) -> u64 {
        self.epoch
    }

    fn is_alive_in(&self, shard: &HashMap<Key, Pending>) -> bool {
        shard.get(&self.key).is_some_and(|pending| pending.changes == self.changes)
    }
}

impl<T: Deref<Target = Tokens>> Drop for Token<T> {
    fn drop(&mut self) {
        self.tokens.end(&self.key, |pending| pending.fills -= 1);
    }
}

/// A change of a key whose copy is being removed.
#[derive(Debug)]
pub(crate) struct Block {
    tokens: Arc<Tokens>,
    key: Key,
}

impl Drop for Block {
    fn drop(&mut self) {
        self.tokens.end(&self.key, |pending| pending.blocks -= 1);
    }
}

fn lock(shard: &Mutex<HashMap<Key, Pending>>) -> MutexGuard<'_, HashMap<Key, Pending>> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
