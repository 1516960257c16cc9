//! Faults of `watch`.

use async_trait::async_trait;
use cache_api::{Change, ChangeStream, Namespace, Result, Watch};
use futures_util::{StreamExt, stream};
use tokio::sync::broadcast::error::RecvError;

use super::{Broken, Fault};
use crate::model::concerns;

#[async_trait]
impl Watch for Broken {
    async fn changes(&self, namespaces: &[Namespace]) -> Result<ChangeStream> {
        let (model, watched) = (self.model.clone(), namespaces.to_vec());
        Ok(match self.fault {
            // Subscribes when it is first polled.
            Fault::WatchIsArmedLater => Box::pin(
                stream::once(async move {
                    model.changes_where(move |change| concerns(change, &watched))
                })
                .flatten(),
            ),
            Fault::WatchLosesInSilence => {
                let receiver = model.changes.subscribe();
                Box::pin(stream::unfold((receiver, watched), async |(mut receiver, watched)| {
                    loop {
                        match receiver.recv().await {
                            Ok(change) if concerns(&change, &watched) => {
                                return Some((change, (receiver, watched)));
                            }
                            Ok(_) | Err(RecvError::Lagged(_)) => {}
                            Err(RecvError::Closed) => return None,
                        }
                    }
                }))
            }
            Fault::WatchForgetsClear => model.changes_where(move |change| {
                matches!(change, Change::Entry(_)) && concerns(change, &watched)
            }),
            Fault::WatchForgetsClearOfAncestors => {
                model.changes_where(move |change| match change {
                    Change::Namespace(cleared) => watched.contains(cleared),
                    other => concerns(other, &watched),
                })
            }
            Fault::WatchReportsDescendants => model.changes_where(move |change| match change {
                Change::Entry(key) => watched.iter().any(|namespace| key.is_within(namespace)),
                other => concerns(other, &watched),
            }),
            _ => model.changes_where(move |change| concerns(change, &watched)),
        })
    }
}
