use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use cache_api::{Cache, Condition, Key, Namespace, SetOptions, SetOutcome};
use larder::{Larder, Rule, Typed};
use serde::{Deserialize, Serialize};

use crate::Result;

const NAMESPACE: &str = "flights";
/// Nothing expires while a case runs.
const TTL: Duration = Duration::from_secs(600);
/// How often the control looks for what somebody else loads.
const POLL: Duration = Duration::from_millis(20);

/// How a key is read that has to be loaded first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Protocol {
    /// `Typed::get_or_load`.
    Larder,
    /// The control: it, without a lease.
    NoLease,
    /// The control: it, where waiting has no end.
    NoDeadline,
    /// The control: look, load, write.
    Aside,
    /// The control: whoever places a lock loads, and the others look until there is something.
    Lock,
}

/// What all tasks of a process read through. The value of a key is the key.
#[derive(Debug)]
pub(super) struct Reader {
    protocol: Protocol,
    store: Arc<dyn Cache>,
    typed: Typed<u64>,
}

impl Reader {
    /// `wait`: how long to wait for what somebody else loads. `hears`: by the store's changes.
    pub(super) fn new(
        protocol: Protocol,
        store: Arc<dyn Cache>,
        wait: Duration,
        hears: bool,
    ) -> Result<Self> {
        let mut builder = Larder::builder(Arc::clone(&store));
        if hears {
            builder = builder.wake_by_watch();
        }
        let larder = match protocol {
            Protocol::NoLease => builder.without(Rule::LeaseBeforeSource),
            Protocol::NoDeadline => builder.without(Rule::WaitersDeadline),
            Protocol::Larder | Protocol::Aside | Protocol::Lock => builder,
        };
        let typed = larder.build().namespace(NAMESPACE)?.typed().default_ttl(TTL).wait(wait);
        Ok(Self { protocol, store, typed })
    }

    pub(super) async fn read<F, Fut>(&self, key: u64, load: F) -> Result<u64>
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<u64>> + Send + 'static,
    {
        match self.protocol {
            Protocol::Larder | Protocol::NoLease | Protocol::NoDeadline => {
                Ok(self.typed.get_or_load(key, load).await.map_err(|error| error.to_string())?)
            }
            Protocol::Aside => match self.stored(key).await {
                Some(value) => Ok(value),
                None => self.fill(key, load).await,
            },
            Protocol::Lock => loop {
                if let Some(value) = self.stored(key).await {
                    return Ok(value);
                }
                if self.locks(key).await? {
                    let value = self.fill(key, load).await?;
                    let _ = self.store.delete(&lock(key)?).await;
                    return Ok(value);
                }
                tokio::time::sleep(POLL).await;
            },
        }
    }

    /// Waits until the store answers.
    pub(super) async fn settle(&self) -> Result<()> {
        let key = lock(0)?;
        for _ in 0..500 {
            if self.store.get(&key).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(POLL).await;
        }
        Err("the store does not come back".into())
    }

    /// What stands there. Of a store that fails, nothing.
    async fn stored(&self, key: u64) -> Option<u64> {
        self.typed.get(key).await.ok().flatten()
    }

    async fn fill<F, Fut>(&self, key: u64, load: F) -> Result<u64>
    where
        F: FnOnce() -> Fut + Send,
        Fut: Future<Output = Result<u64>> + Send,
    {
        let value = load().await?;
        let _ = self.typed.set(key, &value).await;
        Ok(value)
    }

    async fn locks(&self, key: u64) -> Result<bool> {
        let options = SetOptions::new(TTL).when(Condition::Absent);
        let placed = self.store.set(&lock(key)?, Bytes::from_static(b"mine"), options).await;
        Ok(matches!(placed, Ok(SetOutcome::Stored)))
    }
}

fn lock(key: u64) -> Result<Key> {
    Ok(Namespace::new("locks")?.key(key.to_string())?)
}
