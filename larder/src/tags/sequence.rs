use bytes::Bytes;
use cache_api::{Cache, Condition, Key, Namespace, Result, SetOptions, SetOutcome, Ttl};

use crate::envelope::Version;

/// The version that every invalidation of a tag in a namespace removes before it removes the tag.
///
/// Read before a load and after the tags that the load named: if it is the same, none of them was
/// invalidated between the load and their reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sequence(Bytes);

impl Sequence {
    /// What it is before a load. One call to the store, two where there is none yet.
    pub(crate) async fn read(store: &dyn Cache, namespace: &Namespace) -> Result<Self> {
        let key = key(namespace)?;
        if let Some(standing) = store.get(&key).await? {
            return Ok(Self(standing));
        }
        let fresh = fresh();
        let options = SetOptions::new(Ttl::Never).when(Condition::Absent);
        Ok(Self(match store.set(&key, fresh.clone(), options).await? {
            SetOutcome::Stored => fresh,
            SetOutcome::Refused { standing } => standing.unwrap_or(fresh),
        }))
    }

    /// Whether it is still the same. One call to the store.
    pub(crate) async fn holds(&self, store: &dyn Cache, namespace: &Namespace) -> Result<bool> {
        Ok(store.get(&key(namespace)?).await?.is_some_and(|standing| standing == self.0))
    }

    /// Ends it, so that no load which began under it trusts the tags that it named. The next to load begins
    /// another one. One call to the store.
    pub(super) async fn end(store: &dyn Cache, namespace: &Namespace) -> Result<()> {
        store.delete(&key(namespace)?).await?;
        Ok(())
    }
}

fn key(namespace: &Namespace) -> Result<Key> {
    namespace.reserved("tag-seq")?.key("")
}

fn fresh() -> Bytes {
    Bytes::copy_from_slice(Version::random().as_bytes())
}
