use std::sync::Arc;

use bytes::Bytes;
use cache_api::{Cache, Condition, Key, Remaining, Result, Ttl};

use super::RawSet;
use crate::{
    handle::{Counters, Space, count},
    to_key::ToKey,
};

/// The entries of a [`Space`] as the bytes they are, with nothing around them. Cheap to clone.
///
/// What is written here is what `redis-cli GET users:42` shows, and what a service in another language
/// writes there is read here. Each call is one round trip to the store. A dropped write may still be
/// applied, late, whole or not at all.
///
/// ```
/// # use larder::prelude::*;
/// # use std::time::Duration;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), larder::Error> {
/// # let larder = Larder::new(backend_memory::MemoryCache::builder().build());
/// let visits = larder.namespace("visits")?.raw();
/// visits.increment("/", 1, Duration::from_secs(60)).await?;
/// visits.increment("/", 2, Duration::from_secs(60)).await?;
/// assert_eq!(visits.get("/").await?.as_deref(), Some(&b"3"[..]));
///
/// let stored = visits.set("/", "0").ttl(Duration::from_secs(60)).if_absent().await?;
/// assert!(!stored);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Raw {
    space: Space,
}

impl Space {
    /// The entries of this space as the bytes they are.
    #[must_use]
    pub fn raw(&self) -> Raw {
        Raw { space: self.clone() }
    }
}

impl Raw {
    /// The space they lie in.
    #[must_use]
    pub const fn space(&self) -> &Space {
        &self.space
    }

    /// The bytes under a key.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidKey`](cache_api::Error::InvalidKey), or the store's. A miss is no error.
    pub fn get<K: ToKey>(
        &self,
        key: K,
    ) -> impl Future<Output = Result<Option<Bytes>>> + Send + use<K> {
        let (raw, key) = (self.clone(), self.space.key(key));
        async move {
            let found = raw.counted(raw.store().get(&raw.trusted(key).await?).await)?;
            let counters = raw.counters();
            count(if found.is_some() { &counters.hits } else { &counters.misses });
            Ok(found)
        }
    }

    /// Writes bytes. How long they live must be said, with [`ttl`](RawSet::ttl) or
    /// [`forever`](RawSet::forever). Resolves to whether they were stored, which without a condition
    /// they always are.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`](cache_api::Error::InvalidArgument) without a lifetime,
    /// [`Error::InvalidKey`](cache_api::Error::InvalidKey), or the store's.
    pub fn set(&self, key: impl ToKey, value: impl Into<Bytes>) -> RawSet {
        RawSet::new(self.clone(), self.space.key(key), value.into())
    }

    /// Removes an entry. `true` if one stood there.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidKey`](cache_api::Error::InvalidKey), or the store's.
    pub fn delete<K: ToKey>(&self, key: K) -> impl Future<Output = Result<bool>> + Send + use<K> {
        let (raw, key) = (self.clone(), self.space.key(key));
        async move { raw.counted(raw.store().delete(&key?).await) }
    }

    /// Removes an entry and returns it, in one atomic step: of several callers one gets it.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidKey`](cache_api::Error::InvalidKey), or the store's.
    pub fn take<K: ToKey>(
        &self,
        key: K,
    ) -> impl Future<Output = Result<Option<Bytes>>> + Send + use<K> {
        let (raw, key) = (self.clone(), self.space.key(key));
        async move { raw.counted(raw.store().take(&raw.trusted(key).await?).await) }
    }

    /// How long an entry has left.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidKey`](cache_api::Error::InvalidKey), or the store's.
    pub fn ttl<K: ToKey>(&self, key: K) -> impl Future<Output = Result<Remaining>> + Send + use<K> {
        let (raw, key) = (self.clone(), self.space.key(key));
        async move { raw.counted(raw.store().ttl(&raw.trusted(key).await?).await) }
    }

    /// Gives an entry a new lifetime, counted from now. `true` if one stood there.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidKey`](cache_api::Error::InvalidKey), or the store's.
    pub fn expire<K: ToKey, L: Into<Ttl>>(
        &self,
        key: K,
        ttl: L,
    ) -> impl Future<Output = Result<bool>> + Send + use<K, L> {
        let (raw, key, ttl) = (self.clone(), self.space.key(key), ttl.into());
        async move {
            let key = raw.trusted(key).await?;
            raw.counted(raw.store().expire(&key, ttl, Condition::Always).await)
        }
    }

    /// Adds to a counter and returns the sum. A missing one counts from zero and lives for `ttl`; one
    /// that stands keeps its lifetime.
    ///
    /// # Errors
    ///
    /// [`Error::NotANumber`](cache_api::Error::NotANumber) or
    /// [`Error::Overflow`](cache_api::Error::Overflow), which change nothing,
    /// [`Error::InvalidKey`](cache_api::Error::InvalidKey), or the store's. It is not repeated when an
    /// answer is lost: whether it counted is then unknown.
    pub fn increment<K: ToKey, L: Into<Ttl>>(
        &self,
        key: K,
        by: i64,
        ttl: L,
    ) -> impl Future<Output = Result<i64>> + Send + use<K, L> {
        let (raw, key, ttl) = (self.clone(), self.space.key(key), ttl.into());
        async move {
            let key = raw.trusted(key).await?;
            raw.counted(raw.store().increment(&key, by, ttl).await)
        }
    }

    pub(super) fn store(&self) -> &Arc<dyn Cache> {
        self.space.larder().store()
    }

    pub(super) fn counters(&self) -> &Counters {
        &self.space.larder().inner.counters
    }

    /// A key of which no invalidation is waiting to be made.
    async fn trusted(&self, key: Result<Key>) -> Result<Key> {
        let key = key?;
        self.counted(self.space.larder().settle(&key, &[], &[]).await)?;
        Ok(key)
    }

    /// The answer of the store, whose error is counted.
    pub(super) fn counted<A>(&self, answer: Result<A>) -> Result<A> {
        if answer.is_err() {
            count(&self.counters().errors);
        }
        answer
    }
}
