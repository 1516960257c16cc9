use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use cache_api::{
    Cache, Capabilities, Condition, Error, Key, Namespace, Op, Remaining, Result, Scan, SetItem,
    SetOptions, SetOutcome, Ttl, Watch,
};

use super::Layer;

/// Passes what reads and refuses what writes, with [`Error::WriteRefused`]: for a second data centre, a
/// report, a program that must not touch what others serve.
///
/// ```
/// use larder::{Error, Larder, MemoryCache, layer::ReadOnly};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let larder = Larder::builder(MemoryCache::new()).layer(ReadOnly::new()).build();
/// let users = larder.namespace("users")?.typed::<String>();
/// let error = users.set(42, &"Ada".into()).forever().await.unwrap_err();
/// assert_eq!(error.to_string(), "memory: set was refused: this cache was opened for reading only");
/// assert_eq!(users.get(42).await?, None);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct ReadOnly;

impl ReadOnly {
    /// Refuses every write.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl Layer for ReadOnly {
    fn layer(&self, inner: Arc<dyn Cache>) -> Arc<dyn Cache> {
        Arc::new(Reads(inner))
    }
}

#[derive(Debug)]
struct Reads(Arc<dyn Cache>);

impl Reads {
    fn refuse<T>(&self, op: Op) -> Result<T> {
        Err(Error::WriteRefused {
            backend: self.0.name(),
            operation: op.name(),
            reason: "this cache was opened for reading only".into(),
            source: None,
        })
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods, reason = "a write that is forgotten is done")]
impl Cache for Reads {
    fn name(&self) -> &'static str {
        self.0.name()
    }
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }
    async fn get(&self, key: &Key) -> Result<Option<Bytes>> {
        self.0.get(key).await
    }
    async fn set(&self, _: &Key, _: Bytes, _: SetOptions) -> Result<SetOutcome> {
        self.refuse(Op::Set)
    }
    async fn delete_if(&self, _: &Key, _: Condition) -> Result<bool> {
        self.refuse(Op::DeleteIf)
    }
    async fn take(&self, _: &Key) -> Result<Option<Bytes>> {
        self.refuse(Op::Take)
    }
    async fn ttl(&self, key: &Key) -> Result<Remaining> {
        self.0.ttl(key).await
    }
    async fn expire(&self, _: &Key, _: Ttl, _: Condition) -> Result<bool> {
        self.refuse(Op::Expire)
    }
    async fn increment(&self, _: &Key, _: i64, _: Ttl) -> Result<i64> {
        self.refuse(Op::Increment)
    }
    async fn clear(&self, _: &Namespace) -> Result<()> {
        self.refuse(Op::Clear)
    }
    async fn delete(&self, _: &Key) -> Result<bool> {
        self.refuse(Op::DeleteIf)
    }
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>> {
        self.0.get_many(keys).await
    }
    async fn set_many(&self, _: Vec<SetItem>) -> Result<Vec<SetOutcome>> {
        self.refuse(Op::SetMany)
    }
    async fn delete_many(&self, _: &[Key]) -> Result<u64> {
        self.refuse(Op::DeleteMany)
    }
    fn scan(&self) -> Option<&dyn Scan> {
        self.0.scan()
    }
    fn watch(&self) -> Option<&dyn Watch> {
        self.0.watch()
    }
}

#[cfg(test)]
mod tests {
    use backend_memory::MemoryCache;
    use futures_util::StreamExt;
    use integration_tests::faults::Scripted;

    use super::*;

    fn is_refused<T>(answer: Result<T>) -> bool {
        answer.is_err_and(|error| {
            matches!(error, Error::WriteRefused { .. })
                && !error.may_have_applied()
                && !error.is_unavailable()
        })
    }

    #[tokio::test]
    async fn reads_pass_and_no_write_reaches_the_store() {
        let scripted = Scripted::new(Arc::new(MemoryCache::new()));
        let namespace = Namespace::new("n").unwrap();
        let key = namespace.key("k").unwrap();
        let (value, options) = (Bytes::from_static(b"v"), SetOptions::new(Ttl::Never));
        assert!(scripted.set(&key, value.clone(), options).await.unwrap().is_stored());
        scripted.clear_log();
        let store = ReadOnly::new().layer(Arc::new(scripted.clone()));

        assert!(is_refused(store.set(&key, "w".into(), options).await));
        assert!(is_refused(store.delete_if(&key, Condition::Present).await));
        assert!(is_refused(store.delete(&key).await));
        assert!(is_refused(store.take(&key).await));
        assert!(is_refused(store.expire(&key, Ttl::Never, Condition::Always).await));
        assert!(is_refused(store.increment(&key, 1, Ttl::Never).await));
        assert!(is_refused(store.clear(&namespace).await));
        let item = SetItem { key: key.clone(), value: value.clone(), options };
        assert!(is_refused(store.set_many(vec![item]).await));
        assert!(is_refused(store.delete_many(std::slice::from_ref(&key)).await));
        assert!(scripted.log().is_empty());

        assert_eq!(store.get(&key).await.unwrap(), Some(value.clone()));
        assert_eq!(store.ttl(&key).await.unwrap(), Remaining::Never);
        assert_eq!(store.get_many(std::slice::from_ref(&key)).await.unwrap(), [Some(value)]);
        assert_eq!(store.scan().unwrap().keys(&namespace).count().await, 1);
        assert!(store.watch().unwrap().changes(&[namespace]).await.is_ok());
    }
}
