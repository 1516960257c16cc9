//! Stores that fail as a test wants them to, over any store.
//!
//! [`Scripted`] does what a test says, call by call: hold this one, lose the answer of that one, apply
//! a third one late. What a protocol promises when answers are delayed, lost, repeated or overtake each
//! other can be tested step by step, without a sleep.
//!
//! ```
//! use cache_api::{Cache, Namespace, Op, SetOptions, Ttl};
//! use integration_tests::faults::{Scripted, on};
//! # use backend_memory::MemoryCache;
//! # use std::sync::Arc;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> cache_api::Result<()> {
//! let store = Scripted::new(Arc::new(MemoryCache::new()));
//! let key = Namespace::new("users")?.key("42")?;
//!
//! let gate = store.hold(on(Op::Set).key(|key| key.user() == b"42"));
//! let write = tokio::spawn({
//!     let (store, key) = (store.clone(), key.clone());
//!     async move { store.set(&key, "Ada".into(), SetOptions::new(Ttl::Never)).await }
//! });
//! gate.arrived().await; // it is on its way, and not applied
//! assert_eq!(store.get(&key).await?, None);
//! gate.release();
//! assert!(write.await.unwrap()?.is_stored());
//! assert_eq!(store.log(), [(Op::Set, vec![key.clone()]), (Op::Get, vec![key])]);
//! # Ok(())
//! # }
//! ```
//!
//! What those hear who watch it for changes is directed by its [`Reports`]: held back, cut, refused, with
//! beats when the test says so.
//!
//! [`Faulty`] fails by chance, as often as it is told, the same way for the same seed: for tests that
//! run long and check what was promised all the while.

mod calls;
mod errors;
mod faulty;
mod forward;
mod gate;
mod late;
mod odds;
mod reports;
mod scripted;
mod telling;

pub use calls::{Calls, on};
pub use errors::{full, not_connected, timed_out};
pub use faulty::{Faulty, FaultyBuilder};
pub use gate::Gate;
pub use late::Late;
pub use odds::{Odds, Struck};
pub use reports::Reports;
pub use scripted::Scripted;
pub use telling::Telling;

#[cfg(test)]
mod tests;
