//! A [`Tiered`] as a store: what reads may be answered by a copy, all else is the back's.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use cache_api::{
    Cache, Capabilities, Change, ChangeStream, Condition, Error, Key, Namespace, Remaining, Result,
    Scan, SetItem, SetOptions, SetOutcome, Ttl, Watch,
};
use futures_util::StreamExt;

use super::Tiered;
use crate::{feed::Listener, near::Copies};

#[async_trait]
#[deny(clippy::missing_trait_methods, reason = "what goes past this leaves old copies")]
impl Cache for Tiered {
    fn name(&self) -> &'static str {
        "tiered"
    }
    fn capabilities(&self) -> Capabilities {
        self.inner.back.capabilities()
    }
    async fn get(&self, key: &Key) -> Result<Option<Bytes>> {
        self.inner.get(key).await
    }
    async fn set(&self, key: &Key, value: Bytes, options: SetOptions) -> Result<SetOutcome> {
        self.inner.writes.set(key, value, options).await
    }
    async fn delete_if(&self, key: &Key, condition: Condition) -> Result<bool> {
        self.inner.writes.delete_if(key, condition).await
    }
    async fn take(&self, key: &Key) -> Result<Option<Bytes>> {
        self.inner.writes.take(key).await
    }
    async fn ttl(&self, key: &Key) -> Result<Remaining> {
        self.inner.ttl(key).await
    }
    async fn expire(&self, key: &Key, ttl: Ttl, condition: Condition) -> Result<bool> {
        self.inner.writes.expire(key, ttl, condition).await
    }
    async fn increment(&self, key: &Key, by: i64, ttl: Ttl) -> Result<i64> {
        self.inner.writes.increment(key, by, ttl).await
    }
    async fn clear(&self, namespace: &Namespace) -> Result<()> {
        self.inner.writes.clear(namespace).await
    }
    async fn delete(&self, key: &Key) -> Result<bool> {
        self.inner.writes.delete(key).await
    }
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>> {
        self.inner.get_many(keys).await
    }
    async fn set_many(&self, items: Vec<SetItem>) -> Result<Vec<SetOutcome>> {
        self.inner.writes.set_many(items).await
    }
    async fn delete_many(&self, keys: &[Key]) -> Result<u64> {
        self.inner.writes.delete_many(keys).await
    }
    fn scan(&self) -> Option<&dyn Scan> {
        self.inner.back.scan()
    }
    fn watch(&self) -> Option<&dyn Watch> {
        self.inner.back.watch().map(|_| self as _)
    }
}

/// Each a watch of the back of its own, whose changes the front hears of first.
#[async_trait]
impl Watch for Tiered {
    async fn changes(&self, namespaces: &[Namespace]) -> Result<ChangeStream> {
        let (back, front) = (&self.inner.back, Arc::clone(&self.inner.front));
        let Some(watch) = back.watch() else {
            return Err(Error::Unsupported { backend: back.name(), operation: "watch" });
        };
        let changes = watch.changes(namespaces).await?;
        // What changed before is not told there. The front, which hears of it in its own time, must not
        // give it to those who watch as what it was.
        front.kill_all();
        Ok(Box::pin(changes.inspect(move |change| match change {
            // Says something of these namespaces, not of all of which copies are kept.
            Change::Beat { .. } => {}
            change => front.change(change),
        })))
    }
}
