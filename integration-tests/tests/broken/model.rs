//! A small store that keeps every rule: a map under a lock, on a test's clock.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use bytes::Bytes;
use cache_api::{
    Cache, Capabilities, Change, ChangeStream, Clock, Condition, Error, Key, KeyStream, Namespace,
    Remaining, Result, Scan, SetOptions, SetOutcome, TestClock, Ttl, Watch,
};
use futures_util::stream;
use tokio::sync::broadcast::{self, error::RecvError};

pub(crate) type Entries = BTreeMap<Vec<u8>, Entry>;

/// Clones are the same store.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub(crate) entries: Arc<Mutex<Entries>>,
    /// When what had expired was last removed.
    pub(crate) swept: Arc<Mutex<Option<Instant>>>,
    pub(crate) changes: broadcast::Sender<Change>,
    pub(crate) clock: TestClock,
    pub(crate) max_value: usize,
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) value: Bytes,
    pub(crate) until: Option<Instant>,
}

impl Model {
    pub(crate) fn new(max_value: usize) -> Self {
        Self {
            entries: Arc::default(),
            swept: Arc::default(),
            changes: broadcast::Sender::new(2048),
            clock: TestClock::new(),
            max_value,
        }
    }

    /// What stands in the store, what has expired removed.
    pub(crate) fn entries(&self) -> MutexGuard<'_, Entries> {
        let mut entries = self.entries_and_corpses();
        let now = self.clock.now();
        let mut swept = self.swept.lock().expect("no test panics while it holds this");
        // Nothing expires while the clock stands.
        if swept.replace(now) != Some(now) {
            entries.retain(|_, entry| entry.until.is_none_or(|until| until > now));
        }
        entries
    }

    /// The same, with what has expired and was not reclaimed.
    pub(crate) fn entries_and_corpses(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().expect("no test panics while it holds this")
    }

    /// An entry with this lifetime from now on; `None` if it does not come to be.
    pub(crate) fn entry(&self, value: Bytes, ttl: Ttl) -> Option<Entry> {
        let until = match ttl.millis() {
            Some(0) => return None,
            Some(millis) => Some(self.clock.now() + Duration::from_millis(millis)),
            None => None,
        };
        Some(Entry { value, until })
    }

    pub(crate) fn fits(&self, value: &Bytes) -> Result<()> {
        if value.len() > self.max_value {
            let (size, limit) = (value.len(), self.max_value);
            return Err(Error::TooLarge { backend: "model", size, limit });
        }
        Ok(())
    }

    pub(crate) fn report(&self, change: Change) {
        // No one may be watching.
        let _ = self.changes.send(change);
    }

    pub(crate) fn write(&self, entries: &mut Entries, key: &Key, entry: Option<Entry>) {
        match entry {
            Some(entry) => entries.insert(key.as_bytes().to_vec(), entry),
            None => entries.remove(key.as_bytes()),
        };
        self.report(Change::Entry(key.clone()));
    }
}

/// A canonical decimal number, or nothing.
pub(crate) fn number(text: &[u8]) -> Option<i64> {
    let number: i64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (number.to_string().as_bytes() == text).then_some(number)
}

#[async_trait]
impl Cache for Model {
    fn name(&self) -> &'static str {
        "model"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(self.max_value).shared().persistent()
    }

    async fn get(&self, key: &Key) -> Result<Option<Bytes>> {
        Ok(self.entries().get(key.as_bytes()).map(|entry| entry.value.clone()))
    }

    async fn set(&self, key: &Key, value: Bytes, options: SetOptions) -> Result<SetOutcome> {
        self.fits(&value)?;
        let mut entries = self.entries();
        let standing = entries.get(key.as_bytes()).map(|entry| entry.value.clone());
        if !options.condition.holds(standing.as_deref()) {
            return Ok(SetOutcome::Refused { standing });
        }
        self.write(&mut entries, key, self.entry(value, options.ttl));
        Ok(SetOutcome::Stored)
    }

    async fn delete_if(&self, key: &Key, condition: Condition) -> Result<bool> {
        let mut entries = self.entries();
        let standing = entries.get(key.as_bytes());
        let holds = standing.is_some_and(|entry| condition.holds(Some(&entry.value)));
        if holds {
            self.write(&mut entries, key, None);
        }
        Ok(holds)
    }

    async fn take(&self, key: &Key) -> Result<Option<Bytes>> {
        let mut entries = self.entries();
        let taken = entries.get(key.as_bytes()).map(|entry| entry.value.clone());
        if taken.is_some() {
            self.write(&mut entries, key, None);
        }
        Ok(taken)
    }

    async fn ttl(&self, key: &Key) -> Result<Remaining> {
        let now = self.clock.now();
        Ok(match self.entries().get(key.as_bytes()) {
            None => Remaining::Missing,
            Some(Entry { until: None, .. }) => Remaining::Never,
            Some(Entry { until: Some(until), .. }) => Remaining::For(*until - now),
        })
    }

    async fn expire(&self, key: &Key, ttl: Ttl, condition: Condition) -> Result<bool> {
        let mut entries = self.entries();
        let Some(Entry { value, .. }) = entries.get(key.as_bytes()).cloned() else {
            return Ok(false);
        };
        let holds = condition.holds(Some(&value));
        if holds {
            self.write(&mut entries, key, self.entry(value, ttl));
        }
        Ok(holds)
    }

    async fn increment(&self, key: &Key, by: i64, ttl: Ttl) -> Result<i64> {
        if ttl.is_zero() {
            let reason = "a counter needs a lifetime".into();
            return Err(Error::InvalidArgument { operation: "increment", reason });
        }
        let mut entries = self.entries();
        let standing = entries.get(key.as_bytes()).cloned();
        let start = match &standing {
            Some(entry) => number(&entry.value).ok_or(Error::NotANumber { backend: "model" })?,
            None => 0,
        };
        let sum = start.checked_add(by).ok_or(Error::Overflow { backend: "model" })?;
        let value = Bytes::from(sum.to_string());
        let entry = match standing {
            Some(Entry { until, .. }) => Some(Entry { value, until }),
            None => self.entry(value, ttl),
        };
        self.write(&mut entries, key, entry);
        Ok(sum)
    }

    async fn clear(&self, namespace: &Namespace) -> Result<()> {
        self.clear_where(|key| key.is_within(namespace));
        self.report(Change::Namespace(namespace.clone()));
        Ok(())
    }

    fn scan(&self) -> Option<&dyn Scan> {
        Some(self)
    }

    fn watch(&self) -> Option<&dyn Watch> {
        Some(self)
    }
}

impl Model {
    pub(crate) fn clear_where(&self, reached: impl Fn(&Key) -> bool) {
        self.entries().retain(|key, _| !Key::parse(key.clone()).is_some_and(|key| reached(&key)));
    }

    pub(crate) fn keys_where(&self, reached: impl Fn(&Key) -> bool) -> KeyStream {
        let entries = self.entries();
        let keys = entries.keys().filter_map(|key| Key::parse(key.clone()));
        let keys: Vec<_> = keys.filter(reached).map(Ok).collect();
        Box::pin(stream::iter(keys))
    }

    /// The changes that this picks, until one is lost.
    pub(crate) fn changes_where(
        &self,
        picked: impl Fn(&Change) -> bool + Send + 'static,
    ) -> ChangeStream {
        let receiver = self.changes.subscribe();
        Box::pin(stream::unfold((receiver, picked), async |(mut receiver, picked)| {
            loop {
                match receiver.recv().await {
                    Ok(change) if picked(&change) => return Some((change, (receiver, picked))),
                    Ok(_) => {}
                    Err(RecvError::Lagged(_) | RecvError::Closed) => return None,
                }
            }
        }))
    }
}

pub(crate) fn concerns(change: &Change, watched: &[Namespace]) -> bool {
    match change {
        Change::Entry(key) => watched.iter().any(|namespace| key.is_in(namespace)),
        Change::Namespace(cleared) => watched.iter().any(|namespace| cleared.contains(namespace)),
        _ => false,
    }
}

impl Scan for Model {
    fn keys(&self, namespace: &Namespace) -> KeyStream {
        self.keys_where(|key| key.is_within(namespace))
    }
}

#[async_trait]
impl Watch for Model {
    async fn changes(&self, namespaces: &[Namespace]) -> Result<ChangeStream> {
        let watched = namespaces.to_vec();
        Ok(self.changes_where(move |change| concerns(change, &watched)))
    }
}
