//! Rate limits, shared by all servers that share the store: so many in so much time, for each key.
//!
//! ```
//! use larder::prelude::*;
//! use std::time::Duration;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), larder::Error> {
//! # let larder = larder::open("memory:").await?;
//! let requests = larder.namespace("api")?.rate_limit(2, Duration::from_secs(60));
//! for client in ["a", "a", "b"] {
//!     assert!(requests.check(client).await?.allowed);
//! }
//! let third = requests.check("a").await?;
//! assert!(!third.allowed && third.retry_after > Duration::from_secs(50));
//! # Ok(())
//! # }
//! ```
//!
//! # Which one
//!
//! | | [`fixed`](RateLimit::fixed) (default) | [`sliding`](RateLimit::sliding) |
//! |---|---|---|
//! | window | begins with the first request of a key, ends with the lifetime of its counter | each stretch of the wall clock, and a share of the one before |
//! | clocks | the store's alone | those of the servers: see below |
//! | most in one window | the limit, exactly | the limit, exactly |
//! | most in any stretch of that length | twice the limit: one window's end, the next one's beginning | under twice the limit; with an even flow the limit |
//! | keys in the store | one | two, one of them a third of the time |
//! | round trips | one; refused: two | one; refused: two |
//!
//! The sliding one takes it that the requests of the window before came evenly. If its `n` requests came
//! all at its end, it lets up to `n` × (the share of the present window that has passed) too many pass
//! now; if they all came at its beginning, so many too few. It never errs by more than `n`.
//!
//! # What it promises, and what not
//!
//! - Counting is atomic: however many servers ask at once, no more than the limit is allowed in a window.
//!   With a sliding window under contention some may be refused that might have passed, as those that are
//!   being refused are counted for the moment it takes to give that back.
//! - A counter that is evicted, [cleared](crate::Space::clear) or lost in a failover begins again: that
//!   key has its limit anew. A limit that must hold, on money or passwords, belongs in a database.
//! - A check whose answer is lost, or whose future is dropped, may have counted.
//! - With sliding windows, a server whose wall clock is ahead or behind counts in another window for as
//!   long as that. Clocks that are kept by NTP are off by milliseconds; windows of seconds do not notice.
//!
//! # When the store is down
//!
//! `check` is an error then, and the application decides. For a limit that protects from overload, let
//! them pass (fail open):
//!
//! ```
//! # use larder::{prelude::*, rate::RateLimit};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), larder::Error> {
//! # let larder = larder::open("memory:").await?;
//! # let requests = larder.namespace("api")?.rate_limit(2, std::time::Duration::from_secs(60));
//! let allowed = requests.check("a").await.map_or(true, |decision| decision.allowed);
//! # assert!(allowed);
//! # Ok(())
//! # }
//! ```
//!
//! For one that protects from guessing, `map_or(false, …)` refuses them (fail closed). A
//! [`Breaker`](crate::layer::Breaker) around the store makes either immediate.

mod fixed;
mod limit;
mod sliding;

pub use limit::{Decision, RateLimit};

#[cfg(test)]
mod tests;
