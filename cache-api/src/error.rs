use std::{borrow::Cow, error, sync::Arc, time::Duration};

/// What a cache call returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The cause of an [`Error`], shared so that the error can be cloned to every waiter.
pub type Source = Arc<dyn error::Error + Send + Sync>;

/// What went wrong, in which store, in which operation. A miss is never an error.
///
/// Its text never repeats its source, and never holds a value, a password or a user name.
///
/// ```
/// use cache_api::Error;
/// use std::time::Duration;
///
/// let error = Error::Timeout {
///     backend: "redis",
///     operation: "set",
///     after: Duration::from_millis(500),
///     may_have_applied: true,
/// };
/// assert!(error.is_unavailable() && error.may_have_applied());
/// assert_eq!(error.to_string(), "redis: set got no answer within 500ms");
/// ```
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A key that no store takes.
    #[error("invalid key: {reason}")]
    InvalidKey {
        /// What is wrong with it.
        reason: Cow<'static, str>,
    },

    /// A name that is no namespace.
    #[error("invalid namespace `{namespace}`: {reason}")]
    InvalidNamespace {
        /// The name, escaped.
        namespace: String,
        /// What is wrong with it.
        reason: &'static str,
    },

    /// An argument that the operation does not take.
    #[error("{operation}: {reason}")]
    InvalidArgument {
        /// The operation.
        operation: &'static str,
        /// What is wrong with it, and what it takes.
        reason: Cow<'static, str>,
    },

    /// A store that cannot be opened with what was asked for.
    #[error("{backend}: cannot open: {reason}")]
    Open {
        /// The store.
        backend: &'static str,
        /// What is wrong, and what to do.
        reason: Cow<'static, str>,
        /// The cause, if there is one.
        source: Option<Source>,
    },

    /// A value over the store's limit. Nothing was changed.
    #[error("{backend}: a value of {size} bytes is over the limit of {limit} bytes")]
    TooLarge {
        /// The store.
        backend: &'static str,
        /// The size of the value, in bytes.
        size: usize,
        /// The largest size, in bytes.
        limit: usize,
    },

    /// `increment` of something that is no canonical decimal `i64`. Nothing was changed.
    #[error("{backend}: increment of a value that is no decimal 64-bit number")]
    NotANumber {
        /// The store.
        backend: &'static str,
    },

    /// `increment` past the bounds of `i64`. Nothing was changed.
    #[error("{backend}: increment past the bounds of a 64-bit number")]
    Overflow {
        /// The store.
        backend: &'static str,
    },

    /// No answer within the deadline.
    #[error("{backend}: {operation} got no answer within {after:?}")]
    Timeout {
        /// The store.
        backend: &'static str,
        /// The operation.
        operation: &'static str,
        /// The deadline.
        after: Duration,
        /// Whether the request had been sent, and may have been applied or may yet be.
        may_have_applied: bool,
    },

    /// The store cannot be reached, or is not ready to serve.
    #[error("{backend}: {operation} failed: {reason}")]
    Unavailable {
        /// The store.
        backend: &'static str,
        /// The operation.
        operation: &'static str,
        /// What is known of it.
        reason: Cow<'static, str>,
        /// Whether the request had been sent, and may have been applied or may yet be.
        may_have_applied: bool,
        /// The cause, if there is one.
        source: Option<Source>,
    },

    /// The store serves reads and refuses writes: out of memory, disk full, read-only replica.
    #[error("{backend}: {operation} was refused: {reason}")]
    WriteRefused {
        /// The store.
        backend: &'static str,
        /// The operation.
        operation: &'static str,
        /// Why it takes no writes.
        reason: Cow<'static, str>,
        /// The cause, if there is one.
        source: Option<Source>,
    },

    /// The store does not know us, or does not let us.
    #[error("{backend}: {operation} was denied: {reason}")]
    PermissionDenied {
        /// The store.
        backend: &'static str,
        /// The operation.
        operation: &'static str,
        /// What it denied.
        reason: Cow<'static, str>,
        /// The cause, if there is one.
        source: Option<Source>,
    },

    /// Something that is no cache entry stands under this key.
    #[error("{backend}: {operation} met an entry of another type")]
    WrongType {
        /// The store.
        backend: &'static str,
        /// The operation.
        operation: &'static str,
    },

    /// This store cannot do that.
    #[error("{backend}: {operation} is not supported")]
    Unsupported {
        /// The store.
        backend: &'static str,
        /// The operation.
        operation: &'static str,
    },

    /// Anything else that a store reports.
    #[error("{backend}: {operation} failed: {reason}")]
    Backend {
        /// The store.
        backend: &'static str,
        /// The operation.
        operation: &'static str,
        /// What is known of it.
        reason: Cow<'static, str>,
        /// Whether a write may have been applied or may yet be.
        may_have_applied: bool,
        /// The cause, if there is one.
        source: Option<Source>,
    },
}

impl Error {
    /// Whether the write that failed may stand, or may yet come to stand.
    ///
    /// `false` means that it does not and never will. After a conditional write, read the key. Of a bulk
    /// call it says nothing: whatever the error, any subset of it may have been applied.
    #[must_use]
    pub const fn may_have_applied(&self) -> bool {
        match self {
            Self::Timeout { may_have_applied, .. }
            | Self::Unavailable { may_have_applied, .. }
            | Self::Backend { may_have_applied, .. } => *may_have_applied,
            _ => false,
        }
    }

    /// Whether the store is out of reach for now: what a circuit breaker counts.
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Timeout { .. } | Self::Unavailable { .. })
    }

    /// Whether this store can never do it.
    #[must_use]
    pub const fn is_unsupported(&self) -> bool {
        matches!(self, Self::Unsupported { .. })
    }

    /// The cause, if it is of this type.
    ///
    /// ```
    /// use cache_api::Error;
    /// use std::{io, sync::Arc};
    ///
    /// let error = Error::Unavailable {
    ///     backend: "redis",
    ///     operation: "get",
    ///     reason: "the connection was lost".into(),
    ///     may_have_applied: false,
    ///     source: Some(Arc::new(io::Error::from(io::ErrorKind::ConnectionReset))),
    /// };
    /// let cause = error.source_as::<io::Error>().map(io::Error::kind);
    /// assert_eq!(cause, Some(io::ErrorKind::ConnectionReset));
    /// ```
    #[must_use]
    pub fn source_as<T: error::Error + 'static>(&self) -> Option<&T> {
        let source = match self {
            Self::Open { source, .. }
            | Self::Unavailable { source, .. }
            | Self::WriteRefused { source, .. }
            | Self::PermissionDenied { source, .. }
            | Self::Backend { source, .. } => source.as_deref()?,
            _ => return None,
        };
        let mut cause: Option<&(dyn error::Error + 'static)> = Some(source);
        while let Some(error) = cause {
            if let Some(found) = error.downcast_ref() {
                return Some(found);
            }
            cause = error.source();
        }
        None
    }
}
