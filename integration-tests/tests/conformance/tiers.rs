//! Tiers of stores, as the kit opens them.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use backend_sled::SledCache;
use bytes::Bytes;
use cache_api::{
    Cache, Capabilities, Condition, Key, Namespace, Remaining, Result, Scan, SetItem, SetOptions,
    SetOutcome, SystemClock, TestClock, Ttl, Watch,
};
use integration_tests::kit::{BoxError, Declared, Fixture, Raw};
use larder::Tiered;
use tempfile::TempDir;

/// The stores of one fixture before those of another, and what is said of them is what the latter claim.
pub(crate) struct Tiers<F, B> {
    front: F,
    back: B,
    wrap: fn(Tiered) -> Arc<dyn Cache>,
}

impl<F: Fixture, B: Fixture> Tiers<F, B> {
    pub(crate) fn new(front: F, back: B) -> Self {
        Self { front, back, wrap: |tiered| Arc::new(tiered) }
    }

    /// What the kit reads comes from the front wherever it may.
    pub(crate) fn warm(front: F, back: B) -> Self {
        Self { front, back, wrap: |tiered| Arc::new(Warm(tiered)) }
    }
}

#[async_trait]
impl<F: Fixture, B: Fixture> Fixture for Tiers<F, B> {
    async fn open(&self) -> Result<Arc<dyn Cache>, BoxError> {
        let builder = Tiered::builder(self.front.open().await?, self.back.open().await?);
        let builder = match self.back.clock() {
            Some(clock) => builder.clock(Arc::new(clock)),
            None => builder.clock(Arc::new(SystemClock)),
        };
        Ok((self.wrap)(builder.build()))
    }

    fn declared(&self) -> Declared {
        self.back.declared()
    }

    fn clock(&self) -> Option<TestClock> {
        self.back.clock()
    }

    fn raw(&self) -> Option<&dyn Raw> {
        self.back.raw()
    }
}

/// A directory for each opening: two processes have two disks.
#[derive(Default)]
pub(crate) struct Disk(Mutex<Vec<TempDir>>);

#[async_trait]
impl Fixture for Disk {
    async fn open(&self) -> Result<Arc<dyn Cache>, BoxError> {
        let directory = tempfile::tempdir()?;
        let store = SledCache::open(directory.path()).await?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(directory);
        Ok(Arc::new(store))
    }

    fn declared(&self) -> Declared {
        Declared::new(64 << 20).persistent().scan().watch()
    }
}

/// Reads everything until it may come from the front, and then once more.
#[derive(Debug)]
struct Warm(Tiered);

impl Warm {
    async fn warmed(&self) {
        // What is never kept is never served from there.
        for _ in 0..500 {
            if self.0.stats().is_serving {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Cache for Warm {
    fn name(&self) -> &'static str {
        self.0.name()
    }
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }
    async fn get(&self, key: &Key) -> Result<Option<Bytes>> {
        drop(self.0.get(key).await?);
        self.warmed().await;
        drop(self.0.get(key).await?);
        tokio::task::yield_now().await;
        self.0.get(key).await
    }
    async fn set(&self, key: &Key, value: Bytes, options: SetOptions) -> Result<SetOutcome> {
        self.0.set(key, value, options).await
    }
    async fn delete_if(&self, key: &Key, condition: Condition) -> Result<bool> {
        self.0.delete_if(key, condition).await
    }
    async fn take(&self, key: &Key) -> Result<Option<Bytes>> {
        self.0.take(key).await
    }
    async fn ttl(&self, key: &Key) -> Result<Remaining> {
        drop(self.get(key).await);
        self.0.ttl(key).await
    }
    async fn expire(&self, key: &Key, ttl: Ttl, condition: Condition) -> Result<bool> {
        self.0.expire(key, ttl, condition).await
    }
    async fn increment(&self, key: &Key, by: i64, ttl: Ttl) -> Result<i64> {
        self.0.increment(key, by, ttl).await
    }
    async fn clear(&self, namespace: &Namespace) -> Result<()> {
        self.0.clear(namespace).await
    }
    async fn delete(&self, key: &Key) -> Result<bool> {
        self.0.delete(key).await
    }
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>> {
        drop(self.0.get_many(keys).await?);
        self.warmed().await;
        drop(self.0.get_many(keys).await?);
        tokio::task::yield_now().await;
        self.0.get_many(keys).await
    }
    async fn set_many(&self, items: Vec<SetItem>) -> Result<Vec<SetOutcome>> {
        self.0.set_many(items).await
    }
    async fn delete_many(&self, keys: &[Key]) -> Result<u64> {
        self.0.delete_many(keys).await
    }
    fn scan(&self) -> Option<&dyn Scan> {
        self.0.scan()
    }
    fn watch(&self) -> Option<&dyn Watch> {
        self.0.watch()
    }
}
