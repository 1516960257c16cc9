use std::{fmt, sync::Arc};

use cache_api::Error;

/// Why a value could not be loaded. Everyone who waited for the same load gets the same one.
///
/// A store that does not answer is never the reason: the loader is asked then.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum LoadError<E> {
    /// The loader's own.
    #[error("the loader failed")]
    Loader(#[source] Arc<E>),
    /// The loader took longer than the [hard timeout](crate::Typed::hard_timeout).
    #[error("the loader took too long")]
    TimedOut,
    /// The loader panicked.
    #[error("the loader panicked")]
    Panicked,
    /// A load of this key asked for this key again, and would have waited for itself.
    #[error("a loader asked for the key that it was loading")]
    Recursive,
    /// What was asked for cannot be: a key that none takes, no lifetime, a value that does not encode.
    #[error(transparent)]
    Cache(Error),
}

impl<E> LoadError<E> {
    /// What it was, in a word, for a log: the loader's own text may say too much.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Loader(_) => "error",
            Self::TimedOut => "timeout",
            Self::Panicked => "panic",
            Self::Recursive => "recursion",
            Self::Cache(_) => "cache",
        }
    }

    /// The loader's own error, if it was that.
    pub fn loader(&self) -> Option<&E> {
        match self {
            Self::Loader(error) => Some(error),
            _ => None,
        }
    }
}

impl<E> Clone for LoadError<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Loader(error) => Self::Loader(Arc::clone(error)),
            Self::TimedOut => Self::TimedOut,
            Self::Panicked => Self::Panicked,
            Self::Recursive => Self::Recursive,
            Self::Cache(error) => Self::Cache(error.clone()),
        }
    }
}

impl<E: fmt::Debug> fmt::Debug for LoadError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loader(error) => f.debug_tuple("Loader").field(error).finish(),
            Self::TimedOut => f.write_str("TimedOut"),
            Self::Panicked => f.write_str("Panicked"),
            Self::Recursive => f.write_str("Recursive"),
            Self::Cache(error) => f.debug_tuple("Cache").field(error).finish(),
        }
    }
}

impl<E> From<Error> for LoadError<E> {
    fn from(error: Error) -> Self {
        Self::Cache(error)
    }
}
