//! What is being recorded now, and who follows.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

use serde::{Deserialize, Serialize};

use super::asking::Asking;

/// The bodies that the origin is sending, and the answers that follow one.
#[derive(Debug, Default)]
pub(super) struct Works {
    next: AtomicU64,
    fetched: Mutex<HashMap<u64, Arc<Fetch>>>,
    followed: Mutex<BTreeMap<String, u64>>,
}

#[derive(Debug)]
struct Fetch {
    asking: Arc<Asking>,
    began: Instant,
    length: Option<u64>,
    bytes: AtomicU64,
}

/// A body of the origin, as long as it is read.
#[derive(Debug)]
pub(crate) struct Fetching {
    works: Arc<Works>,
    id: u64,
    fetch: Arc<Fetch>,
}

/// An answer that follows a recording, of this server or of another one.
#[derive(Debug)]
pub(crate) struct Following {
    works: Arc<Works>,
    name: String,
}

/// A recording that is being made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Recording {
    pub(super) key: String,
    /// So far.
    pub(super) bytes: u64,
    /// In the end, where it is known.
    pub(super) length: Option<u64>,
    pub(super) age_ms: u64,
}

impl Works {
    /// A body begins.
    pub(super) fn fetch(self: &Arc<Self>, asking: Arc<Asking>, length: Option<u64>) -> Fetching {
        let id = self.next.fetch_add(1, Relaxed);
        let fetch = Fetch { asking, began: Instant::now(), length, bytes: AtomicU64::new(0) };
        let fetch = Arc::new(fetch);
        lock(&self.fetched).insert(id, Arc::clone(&fetch));
        Fetching { works: Arc::clone(self), id, fetch }
    }

    pub(super) fn follow(self: &Arc<Self>, name: String) -> Following {
        *lock(&self.followed).entry(name.clone()).or_default() += 1;
        Following { works: Arc::clone(self), name }
    }

    /// The recordings, those that take longest first.
    pub(super) fn recordings(&self, most: usize) -> Vec<Recording> {
        let fetched: Vec<_> = lock(&self.fetched).values().cloned().collect();
        let mut recorded: Vec<_> =
            fetched.into_iter().filter(|fetch| fetch.asking.is_recorded()).collect();
        recorded.sort_by_key(|fetch| fetch.began);
        recorded.iter().take(most).map(|fetch| fetch.show()).collect()
    }

    /// How many follow what, those with most followers first.
    pub(super) fn followed(&self, most: usize) -> Vec<(String, u64)> {
        let mut all: Vec<_> =
            lock(&self.followed).iter().map(|(name, count)| (name.clone(), *count)).collect();
        all.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        all.truncate(most);
        all
    }
}

impl Fetch {
    fn show(&self) -> Recording {
        Recording {
            key: self.asking.name(),
            bytes: self.bytes.load(Relaxed),
            length: self.length,
            age_ms: u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
        }
    }
}

impl Fetching {
    pub(crate) fn came(&self, bytes: usize) {
        self.fetch.bytes.fetch_add(bytes as u64, Relaxed);
    }
}

impl Drop for Fetching {
    fn drop(&mut self) {
        lock(&self.works.fetched).remove(&self.id);
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let mut followed = lock(&self.works.followed);
        if let Some(count) = followed.get_mut(&self.name) {
            *count -= 1;
            if *count == 0 {
                followed.remove(&self.name);
            }
        }
    }
}

/// Nothing panics while it holds one of these; if something did, the numbers would still be numbers.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(path: &str) -> Arc<Asking> {
        Arc::new(Asking::new(None, &path.parse().unwrap(), false))
    }

    #[test]
    fn a_recording_is_there_as_long_as_the_origin_sends_it() {
        let works = Arc::new(Works::default());
        let (stored, passed) = (asking("/stored"), asking("/passed"));
        let fetching = works.fetch(Arc::clone(&stored), Some(100));
        let _passing = works.fetch(passed, None);
        assert!(works.recordings(9).is_empty(), "nobody has said that it is stored");
        stored.recorded.store(true, Relaxed);
        fetching.came(40);
        let found = works.recordings(9);
        assert_eq!(found.len(), 1);
        assert_eq!((&*found[0].key, found[0].bytes, found[0].length), ("/stored", 40, Some(100)));
        drop(fetching);
        assert!(works.recordings(9).is_empty());
    }

    #[test]
    fn followers_are_counted_while_they_follow() {
        let works = Arc::new(Works::default());
        let [one, two, other] = ["/a", "/a", "/b"].map(|name| works.follow(name.into()));
        assert_eq!(works.followed(9), [("/a".into(), 2), ("/b".into(), 1)]);
        assert_eq!(works.followed(1).len(), 1);
        drop((one, other));
        assert_eq!(works.followed(9), [("/a".into(), 1)]);
        drop(two);
        assert!(works.followed(9).is_empty());
    }
}
