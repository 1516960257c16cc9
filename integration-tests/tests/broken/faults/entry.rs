//! Faults of reading, removing, and expiring one entry.

use std::time::Duration;

use bytes::Bytes;
use cache_api::{Cache, Clock, Condition, Key, Result, SetOptions, Ttl};
use tokio::{sync::broadcast::Sender, task::yield_now};

use super::{Broken, Fault};
use crate::model::Model;

impl Broken {
    pub(super) async fn get_one(&self, key: &Key) -> Result<Option<Bytes>> {
        if self.fault == Fault::ExpiredIsRead {
            let corpses = self.model.entries_and_corpses();
            return Ok(corpses.get(key.as_bytes()).map(|entry| entry.value.clone()));
        }
        let found = self.model.get(key).await?;
        Ok(match self.fault {
            Fault::EmptyIsAMiss => found.filter(|value| !value.is_empty()),
            Fault::TextOnly => {
                found.map(|value| String::from_utf8_lossy(&value).into_owned().into_bytes().into())
            }
            Fault::ReadingLengthensLife => {
                let soon = self.model.clock.now() + Duration::from_millis(60);
                if let Some(entry) = self.model.entries().get_mut(key.as_bytes()) {
                    entry.until = entry.until.map(|until| until.max(soon));
                }
                found
            }
            Fault::AnswersGoAstray => {
                // Whoever is dropped here leaves its answer to the next one.
                let mut answers = self.answers.lock().await;
                answers.push_back(found);
                yield_now().await;
                answers.pop_front().flatten()
            }
            Fault::AbandonedCallsLeakPermits => {
                let permit = self.permits.acquire().await.expect("it is never closed");
                permit.forget();
                yield_now().await;
                self.permits.add_permits(1);
                found
            }
            _ => found,
        })
    }

    pub(super) async fn delete_one(&self, key: &Key, condition: Condition) -> Result<bool> {
        match self.fault {
            Fault::DeleteIgnoresItsCondition => self.model.delete_if(key, Condition::Always).await,
            _ => self.model.delete_if(key, condition).await,
        }
    }

    pub(super) async fn take_one(&self, key: &Key) -> Result<Option<Bytes>> {
        match self.fault {
            Fault::TakeHangs => std::future::pending().await,
            Fault::TakeBlocks => {
                std::thread::sleep(Duration::from_millis(300));
                self.model.take(key).await
            }
            Fault::TakeLeavesTheEntry => self.model.get(key).await,
            Fault::TakeIsReadAndDelete => {
                let found = self.model.get(key).await?;
                yield_now().await;
                self.model.delete(key).await?;
                Ok(found)
            }
            _ => self.model.take(key).await,
        }
    }

    pub(super) async fn expire_one(
        &self,
        key: &Key,
        ttl: Ttl,
        condition: Condition,
    ) -> Result<bool> {
        let zero = ttl.is_zero();
        match self.fault {
            Fault::ExpireIgnoresItsCondition => {
                self.model.expire(key, ttl, Condition::Always).await
            }
            Fault::ExpireWithZeroIsForEver if zero => {
                self.model.expire(key, Ttl::Never, condition).await
            }
            Fault::ExpireOnlyLengthens => {
                let left = self.model.ttl(key).await?;
                match (left, ttl) {
                    (cache_api::Remaining::For(left), Ttl::After(new)) if new < left && !zero => {
                        Ok(true)
                    }
                    _ => self.model.expire(key, ttl, condition).await,
                }
            }
            Fault::ExpireCreates if !zero && self.model.get(key).await?.is_none() => {
                let created = self.model.set(key, Bytes::new(), SetOptions::new(ttl)).await?;
                Ok(created.is_stored())
            }
            Fault::LongLifetimesOverflow => {
                self.overflows(ttl);
                self.model.expire(key, ttl, condition).await
            }
            Fault::WatchForgetsExpire => {
                let silent = Model { changes: Sender::new(1), ..self.model.clone() };
                silent.expire(key, ttl, condition).await
            }
            _ => self.model.expire(key, ttl, condition).await,
        }
    }

    /// Computes the end of a lifetime as one does who never thought of `Duration::MAX`.
    pub(super) fn overflows(&self, ttl: Ttl) {
        if let Ttl::After(lifetime) = ttl {
            let end: Duration = Duration::from_secs(1) + lifetime;
            assert!(end > lifetime, "time goes on");
        }
    }
}
