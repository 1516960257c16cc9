//! Streams of keys and of changes, with the names that are known inside.

use std::future::ready;

use async_trait::async_trait;
use cache_api::{Change, ChangeStream, Error, KeyStream, Namespace, Result, Scan, Watch};
use futures_util::{StreamExt, stream};

use super::{Part, Prefix};

impl Scan for Part {
    fn keys(&self, namespace: &Namespace) -> KeyStream {
        let Some(scan) = self.store.scan() else {
            return failed(Error::Unsupported { backend: self.store.name(), operation: "scan" });
        };
        let namespace = match self.prefix.namespace(namespace) {
            Ok(namespace) => namespace,
            Err(error) => return failed(error),
        };
        let prefix = self.prefix.clone();
        // What does not lie there was not asked for.
        let inside = move |key: Result<_>| key.map(|key| prefix.strip_key(&key)).transpose();
        Box::pin(scan.keys(&namespace).filter_map(move |key| ready(inside(key))))
    }
}

fn failed(error: Error) -> KeyStream {
    Box::pin(stream::iter([Err(error)]))
}

#[async_trait]
impl Watch for Part {
    async fn changes(&self, namespaces: &[Namespace]) -> Result<ChangeStream> {
        let Some(watch) = self.store.watch() else {
            return Err(Error::Unsupported { backend: self.store.name(), operation: "watch" });
        };
        let outer = namespaces.iter().map(|namespace| self.prefix.namespace(namespace));
        let outer = outer.collect::<Result<Vec<_>>>()?;
        let (prefix, watched) = (self.prefix.clone(), namespaces.to_vec());
        let changes = watch.changes(&outer).await?;
        let inside = move |change| stream::iter(prefix.change(change, &watched));
        Ok(Box::pin(changes.flat_map(inside)))
    }
}

impl Prefix {
    /// What a change is to those who watch these namespaces inside.
    fn change(&self, change: Change, watched: &[Namespace]) -> Vec<Change> {
        match &change {
            Change::Entry(key) => self.strip_key(key).map(Change::Entry).into_iter().collect(),
            Change::Namespace(namespace) => match self.strip(namespace) {
                Some(inside) => vec![Change::Namespace(inside)],
                // The prefix itself or what it lies in: there is no name for that inside.
                None => watched.iter().cloned().map(Change::Namespace).collect(),
            },
            _ => vec![change],
        }
    }
}
