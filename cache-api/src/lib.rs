//! The contract of larder: one [`Cache`] trait for every store.
//!
//! This crate is all that a store needs, and all that code which works on any store needs. It has no
//! store of its own. To *use* a cache, take the `larder` crate; to *write* a store, implement [`Cache`]
//! and run the conformance kit of the `integration-tests` crate on it.
//!
//! ```
//! use cache_api::{Condition, Namespace, SetOptions, Ttl};
//! use std::time::Duration;
//!
//! # fn main() -> cache_api::Result<()> {
//! let users = Namespace::new("users")?;
//! let key = users.key("42")?;
//! assert_eq!(key.as_bytes(), b"users:42");
//!
//! let options = SetOptions::new(Duration::from_secs(60)).when(Condition::Absent);
//! assert_eq!(options.ttl, Ttl::After(Duration::from_secs(60)));
//! # Ok(())
//! # }
//! ```
//!
//! # What stands where
//!
//! | | |
//! |---|---|
//! | [`Cache`] | the trait, with the contract that every store keeps |
//! | [`Scan`], [`Watch`] | what a store may offer besides: its keys, its changes |
//! | [`Namespace`], [`Key`] | names, injective by construction |
//! | [`Ttl`], [`Remaining`] | how long an entry lives, and how much is left |
//! | [`Condition`], [`SetOptions`], [`SetOutcome`] | atomic conditional writes |
//! | [`Capabilities`] | facts and limits of a store |
//! | [`Error`] | what went wrong, where, and whether the write may stand |
//! | [`Clock`] | time, real or a test's |
//! | [`Op`] | the operations, for what is said about calls |
//!
//! # Writing a store
//!
//! 1. Implement the required methods of [`Cache`]. Store [`Key::as_bytes`] as it is: a namespace holds
//!    no `:`, so two keys never share bytes.
//! 2. Judge a [`Condition`] and apply the write in one atomic step. Everything that larder promises
//!    about races (leases, locks, commits of streams) rests on this alone.
//! 3. Normalise every lifetime by [`Ttl::millis`], and treat an expired entry as missing in every
//!    operation, whether or not it was reclaimed yet.
//! 4. Override the bulk methods where the store can do better than one call per key.
//! 5. Put a bound on every wait, and say in the error whether the write
//!    [may have been applied](Error::may_have_applied).
//! 6. Run the kit. It names the rule that is broken.

mod cache;
mod capabilities;
mod clock;
mod condition;
mod error;
mod forward;
mod key;
mod namespace;
mod op;
mod scan;
mod set;
mod ttl;
mod watch;

pub use cache::Cache;
pub use capabilities::{Capabilities, ChunkSizes};
pub use clock::{Clock, SystemClock, TestClock};
pub use condition::{Condition, Prefix};
pub use error::{Error, Result, Source};
pub use key::Key;
pub use namespace::Namespace;
pub use op::Op;
pub use scan::{KeyStream, Scan};
pub use set::{STANDING_BYTES, SetItem, SetOptions, SetOutcome};
pub use ttl::{Remaining, Ttl};
pub use watch::{Change, ChangeStream, Watch};

/// What [`Clock::sleep`] returns.
pub type Sleep = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;
