use std::{error, sync::Arc};

/// Why a stream did not come whole, or was not recorded.
///
/// A stream that ends without an error is whole: every byte that was committed, verified, in order.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// The source failed. Only its own process knows why; followers elsewhere get
    /// [`Aborted`](Self::Aborted).
    #[error("the source of the stream failed")]
    Source(#[source] Arc<dyn error::Error + Send + Sync>),

    /// The recording stopped before its end, for a reason that its writer gave.
    #[error("the recording was aborted: {reason}")]
    Aborted {
        /// What the writer said.
        reason: Arc<str>,
    },

    /// Nothing came from the writer, not even a sign of life, for two heartbeats.
    #[error("the writer of the recording is gone")]
    WriterLost,

    /// A chunk that was stored is there no more: evicted, expired or removed.
    #[error("chunk {index} of the stream is gone")]
    ChunkLost {
        /// Its place, counted from zero.
        index: u32,
    },

    /// What is stored is not what was recorded.
    #[error("the stream is damaged: {what}")]
    Damaged {
        /// What does not fit.
        what: &'static str,
    },

    /// This reader was so slow that what it wanted next is kept no more.
    #[error("the reader fell too far behind a stream that is not stored")]
    Lagged,

    /// The body is not as long as was declared.
    #[error("the stream has {actual} bytes, {declared} were declared")]
    Length {
        /// What was declared, in bytes.
        declared: u64,
        /// What came, in bytes, as far as it was read.
        actual: u64,
    },

    /// The head cannot be encoded.
    #[error("the head of the stream cannot be encoded")]
    Head(#[source] Arc<dyn error::Error + Send + Sync>),

    /// The store failed, or the request was none that it takes.
    #[error(transparent)]
    Store(#[from] cache_api::Error),
}

impl StreamError {
    pub(crate) fn aborted(reason: impl Into<String>) -> Self {
        Self::Aborted { reason: reason.into().into() }
    }

    /// What followers in other processes are told: never the text of a source's error, which may hold
    /// what is nobody's business.
    pub(crate) fn told(&self) -> String {
        match self {
            Self::Aborted { reason } => reason.to_string(),
            other => other.to_string(),
        }
    }
}
