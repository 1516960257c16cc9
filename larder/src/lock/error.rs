use std::time::Duration;

use cache_api::Error;

/// Why a lock was not acquired.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Someone else held it all the while.
    #[error("the lock is held by someone else, still after {waited:?}")]
    Busy {
        /// How long it was waited for.
        waited: Duration,
    },
    /// The store failed, or the key is none. If it [may have been
    /// applied](Error::may_have_applied), nobody holds the lock, and it may be taken all the same until
    /// its lifetime is over.
    #[error("the lock cannot be acquired")]
    Store(#[from] Error),
}

/// The lock is not held any more, or nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the lock was lost")]
pub struct LockLost;
