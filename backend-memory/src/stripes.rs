//! One lock per stripe of keys.

use std::{
    hash::BuildHasher,
    sync::{Mutex, MutexGuard, PoisonError},
};

use foldhash::quality::RandomState;

const STRIPES: usize = 256;

/// Held around **every** write of a key, plain set, delete and clear included: what a conditional
/// write read is then what it replaces. Never held across an await.
pub(crate) struct Stripes {
    locks: [Mutex<()>; STRIPES],
    hasher: RandomState,
}

impl Stripes {
    pub(crate) fn new() -> Self {
        Self { locks: [const { Mutex::new(()) }; STRIPES], hasher: RandomState::default() }
    }

    pub(crate) fn lock(&self, key: &[u8]) -> MutexGuard<'_, ()> {
        let stripe = self.hasher.hash_one(key) as usize % STRIPES;
        // There is nothing behind the lock that a panic could have left half done.
        self.locks[stripe].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
