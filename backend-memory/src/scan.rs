//! The keys of a namespace, as a stream.

use std::{fmt, future, sync::Arc};

use bytes::Bytes;
use cache_api::{Key, KeyStream, Namespace, Result, Scan};
use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;

use crate::{
    YIELD_EVERY, breathe,
    store::{Store, is_within},
};

pub(crate) struct Keys(pub(crate) Arc<Store>);

/// Holds the store, and at most a 64th of its keys (one segment of moka's table) at a time.
impl Scan for Keys {
    fn keys(&self, namespace: &Namespace) -> KeyStream {
        let (sender, mut found) = mpsc::channel(YIELD_EVERY);
        let walk = walk(Arc::clone(&self.0), namespace.clone(), sender);
        let found = stream::poll_fn(move |context| found.poll_recv(context)).map(Ok);
        // Walks while it is polled, in the reader's own task: no task to start, nothing to stop.
        let walk = stream::once(walk).filter_map(|()| future::ready(None::<Result<Key>>));
        Box::pin(stream::select(found, walk))
    }
}

async fn walk(store: Arc<Store>, namespace: Namespace, found: mpsc::Sender<Key>) {
    for (looked_at, (key, entry)) in store.map.iter().enumerate() {
        breathe(looked_at).await;
        if !is_within(&key, &namespace)
            || entry.deadline.is_some() && !entry.is_alive(store.clock.now())
        {
            continue;
        }
        let Some(key) = Key::parse(Bytes::copy_from_slice(&key)) else { continue };
        if found.send(key).await.is_err() {
            return;
        }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}
