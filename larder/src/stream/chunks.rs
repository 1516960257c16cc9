use std::{ops::Range, sync::Arc, time::Duration};

use bytes::Bytes;
use cache_api::{Cache, Condition, Error, Ttl};
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::stream::{
    StreamError,
    format::{ChunkKeys, Span, parse_chunk},
};

/// How many lifetimes are shortened at a time, in the background.
const RETIRED_AT_ONCE: usize = 16;

/// Of so many chunks in a row one at least must stand, or the rest is not looked for.
const RETIRED_TOGETHER: usize = 256;

/// The stored pieces of one recording.
#[derive(Debug, Clone)]
pub(crate) struct Chunks {
    pub(crate) store: Arc<dyn Cache>,
    pub(crate) keys: ChunkKeys,
}

impl Chunks {
    /// The payloads of these chunks, each verified. One round trip.
    ///
    /// # Errors
    ///
    /// The first that is missing or not what was recorded; or the store's.
    pub(crate) async fn fetch(&self, spans: &[Span]) -> Result<Vec<Bytes>, StreamError> {
        let keys: Vec<_> = spans.iter().map(|span| self.keys.chunk(span.index)).collect();
        let records = self.store.get_many(&keys).await?;
        let mut payloads = Vec::with_capacity(spans.len());
        for (span, record) in spans.iter().zip(records) {
            let record = record.ok_or(StreamError::ChunkLost { index: span.index })?;
            let payload = parse_chunk(self.keys.generation, *span, &record)
                .ok_or(StreamError::Damaged { what: "a chunk is not what was recorded" })?;
            payloads.push(payload);
        }
        if payloads.len() != spans.len() {
            return Err(StreamError::Damaged { what: "the store answered with too few values" });
        }
        Ok(payloads)
    }

    /// Lets the chunks of a replaced, removed or refused recording live as long as its readers may
    /// need them, and no longer. In the background; what is missed dies of age.
    pub(crate) fn retire(self, count: u32, grace: Duration) {
        if count > 0 {
            tokio::spawn(async move { self.shorten(count, grace).await });
        }
    }

    /// Lets all chunks of a recording live for so long from now on. `false`: one is not there any more.
    ///
    /// # Errors
    ///
    /// The store's.
    pub(crate) async fn lengthen(&self, count: u32, life: Duration) -> Result<bool, Error> {
        stream::iter(0..count)
            .map(|index| async move {
                let key = self.keys.chunk(index);
                self.store.expire(&key, Ttl::After(life), Condition::Always).await
            })
            .buffer_unordered(RETIRED_AT_ONCE)
            .try_fold(true, |all, stands| async move { Ok(all && stands) })
            .await
    }

    /// Ends early where nothing stands any more, or never did.
    async fn shorten(&self, count: u32, grace: Duration) {
        for first in (0..count).step_by(RETIRED_TOGETHER) {
            let batch = first..count.min(first + RETIRED_TOGETHER as u32);
            if !self.shorten_batch(batch, grace).await {
                return;
            }
        }
    }

    /// Whether any of them stands.
    async fn shorten_batch(&self, indices: Range<u32>, grace: Duration) -> bool {
        stream::iter(indices)
            .map(|index| async move {
                let key = self.keys.chunk(index);
                self.store.expire(&key, Ttl::After(grace), Condition::Always).await
            })
            .buffer_unordered(RETIRED_AT_ONCE)
            .fold(false, |any, stands| async move { any | matches!(stands, Ok(true)) })
            .await
    }
}
