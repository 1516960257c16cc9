use std::{fmt, future::IntoFuture, pin::Pin, sync::Arc};

use bytes::Bytes;
use cache_api::{Condition, Error, Key, Remaining, Ttl};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    envelope::{Kind, Stamp, displacing},
    lease::{Written, write},
    stream::{
        Recorder, StreamError, Streams,
        format::{ChunkKeys, Generation, Manifest, Recording},
        head,
        launch::{Launch, lifetime},
        storer::Footing,
    },
};

/// How often a placeholder is tried when what stands at the key keeps changing.
const ATTEMPTS: usize = 8;

/// How a stream is recorded. Awaiting it begins. See [`Streams::record`].
#[must_use = "it does nothing until it is awaited"]
pub struct RecordBuilder<H> {
    streams: Streams<H>,
    key: Result<Key, Error>,
    head: H,
    ttl: Ttl,
    length: Option<u64>,
}

impl<H> RecordBuilder<H> {
    pub(super) fn new(streams: Streams<H>, key: Result<Key, Error>, head: H) -> Self {
        let ttl = streams.options.ttl;
        Self { streams, key, head, ttl, length: None }
    }

    /// How long the stream lives once it is committed.
    pub fn ttl(mut self, ttl: impl Into<Ttl>) -> Self {
        self.ttl = ttl.into();
        self
    }

    /// A longer body, in bytes, is not stored.
    pub const fn max_length(mut self, bytes: u64) -> Self {
        self.streams.options.max_length = bytes;
        self
    }

    /// How long the body will be, in bytes. Any other length aborts the recording.
    pub const fn length(mut self, bytes: u64) -> Self {
        self.length = Some(bytes);
        self
    }
}

impl<H> fmt::Debug for RecordBuilder<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordBuilder").field("key", &self.key).finish_non_exhaustive()
    }
}

impl<H: Serialize + DeserializeOwned + Send + Sync + 'static> IntoFuture for RecordBuilder<H> {
    type Output = Result<Recorder<H>, StreamError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { streams, key, head, ttl, length } = self;
            let place = streams.space.place(key?);
            let ttl = lifetime(ttl)?;
            let chunks = ChunkKeys::new(streams.space.namespace(), Generation::random())?;
            let bytes = head::encode(&head)?;
            let footing = footing(&streams, &place.key, &chunks, &bytes).await?;
            let launch = Launch { streams: &streams, head: Arc::new(head), length };
            Ok(launch.stored(place, chunks, footing, ttl, bytes))
        })
    }
}

/// What the recording will stand on. An answer is left for its readers; anything else makes way.
async fn footing<H: Serialize + DeserializeOwned + Send + Sync + 'static>(
    streams: &Streams<H>,
    key: &Key,
    chunks: &ChunkKeys,
    head: &Bytes,
) -> Result<Footing, StreamError> {
    let place = streams.space.place(key.clone());
    let terms = streams.options.terms();
    let recording = Recording {
        generation: chunks.generation,
        heartbeat: streams.options.heartbeat,
        key: Bytes::copy_from_slice(key.as_bytes()),
        head: head.clone(),
    };
    let record = recording.encode();
    let mut against = Condition::Absent;
    for _ in 0..ATTEMPTS {
        match write(&place, &record, terms.ttl(), against, terms.patience).await {
            Written::Applied => {
                streams.larder().inner.wake.changed(key);
                return Ok(Footing::Placed);
            }
            Written::Refused { standing } => {
                let kind = standing.as_deref().and_then(Stamp::parse).map(|stamp| stamp.kind);
                against = displacing(standing.as_ref());
                if let Some(Kind::Manifest | Kind::Value | Kind::Absent) = kind {
                    return over(streams, key, against).await;
                }
            }
            Written::Failed(error) | Written::Unknown(error) => return Err(error.into()),
        }
    }
    Err(StreamError::aborted("others keep writing to this key"))
}

/// An answer stands there: what it is, for its chunks, and when it dies.
async fn over<H>(
    streams: &Streams<H>,
    key: &Key,
    condition: Condition,
) -> Result<Footing, StreamError> {
    let (store, clock) = (streams.larder().store(), streams.larder().clock());
    let now = clock.now();
    let (ttl, old) = tokio::join!(store.ttl(key), store.get(key));
    let dies = match ttl? {
        Remaining::For(left) => now.checked_add(left),
        Remaining::Never | Remaining::Missing => None,
    };
    // If it changed since, the commit is refused.
    let old = old?.as_ref().and_then(Manifest::parse).map(Box::new);
    Ok(Footing::Over { condition, old, dies })
}
