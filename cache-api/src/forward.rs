//! `Arc<T>` and `Box<T>` are caches: every method is forwarded, none falls back to a default.

use std::{pin::Pin, sync::Arc};

use bytes::Bytes;

use crate::{
    Cache, Capabilities, Condition, Key, Namespace, Remaining, Result, Scan, SetItem, SetOptions,
    SetOutcome, Ttl, Watch,
};

/// What an `async fn` of the trait is. Written out, so that the future of the inner cache is returned
/// as it is: an `async fn` here would box it a second time, 12 ns and an allocation per call.
type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

macro_rules! forward {
    ($($pointer:ident),*) => {$(
        #[deny(clippy::missing_trait_methods)]
        impl<T: Cache + ?Sized> Cache for $pointer<T> {
            fn name(&self) -> &'static str {
                (**self).name()
            }
            fn capabilities(&self) -> Capabilities {
                (**self).capabilities()
            }
            fn get<'s: 'a, 'k: 'a, 'a>(&'s self, key: &'k Key) -> Answer<'a, Option<Bytes>> {
                (**self).get(key)
            }
            fn set<'s: 'a, 'k: 'a, 'a>(
                &'s self,
                key: &'k Key,
                value: Bytes,
                options: SetOptions,
            ) -> Answer<'a, SetOutcome> {
                (**self).set(key, value, options)
            }
            fn delete_if<'s: 'a, 'k: 'a, 'a>(
                &'s self,
                key: &'k Key,
                condition: Condition,
            ) -> Answer<'a, bool> {
                (**self).delete_if(key, condition)
            }
            fn take<'s: 'a, 'k: 'a, 'a>(&'s self, key: &'k Key) -> Answer<'a, Option<Bytes>> {
                (**self).take(key)
            }
            fn ttl<'s: 'a, 'k: 'a, 'a>(&'s self, key: &'k Key) -> Answer<'a, Remaining> {
                (**self).ttl(key)
            }
            fn expire<'s: 'a, 'k: 'a, 'a>(
                &'s self,
                key: &'k Key,
                ttl: Ttl,
                condition: Condition,
            ) -> Answer<'a, bool> {
                (**self).expire(key, ttl, condition)
            }
            fn increment<'s: 'a, 'k: 'a, 'a>(
                &'s self,
                key: &'k Key,
                by: i64,
                ttl: Ttl,
            ) -> Answer<'a, i64> {
                (**self).increment(key, by, ttl)
            }
            fn clear<'s: 'a, 'k: 'a, 'a>(&'s self, namespace: &'k Namespace) -> Answer<'a, ()> {
                (**self).clear(namespace)
            }
            fn delete<'s: 'a, 'k: 'a, 'a>(&'s self, key: &'k Key) -> Answer<'a, bool> {
                (**self).delete(key)
            }
            fn get_many<'s: 'a, 'k: 'a, 'a>(
                &'s self,
                keys: &'k [Key],
            ) -> Answer<'a, Vec<Option<Bytes>>> {
                (**self).get_many(keys)
            }
            fn set_many<'s: 'a, 'a>(&'s self, items: Vec<SetItem>) -> Answer<'a, Vec<SetOutcome>> {
                (**self).set_many(items)
            }
            fn delete_many<'s: 'a, 'k: 'a, 'a>(&'s self, keys: &'k [Key]) -> Answer<'a, u64> {
                (**self).delete_many(keys)
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
