//! Those who wait for a change at a key, and those who make one.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use cache_api::Key;
use tokio::sync::Notify;

/// Who waits for what in this process. Reached as `larder.inner.wake`.
#[derive(Debug, Default)]
pub(crate) struct Wake {
    waiting: Mutex<HashMap<Key, Waiting>>,
}

/// Those who wait for a change at a key. They are counted, as whoever tells them holds the `Arc` too.
#[derive(Debug, Default)]
struct Waiting {
    notify: Arc<Notify>,
    waiters: usize,
}

/// One who waits for a change at a key.
pub(crate) struct Waiter<'a> {
    wake: &'a Wake,
    key: Key,
    pub(crate) notify: Arc<Notify>,
    /// Nobody else waited here before: this one looks at the key for all.
    pub(crate) is_first: bool,
}

impl Wake {
    /// To wait for a change at a key. Taken before looking there.
    pub(crate) fn watch(&self, key: &Key) -> Waiter<'_> {
        let mut waiting = self.lock();
        let (entry, is_first) = match waiting.entry(key.clone()) {
            Entry::Occupied(entry) => (entry.into_mut(), false),
            Entry::Vacant(entry) => (entry.insert(Waiting::default()), true),
        };
        entry.waiters += 1;
        let notify = Arc::clone(&entry.notify);
        Waiter { wake: self, key: key.clone(), notify, is_first }
    }

    /// What stands at a key has changed: a lease was given back, an answer committed.
    pub(crate) fn changed(&self, key: &Key) {
        let waiting = self.lock().get(key).map(|entry| Arc::clone(&entry.notify));
        if let Some(notify) = waiting {
            notify.notify_waiters();
        }
    }

    /// Anything may have changed.
    pub(crate) fn all_changed(&self) {
        let all: Vec<_> = self.lock().values().map(|entry| Arc::clone(&entry.notify)).collect();
        all.iter().for_each(|notify| notify.notify_waiters());
    }

    /// Whether nobody waits.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Waiting>> {
        // What is done under this lock does not panic half way.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let mut waiting = self.wake.lock();
        if let Some(entry) = waiting.get_mut(&self.key) {
            entry.waiters -= 1;
            if entry.waiters == 0 {
                waiting.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use cache_api::Namespace;

    use super::*;

    #[test]
    fn nothing_is_left_of_a_waiter_that_goes_while_it_is_told() {
        let wake = Wake::default();
        let key = Namespace::new("n").unwrap().key("k").unwrap();
        let (first, second) = (wake.watch(&key), wake.watch(&key));
        assert!(first.is_first && !second.is_first);
        let teller = Arc::clone(&first.notify);
        drop(first);
        assert!(Arc::ptr_eq(&teller, &wake.watch(&key).notify), "the second still waits");
        drop(second);
        assert!(wake.is_empty());
    }
}
