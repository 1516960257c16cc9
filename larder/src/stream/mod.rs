//! Streams: recordings that are whole or an error.

/// What all streams of one `Larder` share: the recordings that this process writes, the budget for
/// bytes in flight, counters. Reached as `larder.inner.streams`.
#[derive(Debug, Default)]
pub(crate) struct Shared {}

impl Shared {
    /// Part of `Stats`.
    pub(crate) fn stats(&self) -> StreamStats {
        StreamStats {}
    }
}

/// What happened to streams.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamStats {}
