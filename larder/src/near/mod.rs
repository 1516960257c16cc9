//! The near tier: decoded values in the memory of this process, in front of a store that others share.
//!
//! A copy is served only while nothing can have changed without this process having been told:
//!
//! - Whoever makes a copy takes a [token](tokens) *before* he reads the store; a change that is told
//!   meanwhile kills it.
//! - A [change](crate::feed), made by anyone, in any language, drops the copy. What this process itself
//!   [writes](own_writes) drops it before the write returns.
//! - A gap in the reports voids [all copies](trust) at once, and nothing is kept or served before changes
//!   are reported again.
//! - A copy is served only if the newest *answered* heartbeat was *sent* within three seconds: judged at
//!   every hit, so that a process that was paused, or whose connection fell silent, serves nothing older.
//! - The tags of an entry are compared at every hit, with copies of the tags that are kept the same way.
//! - A copy dies with its entry, counted from the moment when the store was asked.
//! - Within a loader the tier is passed by: what is made from other entries is made from what the store
//!   says.
//!
//! Where the store does not report changes, or does not let us hear them, copies live for a moment only.

mod copies;
mod get;
mod get_or_load;
mod handle;
mod own_writes;
mod read;
mod sync;
mod tier;
mod token;
pub(crate) mod tokens;
pub(crate) mod trust;

pub(crate) use copies::Copies;
pub use get::NearGet;
pub use get_or_load::{NearGetOrLoad, NearLoad};
pub use handle::Near;
pub(crate) use own_writes::OwnWrites;
pub(crate) use tier::{Limits, Tier};
pub use token::ReadToken;

#[cfg(test)]
mod tests;
