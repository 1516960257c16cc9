//! Walking over the keys of a namespace, a batch at a time: for `scan`, and for `clear`.

use std::{ops::Bound, sync::Arc};

use cache_api::{Change, Key, KeyStream, Namespace, Result};
use futures_util::{TryStreamExt, stream};

use crate::{fault, inner::Inner, store::Look};

/// How many keys are read at a time.
const BATCH: usize = 256;

/// A place in the walk: first the descendants (`ns/`), then the namespace itself (`ns:`).
#[derive(Clone)]
struct Place {
    namespace: Namespace,
    itself: bool,
    after: Option<sled::IVec>,
}

impl Place {
    const fn start(namespace: Namespace) -> Self {
        Self { namespace, itself: false, after: None }
    }

    fn prefix(&self) -> Vec<u8> {
        let mut prefix = self.namespace.as_str().as_bytes().to_vec();
        prefix.push(if self.itself { b':' } else { b'/' });
        prefix
    }
}

impl Inner {
    /// The next keys, and where to go on. `None`: that was all.
    fn walk(&self, place: Place, only_alive: bool) -> Result<(Vec<Key>, Option<Place>)> {
        let prefix = place.prefix();
        let from = match &place.after {
            None => Bound::Included(prefix.clone()),
            Some(last) => Bound::Excluded(last.to_vec()),
        };
        let now = self.now();
        let (keys, last, read) = self.read("scan", |store| {
            let (mut keys, mut last, mut read) = (Vec::new(), None, 0);
            let range = store.records.range((from.clone(), Bound::Unbounded));
            for entry in range.keys().take(BATCH) {
                let key = entry?;
                if !key.starts_with(&prefix) {
                    break;
                }
                read += 1;
                let alive = !only_alive
                    || matches!(store.look(&key)?, Look::Found(record) if record.is_alive(now.ms));
                if alive && let Some(key) = Key::parse(key.to_vec()) {
                    keys.push(key);
                }
                last = Some(key);
            }
            Ok((keys, last, read))
        })?;
        let next = match (read == BATCH, place.itself) {
            (true, _) => Some(Place { after: last, ..place }),
            (false, false) => Some(Place { itself: true, after: None, ..place }),
            (false, true) => None,
        };
        Ok((keys, next))
    }

    /// Removes the entries of a namespace and its descendants. Blocks; others go on meanwhile.
    pub(crate) fn clear(&self, namespace: &Namespace) -> Result<()> {
        let mut place = Some(Place::start(namespace.clone()));
        let mut result = Ok(());
        while let Some(from) = place {
            match self.walk(from, false).and_then(|(keys, next)| {
                for key in &keys {
                    self.delete_quietly(key)?;
                }
                Ok(next)
            }) {
                Ok(next) => place = next,
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        self.changes.publish(|| Change::Namespace(namespace.clone()));
        result
    }

    pub(crate) fn keys(self: &Arc<Self>, namespace: &Namespace) -> KeyStream {
        let inner = Arc::clone(self);
        let start = Some(Place::start(namespace.clone()));
        let batches = stream::try_unfold(start, move |place| {
            let inner = Arc::clone(&inner);
            async move {
                let Some(place) = place else { return Ok(None) };
                let walked = tokio::task::spawn_blocking(move || inner.walk(place, true)).await;
                let (keys, next) = walked
                    .unwrap_or_else(|_| Err(fault::unavailable("scan", "the runtime is ending")))?;
                Ok(Some((stream::iter(keys.into_iter().map(Ok)), next)))
            }
        });
        Box::pin(batches.try_flatten())
    }
}
