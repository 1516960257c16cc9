//! A whole store in a hundred lines, as a third party would write it, and its test: one line.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use bytes::Bytes;
use cache_api::{
    Cache, Capabilities, Condition, Error, Key, Namespace, Remaining, Result, SetOptions,
    SetOutcome, Ttl,
};
use integration_tests::{
    conformance,
    kit::{Declared, from_fn},
};

const LIMIT: usize = 1 << 20;

conformance!(
    map,
    from_fn(Declared::new(LIMIT), async || Ok(Arc::new(Map::default()) as Arc<dyn Cache>))
);

/// An entry, and when it expires.
type Entry = (Bytes, Option<Instant>);

#[derive(Debug, Default)]
struct Map(Mutex<HashMap<Key, Entry>>);

impl Map {
    /// What has not expired: conditions are judged and applied while this is held.
    fn standing(&self) -> MutexGuard<'_, HashMap<Key, Entry>> {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        entries.retain(|_, (_, until)| until.is_none_or(|until| until > now));
        entries
    }

    /// An entry with this lifetime; none if that is zero.
    fn entry(value: Bytes, ttl: Ttl) -> Option<Entry> {
        match ttl.millis() {
            Some(0) => None,
            Some(millis) => Some((value, Some(Instant::now() + Duration::from_millis(millis)))),
            None => Some((value, None)),
        }
    }
}

fn put(entries: &mut HashMap<Key, Entry>, key: &Key, entry: Option<Entry>) {
    match entry {
        Some(entry) => entries.insert(key.clone(), entry),
        None => entries.remove(key),
    };
}

#[async_trait]
impl Cache for Map {
    fn name(&self) -> &'static str {
        "map"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(LIMIT)
    }

    async fn get(&self, key: &Key) -> Result<Option<Bytes>> {
        Ok(self.standing().get(key).map(|(value, _)| value.clone()))
    }

    async fn set(&self, key: &Key, value: Bytes, options: SetOptions) -> Result<SetOutcome> {
        if value.len() > LIMIT {
            return Err(Error::TooLarge { backend: "map", size: value.len(), limit: LIMIT });
        }
        let mut entries = self.standing();
        let standing = entries.get(key).map(|(value, _)| value.clone());
        if !options.condition.holds(standing.as_deref()) {
            return Ok(SetOutcome::Refused { standing });
        }
        put(&mut entries, key, Self::entry(value, options.ttl));
        Ok(SetOutcome::Stored)
    }

    async fn delete_if(&self, key: &Key, condition: Condition) -> Result<bool> {
        let mut entries = self.standing();
        let holds = entries.get(key).is_some_and(|(value, _)| condition.holds(Some(value)));
        Ok(holds && entries.remove(key).is_some())
    }

    async fn take(&self, key: &Key) -> Result<Option<Bytes>> {
        Ok(self.standing().remove(key).map(|(value, _)| value))
    }

    async fn ttl(&self, key: &Key) -> Result<Remaining> {
        Ok(match self.standing().get(key) {
            None => Remaining::Missing,
            Some((_, None)) => Remaining::Never,
            Some((_, Some(until))) => Remaining::For(until.duration_since(Instant::now())),
        })
    }

    async fn expire(&self, key: &Key, ttl: Ttl, condition: Condition) -> Result<bool> {
        let mut entries = self.standing();
        let value = entries.get(key).map(|(value, _)| value.clone());
        match value {
            Some(value) if condition.holds(Some(&value)) => {
                put(&mut entries, key, Self::entry(value, ttl));
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    async fn increment(&self, key: &Key, by: i64, ttl: Ttl) -> Result<i64> {
        if ttl.is_zero() {
            let reason = "a counter needs a lifetime".into();
            return Err(Error::InvalidArgument { operation: "increment", reason });
        }
        let mut entries = self.standing();
        let start = match entries.get(key) {
            Some((text, _)) => number(text).ok_or(Error::NotANumber { backend: "map" })?,
            None => 0,
        };
        let sum = start.checked_add(by).ok_or(Error::Overflow { backend: "map" })?;
        match entries.get_mut(key) {
            Some((value, _)) => *value = sum.to_string().into(),
            None => put(&mut entries, key, Self::entry(sum.to_string().into(), ttl)),
        }
        Ok(sum)
    }

    async fn clear(&self, namespace: &Namespace) -> Result<()> {
        self.standing().retain(|key, _| !key.is_within(namespace));
        Ok(())
    }
}

/// A canonical decimal number: one that is written as it would be printed.
fn number(text: &[u8]) -> Option<i64> {
    let number: i64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (number.to_string().as_bytes() == text).then_some(number)
}
