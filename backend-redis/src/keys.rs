//! `scan` and `clear`: the server's keys, part by part.

use std::{collections::VecDeque, sync::Arc};

use cache_api::{Key, KeyStream, Namespace, Result, Scan};
use futures_util::{future, stream};
use redis::Value;

use crate::{
    RedisCache, commands,
    exec::Store,
    reply::{self, Operation},
};

const SCAN: Operation = Operation::read("scan");
const CLEAR: Operation = Operation::write("clear");

impl Scan for RedisCache {
    /// One round trip for each thousand keys of the whole database, made when the stream is polled.
    fn keys(&self, namespace: &Namespace) -> KeyStream {
        let walk = Walk {
            store: Arc::clone(&self.store),
            namespace: namespace.clone(),
            cursor: Some(START.to_vec()),
            found: VecDeque::new(),
        };
        Box::pin(stream::unfold(Some(walk), |walk| async move {
            let mut walk = walk?;
            match walk.next().await {
                Ok(Some(key)) => Some((Ok(key), Some(walk))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        }))
    }
}

const START: &[u8] = b"0";

struct Walk {
    store: Arc<Store>,
    namespace: Namespace,
    /// `None`: all was seen.
    cursor: Option<Vec<u8>>,
    found: VecDeque<Key>,
}

impl Walk {
    async fn next(&mut self) -> Result<Option<Key>> {
        while self.found.is_empty()
            && let Some(cursor) = &self.cursor
        {
            let (cursor, found) = self.store.scan_part(SCAN, cursor, &self.namespace).await?;
            self.cursor = cursor;
            self.found = found.into();
        }
        Ok(self.found.pop_front())
    }
}

impl Store {
    /// Removes the keys of a namespace while the server serves others in between.
    pub(crate) async fn clear(&self, namespace: &Namespace) -> Result<()> {
        // What was sent on any connection before, abandoned writes included, is applied before the walk.
        let ping = commands::ping();
        let links = (0..self.links.count()).map(|number| self.links.by_number(number));
        future::try_join_all(links.map(|link| self.ask_on(CLEAR, link, &ping))).await?;

        let mut cursor = Some(START.to_vec());
        let mut found = Vec::new();
        while let Some(at) = cursor {
            let removal = self.unlink(CLEAR, &found);
            let (part, _) =
                future::try_join(self.scan_part(CLEAR, &at, namespace), removal).await?;
            (cursor, found) = part;
        }
        self.unlink(CLEAR, &found).await?;
        Ok(())
    }

    /// A part of the keys that are ours, and where the next begins.
    async fn scan_part(
        &self,
        operation: Operation,
        cursor: &[u8],
        namespace: &Namespace,
    ) -> Result<(Option<Vec<u8>>, Vec<Key>)> {
        let scan = commands::scan(cursor, namespace.as_str());
        let answer = self.ask_on(operation, self.links.bulk(), &scan).await?;
        let parts = match answer {
            Value::Array(parts) => parts,
            Value::ServerError(error) => return Err(reply::refused(operation, &error)),
            _ => return Err(reply::unexpected(operation)),
        };
        let Ok([Value::BulkString(cursor), Value::Array(keys)]) = <[Value; 2]>::try_from(parts)
        else {
            return Err(reply::unexpected(operation));
        };
        let ours = |key| match key {
            Value::BulkString(bytes) => Key::parse(bytes).filter(|key| key.is_within(namespace)),
            _ => None,
        };
        let found = keys.into_iter().filter_map(ours).collect();
        Ok(((cursor != START).then_some(cursor), found))
    }

    /// Removes these keys, each on its own connection, and counts those that stood there.
    pub(crate) async fn unlink(&self, operation: Operation, keys: &[Key]) -> Result<u64> {
        if keys.is_empty() {
            return Ok(0);
        }
        let mut shares = vec![Vec::new(); self.links.count()];
        for key in keys {
            shares[self.links.number(key)].push(key.clone());
        }
        let removals = shares.iter().enumerate().filter(|(_, keys)| !keys.is_empty()).map(
            |(number, keys)| async move {
                let unlink: Vec<_> =
                    keys.chunks(commands::KEYS_AT_ONCE).map(commands::unlink).collect();
                let link = self.links.by_number(number);
                let counts = self.ask_many(operation, link, &unlink).await?;
                counts.into_iter().try_fold(0, |sum, count| {
                    Ok::<_, cache_api::Error>(sum + reply::integer(operation, count)?)
                })
            },
        );
        let removed: i64 = future::try_join_all(removals).await?.into_iter().sum();
        Ok(removed.unsigned_abs())
    }
}
