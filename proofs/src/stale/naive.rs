use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use backend_redis::RedisCache;
use bytes::Bytes;
use cache_api::{Cache, Key, Namespace, SetOptions, Ttl};
use futures_util::StreamExt;
use larder::{Larder, Typed};

use super::serve::{NAMESPACE, TTL};
use crate::{Result, source::Source};

const CHANNEL: &str = "invalidations";

/// The control: what one writes in an afternoon. A map in each process, in front of Redis; whoever changes
/// something deletes it there and publishes its key, and everyone drops it from the map.
#[derive(Debug)]
pub(super) struct Naive {
    map: Arc<Mutex<HashMap<u64, u64>>>,
    store: Arc<RedisCache>,
    /// With larder's leases instead of GET and SET, if so.
    leases: Option<Typed<u64>>,
    publish: redis::aio::MultiplexedConnection,
}

impl Naive {
    pub(super) async fn open(url: &str, leases: bool) -> Result<Self> {
        let store = Arc::new(RedisCache::builder(url)?.open().await?);
        let leases = if leases {
            let larder = Larder::new(Arc::clone(&store) as Arc<dyn Cache>);
            Some(larder.namespace(NAMESPACE)?.typed().default_ttl(TTL))
        } else {
            None
        };
        let client = redis::Client::open(url)?;
        let publish = client.get_multiplexed_async_connection().await?;
        let map = Arc::default();
        tokio::spawn(subscribe(client, Arc::clone(&map)));
        Ok(Self { map, store, leases, publish })
    }

    pub(super) async fn read(&self, key: u64, source: &Source) -> Result<u64> {
        let kept = self.kept(key);
        if let Some(kept) = kept {
            return Ok(kept);
        }
        let read = match &self.leases {
            Some(leases) => {
                let source = source.clone();
                let load = move || async move { source.load(key).await };
                leases.get_or_load(key, load).await.map_err(|error| error.to_string())?
            }
            None => match self.stored(key).await? {
                Some(stored) => stored,
                None => {
                    let loaded = source.load(key).await?;
                    let options = SetOptions::new(Ttl::After(TTL));
                    let _ = self.store.set(&name(key)?, text(loaded), options).await?;
                    loaded
                }
            },
        };
        lock(&self.map).insert(key, read);
        Ok(read)
    }

    pub(super) async fn invalidate(&self, key: u64) -> Result<()> {
        self.store.delete(&name(key)?).await?;
        let publish = redis::cmd("PUBLISH").arg(CHANNEL).arg(key).to_owned();
        let _: u64 = publish.query_async(&mut self.publish.clone()).await?;
        lock(&self.map).remove(&key);
        Ok(())
    }

    pub(super) fn kept(&self, key: u64) -> Option<u64> {
        lock(&self.map).get(&key).copied()
    }

    pub(super) async fn stored(&self, key: u64) -> Result<Option<u64>> {
        match &self.leases {
            Some(leases) => Ok(leases.get(key).await?),
            None => match self.store.get(&name(key)?).await? {
                Some(text) => Ok(Some(std::str::from_utf8(&text)?.parse()?)),
                None => Ok(None),
            },
        }
    }
}

/// Listens for ever, and again whenever the connection was lost.
async fn subscribe(client: redis::Client, map: Arc<Mutex<HashMap<u64, u64>>>) {
    loop {
        if let Ok(mut subscription) = client.get_async_pubsub().await
            && subscription.subscribe(CHANNEL).await.is_ok()
        {
            let mut messages = subscription.on_message();
            while let Some(message) = messages.next().await {
                if let Ok(key) = message.get_payload::<u64>() {
                    lock(&map).remove(&key);
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn name(key: u64) -> Result<Key> {
    Ok(Namespace::new(NAMESPACE)?.key(key.to_string())?)
}

fn text(number: u64) -> Bytes {
    number.to_string().into()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
