//! A store of one's own: everything that larder does works on it.
//!
//! This one is a map behind a lock, whole but for lifetimes that are judged only when someone looks.
//! Run the conformance kit of `integration-tests` on a store before trusting it.
//!
//! `cargo run -p larder --example third_party_store`

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use larder::{
    Bytes, Cache, Capabilities, Condition, Error, Key, Larder, Namespace, Remaining, Result,
    SetOptions, SetOutcome, Ttl,
};

type Entries = HashMap<Key, (Bytes, Option<Instant>)>;

#[derive(Default)]
struct MapStore {
    entries: Mutex<Entries>,
}

impl MapStore {
    /// The entries, of which an expired one under this key is gone.
    fn entries(&self, key: &Key) -> MutexGuard<'_, Entries> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if entries.get(key).is_some_and(|(_, until)| until.is_some_and(|until| until <= now)) {
            entries.remove(key);
        }
        entries
    }
}

fn until(ttl: Ttl) -> Option<Instant> {
    ttl.millis().map(|millis| Instant::now() + Duration::from_millis(millis))
}

/// Without the values.
impl fmt::Debug for MapStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapStore").finish_non_exhaustive()
    }
}

#[larder::async_trait]
impl Cache for MapStore {
    fn name(&self) -> &'static str {
        "map"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(64 << 20)
    }

    async fn get(&self, key: &Key) -> Result<Option<Bytes>> {
        Ok(self.entries(key).get(key).map(|(value, _)| value.clone()))
    }

    async fn set(&self, key: &Key, value: Bytes, options: SetOptions) -> Result<SetOutcome> {
        let limit = self.capabilities().max_value;
        if value.len() > limit {
            return Err(Error::TooLarge { backend: "map", size: value.len(), limit });
        }
        let mut entries = self.entries(key);
        let standing = entries.get(key).map(|(value, _)| value.clone());
        if !options.condition.holds(standing.as_deref()) {
            return Ok(SetOutcome::Refused { standing });
        }
        if options.ttl.is_zero() {
            entries.remove(key);
        } else {
            entries.insert(key.clone(), (value, until(options.ttl)));
        }
        Ok(SetOutcome::Stored)
    }

    async fn delete_if(&self, key: &Key, condition: Condition) -> Result<bool> {
        let mut entries = self.entries(key);
        let standing = entries.get(key).map(|(value, _)| &value[..]);
        Ok(condition.holds(standing) && entries.remove(key).is_some())
    }

    async fn take(&self, key: &Key) -> Result<Option<Bytes>> {
        Ok(self.entries(key).remove(key).map(|(value, _)| value))
    }

    async fn ttl(&self, key: &Key) -> Result<Remaining> {
        Ok(match self.entries(key).get(key) {
            None => Remaining::Missing,
            Some((_, None)) => Remaining::Never,
            Some((_, Some(until))) => Remaining::For(until.duration_since(Instant::now())),
        })
    }

    async fn expire(&self, key: &Key, ttl: Ttl, condition: Condition) -> Result<bool> {
        let mut entries = self.entries(key);
        let Some(entry) = entries.get_mut(key) else { return Ok(false) };
        if !condition.holds(Some(&entry.0)) {
            return Ok(false);
        }
        entry.1 = until(ttl);
        Ok(true)
    }

    async fn increment(&self, key: &Key, by: i64, ttl: Ttl) -> Result<i64> {
        if ttl.is_zero() {
            let reason = "a counter lives for more than no time".into();
            return Err(Error::InvalidArgument { operation: "increment", reason });
        }
        let mut entries = self.entries(key);
        let standing = match entries.get(key) {
            None => 0,
            Some((value, _)) => number(value).ok_or(Error::NotANumber { backend: "map" })?,
        };
        let sum = standing.checked_add(by).ok_or(Error::Overflow { backend: "map" })?;
        let entry = entries.entry(key.clone()).or_insert_with(|| (Bytes::new(), until(ttl)));
        entry.0 = sum.to_string().into();
        Ok(sum)
    }

    async fn clear(&self, namespace: &Namespace) -> Result<()> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|key, _| !key.is_within(namespace));
        Ok(())
    }
}

/// A canonical decimal number, and nothing else.
fn number(value: &[u8]) -> Option<i64> {
    let number: i64 = std::str::from_utf8(value).ok()?.parse().ok()?;
    (number.to_string().as_bytes() == value).then_some(number)
}

#[tokio::main]
async fn main() -> Result<()> {
    let larder = Larder::new(MapStore::default());
    let words = larder.namespace("words")?.typed::<Vec<String>>();
    let minute = Duration::from_secs(60);
    words.set("en", &vec!["larder".into(), "pantry".into()]).ttl(minute).await?;
    println!("{:?} from {:?}", words.get("en").await?, larder.store().name());
    println!("left: {:?}", words.ttl("en").await?);
    words.space().clear().await?;
    println!("cleared: {:?}", words.get("en").await?);
    Ok(())
}
