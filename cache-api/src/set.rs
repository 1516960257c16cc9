use bytes::Bytes;

use crate::{Condition, Key, Ttl};

/// A refused `set` returns at least this many bytes of what stood there (all of a shorter value).
pub const STANDING_BYTES: usize = 64;

/// How an entry is written: how long it lives, and when the write may happen.
///
/// There is no default lifetime: for ever is said aloud, with [`Ttl::Never`].
///
/// ```
/// use cache_api::{Condition, SetOptions, Ttl};
/// use std::time::Duration;
///
/// let once = SetOptions::new(Duration::from_secs(3)).when(Condition::Absent);
/// let kept = SetOptions::new(Ttl::Never);
/// assert_ne!(once, kept);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "options do nothing until they are given to `set`"]
pub struct SetOptions {
    /// How long the entry lives.
    pub ttl: Ttl,
    /// When the write may happen. Default: always.
    pub condition: Condition,
}

impl SetOptions {
    /// A write that always happens, of an entry that lives this long.
    pub fn new(ttl: impl Into<Ttl>) -> Self {
        Self { ttl: ttl.into(), condition: Condition::Always }
    }

    /// Writes only when this holds.
    pub const fn when(mut self, condition: Condition) -> Self {
        self.condition = condition;
        self
    }
}

/// One write of a [`set_many`](crate::Cache::set_many).
#[derive(Debug, Clone)]
pub struct SetItem {
    /// Where to.
    pub key: Key,
    /// What.
    pub value: Bytes,
    /// For how long, and when.
    pub options: SetOptions,
}

/// What became of a write whose answer arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a refused write did not happen"]
pub enum SetOutcome {
    /// The value stands.
    Stored,
    /// The condition did not hold, and nothing was changed.
    Refused {
        /// What stood there when the condition was judged: at least its first [`STANDING_BYTES`].
        /// `None`: nothing stood there.
        standing: Option<Bytes>,
    },
}

impl SetOutcome {
    /// Whether the value stands.
    #[must_use]
    pub const fn is_stored(&self) -> bool {
        matches!(self, Self::Stored)
    }
}
