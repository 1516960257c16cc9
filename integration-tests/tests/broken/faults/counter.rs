//! Faults of `increment`.

use bytes::Bytes;
use cache_api::{Cache, Condition, Key, Result, SetOptions, Ttl};
use tokio::task::yield_now;

use super::{Broken, Fault};
use crate::model::number;

impl Broken {
    pub(super) async fn increment_one(&self, key: &Key, by: i64, ttl: Ttl) -> Result<i64> {
        let model = &self.model;
        let text = |value: &Option<Bytes>| {
            value.as_ref().map(|value| String::from_utf8_lossy(value).trim().to_owned())
        };
        match self.fault {
            Fault::CounterLivesForEver if !ttl.is_zero() => {
                model.increment(key, by, Ttl::Never).await
            }
            Fault::IncrementLengthensLife => {
                let sum = model.increment(key, by, ttl).await?;
                model.expire(key, ttl, Condition::Always).await?;
                Ok(sum)
            }
            Fault::IncrementTakesAnyNumber => {
                // `"+1".parse()` and `"01".parse()` are numbers.
                let lax = text(&model.get(key).await?).and_then(|text| text.parse::<i64>().ok());
                if let Some(start) = lax {
                    let mut entries = model.entries();
                    if let Some(entry) = entries.get_mut(key.as_bytes()) {
                        entry.value = start.to_string().into();
                    }
                }
                model.increment(key, by, ttl).await
            }
            Fault::IncrementWraps | Fault::IncrementIsAFloat if !ttl.is_zero() => {
                let found = model.get(key).await?;
                let Some(start) = found.as_deref().map_or(Some(0), number) else {
                    return model.increment(key, by, ttl).await;
                };
                let sum = match self.fault {
                    Fault::IncrementWraps => start.wrapping_add(by),
                    _ => (start as f64 + by as f64) as i64,
                };
                let mut entries = model.entries();
                let until = entries.get(key.as_bytes()).map(|entry| entry.until);
                let mut entry = model.entry(sum.to_string().into(), ttl);
                if let (Some(until), Some(entry)) = (until, &mut entry) {
                    entry.until = until;
                }
                model.write(&mut entries, key, entry);
                Ok(sum)
            }
            Fault::IncrementWithZeroIsForEver if ttl.is_zero() => {
                model.increment(key, by, Ttl::Never).await
            }
            Fault::IncrementIsReadAndWrite => {
                let found = model.get(key).await?;
                let start = found.as_deref().and_then(number);
                let (Some(sum), false) = (start.and_then(|n| n.checked_add(by)), ttl.is_zero())
                else {
                    return model.increment(key, by, ttl).await;
                };
                let until = model.entries().get(key.as_bytes()).and_then(|entry| entry.until);
                yield_now().await;
                let _ = model.set(key, sum.to_string().into(), SetOptions::new(Ttl::Never)).await?;
                if let Some(entry) = model.entries().get_mut(key.as_bytes()) {
                    entry.until = until;
                }
                Ok(sum)
            }
            Fault::ExpiredIsIncremented => {
                let corpse = model.entries_and_corpses().get(key.as_bytes()).cloned();
                if let (None, Some(corpse)) = (model.get(key).await?, corpse) {
                    let _ = model.set(key, corpse.value, SetOptions::new(ttl)).await?;
                }
                model.increment(key, by, ttl).await
            }
            Fault::LongLifetimesOverflow => {
                self.overflows(ttl);
                model.increment(key, by, ttl).await
            }
            _ => model.increment(key, by, ttl).await,
        }
    }
}
