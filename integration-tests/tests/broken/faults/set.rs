//! Faults of `set`.

use std::time::Duration;

use bytes::Bytes;
use cache_api::{Cache, Change, Condition, Key, Result, SetOptions, SetOutcome, Ttl};
use tokio::task::yield_now;

use super::{Broken, Fault};
use crate::model::Model;

impl Broken {
    pub(super) async fn set_one(
        &self,
        key: &Key,
        value: Bytes,
        mut options: SetOptions,
    ) -> Result<SetOutcome> {
        let model = &self.model;
        match self.fault {
            Fault::LifetimeSurvivesOverwrite => {
                let old = model.entries().get(key.as_bytes()).map(|entry| entry.until);
                let outcome = model.set(key, value, options).await?;
                if let (Some(until), Some(entry)) = (old, model.entries().get_mut(key.as_bytes())) {
                    entry.until = until;
                }
                Ok(outcome)
            }
            Fault::ZeroIsForEver if options.ttl.is_zero() => {
                options.ttl = Ttl::Never;
                model.set(key, value, options).await
            }
            Fault::ZeroIgnoresItsCondition if options.ttl.is_zero() => {
                options.condition = Condition::Always;
                model.set(key, value, options).await
            }
            Fault::ZeroKeepsWhatStood if options.ttl.is_zero() => Ok(SetOutcome::Stored),
            Fault::MillisecondsRoundDown => {
                if let Ttl::After(lifetime) = options.ttl {
                    options.ttl =
                        Duration::from_millis(lifetime.as_millis().min(1 << 53) as u64).into();
                }
                model.set(key, value, options).await
            }
            Fault::SubMillisecondIsForEver => {
                if matches!(options.ttl, Ttl::After(time) if time < Duration::from_millis(1)) {
                    options.ttl = Ttl::Never;
                }
                model.set(key, value, options).await
            }
            Fault::LongLifetimesOverflow => {
                self.overflows(options.ttl);
                model.set(key, value, options).await
            }
            Fault::ExpiredBlocksAbsent => {
                let standing = {
                    let corpses = model.entries_and_corpses();
                    corpses.get(key.as_bytes()).map(|entry| entry.value.clone())
                };
                if options.condition == Condition::Absent && standing.is_some() {
                    return Ok(SetOutcome::Refused { standing });
                }
                model.set(key, value, options).await
            }
            Fault::TooLargeIsStored => {
                let large = Model { max_value: usize::MAX, ..model.clone() };
                large.set(key, value, options).await
            }
            Fault::TooLargeIsCut => {
                let cut = value.slice(..value.len().min(model.max_value));
                model.set(key, cut, options).await
            }
            Fault::EqualIsStored if model.get(key).await?.as_ref() == Some(&value) => {
                Ok(SetOutcome::Stored)
            }
            Fault::PresentCreates if options.condition == Condition::Present => {
                options.condition = Condition::Always;
                model.set(key, value, options).await
            }
            Fault::StartsWithComparesTheWhole | Fault::StartsWithTakesShorter => {
                if let Condition::StartsWith(prefix) = options.condition {
                    let standing = model.get(key).await?;
                    let (prefix, found) =
                        (prefix.as_bytes(), standing.as_deref().unwrap_or_default());
                    let holds = match self.fault {
                        Fault::StartsWithComparesTheWhole => found == prefix,
                        _ => prefix.starts_with(found) || found.starts_with(prefix),
                    };
                    if standing.is_none() || !holds {
                        return Ok(SetOutcome::Refused { standing });
                    }
                    options.condition = Condition::Present;
                }
                model.set(key, value, options).await
            }
            Fault::RefusalShowsNothing
            | Fault::RefusalShowsTooLittle
            | Fault::RefusalTakesEmptyForNothing => {
                let SetOutcome::Refused { standing } = model.set(key, value, options).await? else {
                    return Ok(SetOutcome::Stored);
                };
                let standing = standing.filter(|value| match self.fault {
                    Fault::RefusalShowsNothing => false,
                    Fault::RefusalTakesEmptyForNothing => !value.is_empty(),
                    _ => true,
                });
                let standing = standing.map(|value| match self.fault {
                    Fault::RefusalShowsTooLittle => value.slice(..value.len().min(16)),
                    _ => value,
                });
                Ok(SetOutcome::Refused { standing })
            }
            Fault::RefusalTouchesTheLifetime => {
                let outcome = model.set(key, value, options).await?;
                if !outcome.is_stored() {
                    model.expire(key, options.ttl, Condition::Always).await?;
                }
                Ok(outcome)
            }
            Fault::AbsentIsChecked if options.condition == Condition::Absent => {
                let standing = model.get(key).await?;
                yield_now().await;
                if standing.is_some() {
                    return Ok(SetOutcome::Refused { standing });
                }
                model.set(key, value, SetOptions::new(options.ttl)).await
            }
            Fault::PlainSetIsNotExcluded if options.condition != Condition::Always => {
                // One conditional write at a time; plain ones go past.
                let _others_wait = self.answers.lock().await;
                let standing = model.get(key).await?;
                yield_now().await;
                if !options.condition.holds(standing.as_deref()) {
                    return Ok(SetOutcome::Refused { standing });
                }
                model.set(key, value, SetOptions::new(options.ttl)).await
            }
            Fault::WritesAreTorn if options.condition == Condition::Always && value.len() > 100 => {
                let half = value.slice(..value.len() / 2);
                let outcome = model.set(key, half, options).await?;
                yield_now().await;
                let _ = model.set(key, value, options).await?;
                Ok(outcome)
            }
            Fault::AbandonedWritesLand => {
                let late = Late { model: Some(model), key, value: &value, ttl: options.ttl };
                yield_now().await;
                late.disarm();
                model.set(key, value.clone(), options).await
            }
            Fault::WatchReportsBeforeItIsReadable => {
                model.report(Change::Entry(key.clone()));
                for _ in 0..20 {
                    yield_now().await;
                }
                let silent =
                    Model { changes: tokio::sync::broadcast::Sender::new(1), ..model.clone() };
                silent.set(key, value, options).await
            }
            _ => model.set(key, value, options).await,
        }
    }
}

/// A write that was given up, and lands all the same, without its condition.
struct Late<'a> {
    model: Option<&'a Model>,
    key: &'a Key,
    value: &'a Bytes,
    ttl: Ttl,
}

impl Late<'_> {
    fn disarm(mut self) {
        self.model = None;
    }
}

impl Drop for Late<'_> {
    fn drop(&mut self) {
        if let Some(model) = self.model {
            let entry = model.entry(self.value.clone(), self.ttl);
            model.write(&mut model.entries(), self.key, entry);
        }
    }
}
