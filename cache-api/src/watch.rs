use std::{fmt, pin::Pin, time::Instant};

use async_trait::async_trait;
use futures_core::Stream;

use crate::{Key, Namespace, Result};

/// Changes, as they become known. **Its end means that something may have been missed.**
pub type ChangeStream = Pin<Box<dyn Stream<Item = Change> + Send>>;

/// Something that happened in a watched namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// This entry was written, extended or removed.
    Entry(Key),
    /// Any entry of this namespace and of its descendants may have changed.
    Namespace(Namespace),
    /// All changes that were made before this instant, of this process's monotonic clock, have been
    /// reported. A store whose connection can go silent sends one a second.
    Beat {
        /// When the question was *sent* whose answer this is.
        sent: Instant,
    },
}

/// The changes of a store, made by anyone: this process, another one, another language.
///
/// # Contract
///
/// - [`changes`](Self::changes) resolves when the watch is armed: what changes after that is reported.
/// - A change is reported after it is readable, never before.
/// - There may be more reports than changes. That an entry expired is not reported: whoever keeps a
///   copy judges its lifetime himself. That one was thrown out to make room need not be, if a removal of
///   what is not there is: it may be a copy that is to be removed.
/// - **The stream ends when anything may have been lost**: a broken connection, a reader too slow, a
///   flushed database. A store that can go silent notices it within a stated bound. Whoever watches
///   then forgets what it keeps, watches again, and serves nothing in between.
#[async_trait]
pub trait Watch: fmt::Debug + Send + Sync {
    /// Watches these namespaces. Each means itself, without its descendants; a `clear` of one of its
    /// ancestors is reported too.
    async fn changes(&self, namespaces: &[Namespace]) -> Result<ChangeStream>;
}
