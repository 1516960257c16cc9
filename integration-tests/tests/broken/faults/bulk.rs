//! Faults of the bulk calls.

use std::collections::BTreeSet;

use bytes::Bytes;
use cache_api::{Cache, Condition, Error, Key, Result, SetItem, SetOptions, SetOutcome};

use super::{Broken, Fault};

impl Broken {
    pub(super) async fn get_all(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>> {
        self.refuses_empty(keys.is_empty(), "get_many")?;
        let mut keys = keys.to_vec();
        match self.fault {
            Fault::GetManySorts => keys.sort(),
            Fault::GetManyDropsDuplicates => {
                let mut seen = BTreeSet::new();
                keys.retain(|key| seen.insert(key.clone()));
            }
            _ => {}
        }
        let mut values = Vec::new();
        for key in &keys {
            values.push(self.get(key).await?);
        }
        Ok(values)
    }

    pub(super) async fn set_all(&self, mut items: Vec<SetItem>) -> Result<Vec<SetOutcome>> {
        self.refuses_empty(items.is_empty(), "set_many")?;
        let first = items.first().map(|item| item.options.ttl);
        if self.fault == Fault::SetManyGoesBackwards {
            items.reverse();
        }
        let mut outcomes = Vec::new();
        for SetItem { key, value, options: SetOptions { mut ttl, mut condition, .. } } in items {
            match self.fault {
                Fault::SetManyIgnoresConditions => condition = Condition::Always,
                Fault::SetManyGivesOneLifetime => ttl = first.unwrap_or(ttl),
                _ => {}
            }
            outcomes.push(self.set(&key, value, SetOptions::new(ttl).when(condition)).await?);
        }
        if self.fault == Fault::SetManyGoesBackwards {
            outcomes.reverse();
        }
        Ok(outcomes)
    }

    pub(super) async fn delete_all(&self, keys: &[Key]) -> Result<u64> {
        self.refuses_empty(keys.is_empty(), "delete_many")?;
        let mut removed = 0;
        for key in keys {
            removed += u64::from(self.delete(key).await?);
        }
        Ok(match self.fault {
            Fault::DeleteManyCountsWhatWasAsked => keys.len() as u64,
            _ => removed,
        })
    }

    /// `MGET` without a key is an error of Redis.
    fn refuses_empty(&self, empty: bool, operation: &'static str) -> Result<()> {
        if empty && self.fault == Fault::EmptyListIsAnError {
            return Err(Error::InvalidArgument { operation, reason: "no keys".into() });
        }
        Ok(())
    }
}
