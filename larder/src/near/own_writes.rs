//! What this process writes is dropped from its copies.

use std::{pin::Pin, sync::Arc};

use bytes::Bytes;
use cache_api::{
    Cache, Capabilities, Condition, Key, Namespace, Remaining, Result, Scan, SetItem, SetOptions,
    SetOutcome, Ttl, Watch,
};

use super::Copies;

/// A store whose every write through this handle, whatever comes of it, drops what is kept of the key: *after* its answer, so that nothing that was read before is kept after it. A write whose caller
/// gives up drops it too: it may have been applied.
///
/// Nothing that is written is ever kept, and no report of a change is taken for one's own: of two writes
/// at once a store may report one.
#[derive(Debug)]
pub(crate) struct OwnWrites<C> {
    store: Arc<dyn Cache>,
    copies: Arc<C>,
}

impl<C: Copies> OwnWrites<C> {
    pub(crate) fn new(store: Arc<dyn Cache>, copies: Arc<C>) -> Self {
        Self { store, copies }
    }

    fn drops<'a>(&'a self, keys: &'a [Key]) -> Drops<'a, C> {
        Drops { copies: &self.copies, keys }
    }
}

/// Drops the copies of keys when it is dropped itself.
struct Drops<'a, C: Copies> {
    copies: &'a C,
    keys: &'a [Key],
}

impl<C: Copies> Drop for Drops<'_, C> {
    fn drop(&mut self) {
        self.keys.iter().for_each(|key| self.copies.kill(key));
    }
}

/// Drops everything.
struct DropsAll<'a, C: Copies>(&'a C);

impl<C: Copies> Drop for DropsAll<'_, C> {
    fn drop(&mut self) {
        self.0.kill_all();
    }
}

/// What an `async fn` of the trait is: reads are forwarded as they are, without a second box.
type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

#[deny(clippy::missing_trait_methods)]
impl<C: Copies> Cache for OwnWrites<C> {
    fn name(&self) -> &'static str {
        self.store.name()
    }

    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    fn get<'s: 'a, 'k: 'a, 'a>(&'s self, key: &'k Key) -> Answer<'a, Option<Bytes>> {
        self.store.get(key)
    }

    fn set<'s: 'a, 'k: 'a, 'a>(
        &'s self,
        key: &'k Key,
        value: Bytes,
        options: SetOptions,
    ) -> Answer<'a, SetOutcome> {
        Box::pin(async move {
            let _drops = self.drops(std::slice::from_ref(key));
            self.store.set(key, value, options).await
        })
    }

    fn delete_if<'s: 'a, 'k: 'a, 'a>(
        &'s self,
        key: &'k Key,
        condition: Condition,
    ) -> Answer<'a, bool> {
        Box::pin(async move {
            let _drops = self.drops(std::slice::from_ref(key));
            self.store.delete_if(key, condition).await
        })
    }

    fn take<'s: 'a, 'k: 'a, 'a>(&'s self, key: &'k Key) -> Answer<'a, Option<Bytes>> {
        Box::pin(async move {
            let _drops = self.drops(std::slice::from_ref(key));
            self.store.take(key).await
        })
    }

    fn ttl<'s: 'a, 'k: 'a, 'a>(&'s self, key: &'k Key) -> Answer<'a, Remaining> {
        self.store.ttl(key)
    }

    fn expire<'s: 'a, 'k: 'a, 'a>(
        &'s self,
        key: &'k Key,
        ttl: Ttl,
        condition: Condition,
    ) -> Answer<'a, bool> {
        Box::pin(async move {
            let _drops = self.drops(std::slice::from_ref(key));
            self.store.expire(key, ttl, condition).await
        })
    }

    fn increment<'s: 'a, 'k: 'a, 'a>(&'s self, key: &'k Key, by: i64, ttl: Ttl) -> Answer<'a, i64> {
        Box::pin(async move {
            let _drops = self.drops(std::slice::from_ref(key));
            self.store.increment(key, by, ttl).await
        })
    }

    fn clear<'s: 'a, 'k: 'a, 'a>(&'s self, namespace: &'k Namespace) -> Answer<'a, ()> {
        Box::pin(async move {
            let _drops = DropsAll(&*self.copies);
            self.store.clear(namespace).await
        })
    }

    fn delete<'s: 'a, 'k: 'a, 'a>(&'s self, key: &'k Key) -> Answer<'a, bool> {
        Box::pin(async move {
            let _drops = self.drops(std::slice::from_ref(key));
            self.store.delete(key).await
        })
    }

    fn get_many<'s: 'a, 'k: 'a, 'a>(&'s self, keys: &'k [Key]) -> Answer<'a, Vec<Option<Bytes>>> {
        self.store.get_many(keys)
    }

    fn set_many<'s: 'a, 'a>(&'s self, items: Vec<SetItem>) -> Answer<'a, Vec<SetOutcome>> {
        Box::pin(async move {
            let keys: Vec<_> = items.iter().map(|item| item.key.clone()).collect();
            let _drops = self.drops(&keys);
            self.store.set_many(items).await
        })
    }

    fn delete_many<'s: 'a, 'k: 'a, 'a>(&'s self, keys: &'k [Key]) -> Answer<'a, u64> {
        Box::pin(async move {
            let _drops = self.drops(keys);
            self.store.delete_many(keys).await
        })
    }

    fn scan(&self) -> Option<&dyn Scan> {
        self.store.scan()
    }

    fn watch(&self) -> Option<&dyn Watch> {
        self.store.watch()
    }
}
