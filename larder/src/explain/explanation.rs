use std::fmt;

use bytes::Bytes;
use cache_api::Remaining;

use super::What;
use crate::{
    envelope::{Mark, Version},
    tags::{Hold, TagName},
};

/// What stands at a key, and what a reader makes of it. By [`Space::explain`](crate::Space::explain).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Explanation {
    /// What a reader who asks now gets.
    pub verdict: Verdict,
    /// What stands there.
    pub what: What,
    /// Which one of all that were ever written, if it is a record of larder's own. Of a value it is what a
    /// [`ReadToken`](crate::ReadToken) names.
    pub version: Option<Version>,
    /// How long all of it is, as it stands in the store, in bytes.
    pub bytes: usize,
    /// How long the store will keep it. It was asked at the same time as for the entry, and not in the same
    /// step: of an entry that comes or goes at that moment it may say something else.
    pub remaining: Remaining,
    /// The tags that it was made under, and whether each still holds.
    pub tags: Vec<TagHold>,
    /// Whether an invalidation of it waits in this process for the store: see
    /// [`Invalidation::Queued`](crate::Invalidation::Queued).
    pub queued: bool,
}

/// What a reader gets who asks now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// It is served: a typed value and "there is none" by typed handles that read its codec and schema, a
    /// stream by [`Streams`](crate::stream::Streams).
    Fresh,
    /// It is past its time, for this reason, and served to those who
    /// [take that](crate::Typed::stale_for), while one of them refreshes it.
    Stale(Cause),
    /// A miss. Somebody is at work: those who load wait for him, those who read a stream follow it.
    Working,
    /// A miss. The last answer could not be kept, or there was none: whoever loads does so at once, and
    /// waits for nobody.
    Passing,
    /// Bytes as they are: served by [`Raw`](crate::Raw), a miss to everyone else.
    Raw,
    /// A miss, for this reason.
    Miss(Cause),
}

/// Why something is not served, or not as fresh. Of several the first that a reader meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// Nothing stands there: it was never written, was removed or evicted, or the store has dropped it at
    /// the end of its lifetime.
    Nothing,
    /// An invalidation of it waits in this process for the store. Until it is made nothing is trusted here.
    Queued,
    /// It cannot be used: [`What::Damaged`] says why.
    Damaged,
    /// A tag was invalidated, or is gone. [`Explanation::tags`] says which.
    Tag,
    /// It was written without a generation, and this space is one
    /// [with generations](crate::Space::with_generations).
    NoGeneration,
    /// Its time is over.
    Time,
    /// Chunks of the stream are gone.
    Chunks,
    /// It is a part of something else, and no answer to anyone.
    Part,
}

/// A tag of an entry, and whether it still holds.
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct TagHold {
    /// Its name within the namespace, as it stands in keys: the bytes that
    /// [`ToKey`](crate::ToKey) makes of what the application calls it.
    pub name: Bytes,
    /// Whether it still is what it was.
    pub hold: Hold,
}

impl TagHold {
    pub(super) fn new(mark: &Mark, hold: Hold) -> Self {
        Self { name: mark.name.clone(), hold }
    }

    /// Whether it is the generation of the space, which
    /// [`invalidate_all`](crate::Space::invalidate_all) changes.
    #[must_use]
    pub fn is_generation(&self) -> bool {
        self.name == *TagName::GENERATION.as_bytes()
    }
}

/// Without the name, which may be somebody's.
impl fmt::Debug for TagHold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TagHold")
            .field("is_generation", &self.is_generation())
            .field("hold", &self.hold)
            .finish_non_exhaustive()
    }
}
