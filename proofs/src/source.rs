use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use backend_redis::RedisCache;
use cache_api::{Cache, Key, Namespace, Ttl};
use rand::RngExt;

use crate::Result;

/// What loaders read: a number for each key, which only grows. It stands on a Redis of its own, which does
/// one thing at a time: what was counted is seen by everyone who asks later, in every process.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    store: Arc<RedisCache>,
    namespace: Namespace,
    loads: Arc<AtomicU64>,
}

impl Source {
    pub(crate) async fn open(url: &str) -> Result<Self> {
        // It is never in trouble itself, only late when the machine is.
        let store = RedisCache::builder(url)?.deadline(Duration::from_secs(20)).open().await?;
        let namespace = Namespace::new("source")?;
        Ok(Self { store: Arc::new(store), namespace, loads: Arc::default() })
    }

    /// The number of a key.
    pub(crate) async fn read(&self, key: u64) -> Result<u64> {
        let found = self.store.get(&self.key(key)?).await?;
        Ok(match found {
            Some(text) => std::str::from_utf8(&text)?.parse()?,
            None => 0,
        })
    }

    /// The number of a key, by somebody who then takes a while, 0 to 6 ms, to make something of it.
    pub(crate) async fn load(&self, key: u64) -> Result<u64> {
        self.loads.fetch_add(1, SeqCst);
        let read = self.read(key).await?;
        let while_ms = rand::rng().random_range(0..=6);
        tokio::time::sleep(Duration::from_millis(while_ms)).await;
        Ok(read)
    }

    /// How many loads this process has begun.
    pub(crate) fn loads(&self) -> u64 {
        self.loads.load(SeqCst)
    }

    /// Counts one up, and gives the new number.
    pub(crate) async fn count(&self, key: u64) -> Result<u64> {
        Ok(self.store.increment(&self.key(key)?, 1, Ttl::Never).await?.cast_unsigned())
    }

    fn key(&self, key: u64) -> Result<Key> {
        Ok(self.namespace.key(key.to_string())?)
    }
}
