//! Tags: names under which entries are invalidated together, in one write.
//!
//! A tag is a random version at `ns/.tag:<name>`, without a lifetime. An entry records the versions of
//! its tags as they were *before* its source was asked, and a reader compares. An invalidation removes the
//! version: one write, however many entries there are, no clocks, no lists of keys. Whoever loads next makes
//! a new one. A tag that was evicted reads as invalidated, so that an eviction costs loads and never truth.
//!
//! A tag that a loader names only when it has its answer was not read before the source was asked. For
//! those there is one more version, `ns/.tag-seq:`, which every invalidation removes *first*. Whoever
//! loads reads it before the load; if it is another one after the tags were read, one of them may have
//! changed in between, and the answer is not kept.

mod late;
mod name;
mod sequence;
mod store;

pub use late::BeforeTags;
pub(crate) use name::{TagName, TagNames};
pub(crate) use sequence::Sequence;
pub use store::Hold;
pub(crate) use store::{Verdict, View, ensure, invalidate};

#[cfg(test)]
mod tests;
