use std::{fmt, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use cache_api::{
    Cache, Capabilities, ChunkSizes, Condition, Key, Namespace, Remaining, Result, Scan, SetItem,
    SetOptions, SetOutcome, Ttl, Watch,
};
use tokio::task::AbortHandle;

use crate::{MemoryCacheBuilder, breathe, expiry, scan::Keys, store::Store};

pub(crate) const NAME: &str = "memory";

/// A [`Cache`] in the memory of this process.
///
/// # Contract
///
/// All of [`Cache`]'s, and besides:
///
/// - No call waits for anything but a short lock; none fails but for a value that is too large, a
///   counter that is none, or an argument that is refused.
/// - What is stored is a copy of its own (values over 256 KiB that are handed over whole excepted), so
///   the [bound](MemoryCacheBuilder::max_bytes) means what it says.
/// - Under the bound nothing is lost. Over it, what was not used for longest goes.
/// - `clear`, the bulk calls and [`scan`](Cache::scan) let other tasks run after every 256 entries.
///   `clear` and `scan` look at each entry of the store, whatever the namespace: under 1 µs each,
///   and 4 µs for each that `clear` removes.
/// - [`watch`](Cache::watch) reports every change but expiry and eviction.
///
/// ```
/// use backend_memory::MemoryCache;
/// use cache_api::{Cache, Condition, Namespace, SetOptions, Ttl};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cache_api::Result<()> {
/// let cache = MemoryCache::new();
/// let hits = Namespace::new("hits")?.key("/")?;
/// assert_eq!(cache.increment(&hits, 1, Ttl::Never).await?, 1);
/// assert!(!cache.set(&hits, "0".into(), SetOptions::new(Ttl::Never).when(Condition::Absent)).await?.is_stored());
/// # Ok(())
/// # }
/// ```
pub struct MemoryCache {
    keys: Keys,
    task: Option<AbortHandle>,
}

impl MemoryCache {
    /// A cache of at most [256 MiB](MemoryCacheBuilder::DEFAULT_MAX_BYTES).
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A cache of a chosen size.
    pub fn builder() -> MemoryCacheBuilder {
        MemoryCacheBuilder::new()
    }

    pub(crate) fn with(options: MemoryCacheBuilder) -> Self {
        let store = Arc::new(Store::new(options));
        let task = expiry::maintain(&store);
        Self { keys: Keys(store), task }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.keys.0
    }

    /// Sweeps where no task does: none was started, or its runtime has ended.
    async fn sweep_if_due(&self) {
        if self.task.as_ref().is_none_or(AbortHandle::is_finished) && self.store().sweep_is_due() {
            Box::pin(self.store().sweep()).await;
        }
    }
}

#[async_trait]
impl Cache for MemoryCache {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self) -> Capabilities {
        let max_value = self.store().max_value;
        // In a small store a chunk is at most a sixteenth, or one would throw out the others.
        let chunk = |preferred: usize| preferred.min((max_value / 16).max(1));
        Capabilities::new(max_value).chunks(ChunkSizes::new(chunk(64 << 10), chunk(256 << 10)))
    }

    async fn get(&self, key: &Key) -> Result<Option<Bytes>> {
        Ok(self.store().get(key))
    }

    async fn set(&self, key: &Key, value: Bytes, options: SetOptions) -> Result<SetOutcome> {
        let outcome = self.store().set(key, value, options)?;
        self.sweep_if_due().await;
        Ok(outcome)
    }

    async fn delete_if(&self, key: &Key, condition: Condition) -> Result<bool> {
        Ok(self.store().delete_if(key, condition))
    }

    async fn take(&self, key: &Key) -> Result<Option<Bytes>> {
        Ok(self.store().take(key))
    }

    async fn ttl(&self, key: &Key) -> Result<Remaining> {
        Ok(self.store().ttl(key))
    }

    async fn expire(&self, key: &Key, ttl: Ttl, condition: Condition) -> Result<bool> {
        Ok(self.store().expire(key, ttl, condition))
    }

    async fn increment(&self, key: &Key, by: i64, ttl: Ttl) -> Result<i64> {
        let sum = self.store().increment(key, by, ttl)?;
        self.sweep_if_due().await;
        Ok(sum)
    }

    async fn clear(&self, namespace: &Namespace) -> Result<()> {
        self.store().clear(namespace).await;
        Ok(())
    }

    async fn delete(&self, key: &Key) -> Result<bool> {
        Ok(self.store().delete_if(key, Condition::Always))
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>> {
        let mut values = Vec::with_capacity(keys.len());
        for key in keys {
            breathe(values.len()).await;
            values.push(self.store().get(key));
        }
        Ok(values)
    }

    async fn set_many(&self, items: Vec<SetItem>) -> Result<Vec<SetOutcome>> {
        let mut outcomes = Vec::with_capacity(items.len());
        for SetItem { key, value, options } in items {
            breathe(outcomes.len()).await;
            outcomes.push(self.store().set(&key, value, options)?);
            self.sweep_if_due().await;
        }
        Ok(outcomes)
    }

    async fn delete_many(&self, keys: &[Key]) -> Result<u64> {
        let mut removed = 0;
        for (done, key) in keys.iter().enumerate() {
            breathe(done).await;
            removed += u64::from(self.store().delete_if(key, Condition::Always));
        }
        Ok(removed)
    }

    fn scan(&self) -> Option<&dyn Scan> {
        Some(&self.keys)
    }

    fn watch(&self) -> Option<&dyn Watch> {
        Some(&self.store().changes)
    }
}

impl Default for MemoryCache {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for MemoryCache {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// By hand: moka's own prints the values.
impl fmt::Debug for MemoryCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let store = self.store();
        f.debug_struct("MemoryCache")
            .field("entries", &store.map.entry_count())
            .field("bytes", &store.map.weighted_size())
            .field("max_bytes", &store.max_bytes)
            .field("max_value", &store.max_value)
            .finish_non_exhaustive()
    }
}
