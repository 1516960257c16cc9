use std::{fmt, future::IntoFuture, pin::Pin, sync::Arc, time::Duration};

use cache_api::{Error, Key, Ttl};
use futures_core::Stream;
use serde::{Serialize, de::DeserializeOwned};

use crate::stream::{
    Begin, BoxError, Part, Reader, Recorder, Streams,
    begin::begin,
    launch::{Launch, lifetime},
};

/// After a source that failed, nobody queues at its key for so long.
const FAILED: Duration = Duration::from_secs(1);

/// Why there is no stream.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError<E> {
    /// The source gave none.
    #[error("the source gave no stream")]
    Source(#[source] E),
    /// The source panicked.
    #[error("the source panicked")]
    Panicked,
    /// A lifetime that a stream cannot have.
    #[error(transparent)]
    Invalid(Error),
}

/// A stream that is read, followed or recorded. See [`Streams::get_or_record`].
#[must_use = "it does nothing until it is awaited"]
pub struct GetOrRecord<H, F> {
    streams: Streams<H>,
    key: Result<Key, Error>,
    source: F,
    ttl: Ttl,
}

impl<H, F> GetOrRecord<H, F> {
    pub(super) fn new(streams: Streams<H>, key: Result<Key, Error>, source: F) -> Self {
        let ttl = streams.options.ttl;
        Self { streams, key, source, ttl }
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
}

impl<H, F> fmt::Debug for GetOrRecord<H, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetOrRecord").field("key", &self.key).finish_non_exhaustive()
    }
}

impl<H, F, Fut, S, P, E, X> IntoFuture for GetOrRecord<H, F>
where
    H: Serialize + DeserializeOwned + Send + Sync + 'static,
    F: FnOnce() -> Fut + Send + 'static,
    Fut: Future<Output = Result<(H, S), E>> + Send + 'static,
    S: Stream<Item = Result<P, X>> + Send + 'static,
    P: Into<Part> + 'static,
    X: Into<BoxError> + 'static,
    E: Send + 'static,
{
    type Output = Result<Reader<H>, RecordError<E>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { streams, key, source, ttl } = self;
            lifetime(ttl).map_err(RecordError::Invalid)?;
            let claim = match begin(&streams, key).await {
                Begin::Ready(reader) | Begin::Following(reader) => return Ok(reader),
                Begin::Claimed(claim) => Some(claim),
                Begin::Pass(_) => None,
            };
            // A flight of its own: a caller that gives up stops nothing.
            let flight = tokio::spawn(async move {
                match (source().await, claim) {
                    (Ok((head, body)), Some(claim)) => {
                        Ok(claim.start(head).ttl(ttl).await.fill(body))
                    }
                    (Ok((head, body)), None) => Ok(hand_on(&streams, head).fill(body)),
                    (Err(error), claim) => {
                        if let Some(claim) = claim {
                            claim.pass(FAILED).await;
                        }
                        Err(RecordError::Source(error))
                    }
                }
            });
            flight.await.unwrap_or(Err(RecordError::Panicked))
        })
    }
}

/// Without the cache, but as one would get it from there.
fn hand_on<H>(streams: &Streams<H>, head: H) -> Recorder<H> {
    let launch = Launch { streams, head: Arc::new(head), length: None };
    launch.transient()
}
