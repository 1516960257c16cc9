//! The control: a front as one would write it first. It hears of every change, removes what was copied,
//! and writes to the back before it removes; what it lacks is what [`Tiered`](larder::Tiered) is
//! for.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use cache_api::{
    Cache, Capabilities, Change, Condition, Key, Namespace, Remaining, Result, SetOptions,
    SetOutcome, Ttl,
};
use futures_util::StreamExt;

/// Clones are the same store.
#[derive(Debug, Clone)]
pub(crate) struct Naive {
    front: Arc<dyn Cache>,
    back: Arc<dyn Cache>,
    /// How often each key has changed, if a copy that is older than a change is removed once it is kept.
    changes: Option<Arc<Mutex<HashMap<Key, u64>>>>,
}

impl Naive {
    /// Keeps what it read, whatever happened meanwhile.
    pub(crate) fn new(front: impl Cache, back: impl Cache) -> Self {
        Self { front: Arc::new(front), back: Arc::new(back), changes: None }
    }

    /// Has tokens, and removes a copy again if a change came meanwhile; readers look for it all the while.
    pub(crate) fn with_tokens(front: impl Cache, back: impl Cache) -> Self {
        Self { changes: Some(Arc::default()), ..Self::new(front, back) }
    }

    /// Hears of changes from now on.
    pub(crate) async fn listen(&self, namespace: &Namespace) {
        let watch = self.back.watch().expect("memory tells of changes");
        let changes = watch.changes(std::slice::from_ref(namespace)).await;
        let mut changes = changes.expect("to everyone");
        let naive = self.clone();
        tokio::spawn(async move {
            while let Some(change) = changes.next().await {
                if let Change::Entry(key) = change {
                    naive.remove(&key).await;
                }
            }
        });
    }

    fn token(&self, key: &Key) -> u64 {
        let Some(changes) = &self.changes else { return 0 };
        let changes = changes.lock().unwrap_or_else(PoisonError::into_inner);
        changes.get(key).copied().unwrap_or_default()
    }

    async fn remove(&self, key: &Key) {
        if let Some(changes) = &self.changes {
            let mut changes = changes.lock().unwrap_or_else(PoisonError::into_inner);
            *changes.entry(key.clone()).or_default() += 1;
        }
        let _ = self.front.delete(key).await;
    }
}

#[async_trait]
impl Cache for Naive {
    fn name(&self) -> &'static str {
        "naive"
    }
    fn capabilities(&self) -> Capabilities {
        self.back.capabilities()
    }
    async fn get(&self, key: &Key) -> Result<Option<Bytes>> {
        if let Ok(Some(copy)) = self.front.get(key).await {
            return Ok(Some(copy));
        }
        let token = self.token(key);
        let found = self.back.get(key).await?;
        if let Some(value) = &found
            && let Ok(Remaining::For(left)) = self.back.ttl(key).await
            && self.token(key) == token
        {
            let _ = self.front.set(key, value.clone(), SetOptions::new(left)).await;
            if self.token(key) != token {
                let _ = self.front.delete(key).await;
            }
        }
        Ok(found)
    }
    async fn set(&self, key: &Key, value: Bytes, options: SetOptions) -> Result<SetOutcome> {
        let outcome = self.back.set(key, value, options).await;
        self.remove(key).await;
        outcome
    }
    async fn delete_if(&self, key: &Key, condition: Condition) -> Result<bool> {
        let removed = self.back.delete_if(key, condition).await;
        self.remove(key).await;
        removed
    }
    async fn take(&self, key: &Key) -> Result<Option<Bytes>> {
        let taken = self.back.take(key).await;
        self.remove(key).await;
        taken
    }
    async fn ttl(&self, key: &Key) -> Result<Remaining> {
        self.back.ttl(key).await
    }
    async fn expire(&self, key: &Key, ttl: Ttl, condition: Condition) -> Result<bool> {
        let done = self.back.expire(key, ttl, condition).await;
        self.remove(key).await;
        done
    }
    async fn increment(&self, key: &Key, by: i64, ttl: Ttl) -> Result<i64> {
        let sum = self.back.increment(key, by, ttl).await;
        self.remove(key).await;
        sum
    }
    async fn clear(&self, namespace: &Namespace) -> Result<()> {
        self.back.clear(namespace).await?;
        self.front.clear(namespace).await
    }
}
