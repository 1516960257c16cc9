//! A part of a store, as if it were the whole.

mod streams;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use cache_api::{
    Cache, Capabilities, Condition, Key, Namespace, Remaining, Result, Scan, SetItem, SetOptions,
    SetOutcome, Ttl, Watch,
};

use super::Layer;

/// Puts everything under a namespace of its own, so that applications share a store and do not see each
/// other: `users:42` of the application `shop` is `shop/users:42` in Redis.
///
/// `clear`, [`Scan`] and [`Watch`] reach only what lies there, and name it without the prefix. One
/// prefix must not lie inside another (`shop` and `shop/test`): whoever has the outer one can clear the
/// inner one.
///
/// A prefix and the namespaces under it have 255 bytes together; longer ones are
/// [`Error::InvalidNamespace`](cache_api::Error::InvalidNamespace).
///
/// ```
/// use larder::{Larder, MemoryCache, Namespace, layer::Prefix};
/// use std::sync::Arc;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), larder::Error> {
/// let store = Arc::new(MemoryCache::new());
/// let shop = Larder::builder(Arc::clone(&store)).layer(Prefix::new("shop")?).build();
/// shop.namespace("users")?.raw().set(42, "Ada").forever().await?;
///
/// let whole = Larder::new(store);
/// assert_eq!(whole.namespace("shop/users")?.raw().get(42).await?.as_deref(), Some(&b"Ada"[..]));
/// assert_eq!(whole.namespace("users")?.raw().get(42).await?, None);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Prefix(Namespace);

impl Prefix {
    /// Everything under this namespace.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidNamespace`](cache_api::Error::InvalidNamespace), which says what is wrong with it.
    pub fn new(namespace: &str) -> Result<Self> {
        Ok(Self(Namespace::new(namespace)?))
    }

    fn namespace(&self, inner: &Namespace) -> Result<Namespace> {
        Namespace::parse(&format!("{}/{inner}", self.0))
    }

    fn key(&self, inner: &Key) -> Result<Key> {
        self.namespace(&inner.namespace())?.key(inner.user())
    }

    fn keys(&self, inner: &[Key]) -> Result<Vec<Key>> {
        inner.iter().map(|key| self.key(key)).collect()
    }

    /// The namespace without the prefix. `None`: it does not lie there.
    fn strip(&self, outer: &Namespace) -> Option<Namespace> {
        let rest = outer.as_str().strip_prefix(self.0.as_str())?.strip_prefix('/')?;
        Namespace::parse(rest).ok()
    }

    /// The key without the prefix. `None`: it does not lie there.
    fn strip_key(&self, outer: &Key) -> Option<Key> {
        self.strip(&outer.namespace())?.key(outer.user()).ok()
    }
}

impl Layer for Prefix {
    fn layer(&self, inner: Arc<dyn Cache>) -> Arc<dyn Cache> {
        Arc::new(Part { store: inner, prefix: self.clone() })
    }
}

/// The part of a store that lies under a prefix.
#[derive(Debug)]
struct Part {
    store: Arc<dyn Cache>,
    prefix: Prefix,
}

#[async_trait]
#[deny(clippy::missing_trait_methods, reason = "a key without its prefix is somebody else's")]
impl Cache for Part {
    fn name(&self) -> &'static str {
        self.store.name()
    }
    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }
    async fn get(&self, key: &Key) -> Result<Option<Bytes>> {
        self.store.get(&self.prefix.key(key)?).await
    }
    async fn set(&self, key: &Key, value: Bytes, options: SetOptions) -> Result<SetOutcome> {
        self.store.set(&self.prefix.key(key)?, value, options).await
    }
    async fn delete_if(&self, key: &Key, condition: Condition) -> Result<bool> {
        self.store.delete_if(&self.prefix.key(key)?, condition).await
    }
    async fn take(&self, key: &Key) -> Result<Option<Bytes>> {
        self.store.take(&self.prefix.key(key)?).await
    }
    async fn ttl(&self, key: &Key) -> Result<Remaining> {
        self.store.ttl(&self.prefix.key(key)?).await
    }
    async fn expire(&self, key: &Key, ttl: Ttl, condition: Condition) -> Result<bool> {
        self.store.expire(&self.prefix.key(key)?, ttl, condition).await
    }
    async fn increment(&self, key: &Key, by: i64, ttl: Ttl) -> Result<i64> {
        self.store.increment(&self.prefix.key(key)?, by, ttl).await
    }
    async fn clear(&self, namespace: &Namespace) -> Result<()> {
        self.store.clear(&self.prefix.namespace(namespace)?).await
    }
    async fn delete(&self, key: &Key) -> Result<bool> {
        self.store.delete(&self.prefix.key(key)?).await
    }
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>> {
        self.store.get_many(&self.prefix.keys(keys)?).await
    }
    async fn set_many(&self, mut items: Vec<SetItem>) -> Result<Vec<SetOutcome>> {
        for item in &mut items {
            item.key = self.prefix.key(&item.key)?;
        }
        self.store.set_many(items).await
    }
    async fn delete_many(&self, keys: &[Key]) -> Result<u64> {
        self.store.delete_many(&self.prefix.keys(keys)?).await
    }
    fn scan(&self) -> Option<&dyn Scan> {
        self.store.scan().map(|_| self as _)
    }
    fn watch(&self) -> Option<&dyn Watch> {
        self.store.watch().map(|_| self as _)
    }
}

#[cfg(test)]
mod tests;
