//! `Arc<T>` and `Box<T>` are caches: every method is forwarded, none falls back to a default.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::{
    Cache, Capabilities, Condition, Key, Namespace, Remaining, Result, Scan, SetItem, SetOptions,
    SetOutcome, Ttl, Watch,
};

macro_rules! forward {
    ($($pointer:ident),*) => {$(
        #[async_trait]
        #[deny(clippy::missing_trait_methods)]
        impl<T: Cache + ?Sized> Cache for $pointer<T> {
            fn name(&self) -> &'static str {
                (**self).name()
            }
            fn capabilities(&self) -> Capabilities {
                (**self).capabilities()
            }
            async fn get(&self, key: &Key) -> Result<Option<Bytes>> {
                (**self).get(key).await
            }
            async fn set(&self, key: &Key, value: Bytes, options: SetOptions) -> Result<SetOutcome> {
                (**self).set(key, value, options).await
            }
            async fn delete_if(&self, key: &Key, condition: Condition) -> Result<bool> {
                (**self).delete_if(key, condition).await
            }
            async fn take(&self, key: &Key) -> Result<Option<Bytes>> {
                (**self).take(key).await
            }
            async fn ttl(&self, key: &Key) -> Result<Remaining> {
                (**self).ttl(key).await
            }
            async fn expire(&self, key: &Key, ttl: Ttl, condition: Condition) -> Result<bool> {
                (**self).expire(key, ttl, condition).await
            }
            async fn increment(&self, key: &Key, by: i64, ttl: Ttl) -> Result<i64> {
                (**self).increment(key, by, ttl).await
            }
            async fn clear(&self, namespace: &Namespace) -> Result<()> {
                (**self).clear(namespace).await
            }
            async fn delete(&self, key: &Key) -> Result<bool> {
                (**self).delete(key).await
            }
            async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>> {
                (**self).get_many(keys).await
            }
            async fn set_many(&self, items: Vec<SetItem>) -> Result<Vec<SetOutcome>> {
                (**self).set_many(items).await
            }
            async fn delete_many(&self, keys: &[Key]) -> Result<u64> {
                (**self).delete_many(keys).await
            }
            fn scan(&self) -> Option<&dyn Scan> {
                (**self).scan()
            }
            fn watch(&self) -> Option<&dyn Watch> {
                (**self).watch()
            }
        }
    )*};
}

forward!(Arc, Box);
