use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use cache_api::Key;

use crate::envelope::Stamp;

/// Beyond this many, those that are over are looked for and dropped.
const MANY: usize = 1024;

/// Answers whose refresh was tried, and until when it is not tried again: so that a stale answer that is
/// read a thousand times a second asks the store once who is to refresh it.
#[derive(Debug, Default)]
pub(crate) struct Rests(Mutex<HashMap<Key, (Stamp, Instant)>>);

impl Rests {
    pub(crate) fn note(&self, key: &Key, stamp: Stamp, now: Instant, rest: Duration) {
        let mut rests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if rests.len() >= MANY && rests.len() == rests.capacity() {
            // Instead of growing, if that is enough.
            rests.retain(|_, (_, until)| *until > now);
        }
        rests.insert(key.clone(), (stamp, now + rest));
    }

    pub(crate) fn is_resting(&self, key: &Key, stamp: Stamp, now: Instant) -> bool {
        let rests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rests.get(key).is_some_and(|(rested, until)| *rested == stamp && now < *until)
    }
}
