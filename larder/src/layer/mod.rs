//! Layers around a store: deadlines, repetition, a circuit breaker, metrics, spans, a prefix, no writes.
//!
//! A [`Layer`] takes a store and gives one. What it knows it keeps itself, so that a clone of it tells
//! about the store that it is around; all that stands around the store is a thin projection.
//!
//! ```
//! use larder::{
//!     Larder, MemoryCache,
//!     layer::{Breaker, BreakerState, Prefix, Retry, Timeout, Trace},
//! };
//! use std::time::Duration;
//!
//! # fn main() -> Result<(), larder::Error> {
//! let breaker = Breaker::new();
//! let larder = Larder::builder(MemoryCache::new()) // or an Arc<dyn Cache>: what `Larder::store` gives
//!     .layer(Prefix::new("shop")?)
//!     .layer(Timeout::new(Duration::from_millis(100)))
//!     .layer(Retry::new())
//!     .layer(breaker.clone())
//!     .layer(Trace::new()) // added last: outermost
//!     .build();
//! assert_eq!(breaker.state(), BreakerState::Closed);
//! # drop(larder);
//! # Ok(())
//! # }
//! ```
//!
//! # The order
//!
//! `breaker(retry(timeout(store)))` is the one that works: each attempt has a deadline, a call is repeated
//! within its bounds, and what the breaker counts is calls that failed for good. `metrics` and `trace`
//! around all of it show what the application sees; right at the store, what the store is sent.
//!
//! | wrong | what goes wrong |
//! |---|---|
//! | `timeout(retry(store))` | all attempts share one deadline: a store that hangs uses it up in the first, and nothing is ever repeated |
//! | `retry(breaker(store))` | the breaker counts each attempt, so that two unlucky calls open it, and while it is open every call still waits out its pauses |
//! | `timeout(breaker(store))` | a call that is given up from outside is dropped, which the breaker takes for no failure: a store that hangs never opens it |
//!
//! # What goes through
//!
//! Every call. Streams of keys ([`Scan`](cache_api::Scan)) and of changes ([`Watch`](cache_api::Watch))
//! are handed on as they are, but for [`Prefix`], which names what is in them.

mod around;
mod breaker;
#[cfg(feature = "metrics")]
pub(crate) mod metrics;
#[cfg_attr(
    not(feature = "metrics"),
    expect(dead_code, reason = "metrics want to know more of an answer than a span does")
)]
mod outcome;
mod prefix;
mod read_only;
mod retry;
mod timeout;
mod trace;

use std::{fmt, sync::Arc};

use cache_api::Cache;

pub use breaker::{Breaker, BreakerState};
#[cfg(feature = "metrics")]
pub use metrics::Metrics;
pub use prefix::Prefix;
pub use read_only::ReadOnly;
pub use retry::Retry;
pub use timeout::Timeout;
pub use trace::Trace;

/// Something around a store.
///
/// One of one's own gives a [`Cache`] that forwards *every* method of `inner`, those with a default
/// too, and carries `#[deny(clippy::missing_trait_methods)]` so that one added later is not forgotten.
///
/// ```
/// use larder::{Cache, Larder, MemoryCache, layer::Layer};
/// use std::sync::Arc;
///
/// /// Whatever the configuration asks for.
/// #[derive(Debug)]
/// struct All(Vec<Box<dyn Layer>>);
///
/// impl Layer for All {
///     fn layer(&self, inner: Arc<dyn Cache>) -> Arc<dyn Cache> {
///         self.0.iter().fold(inner, |inner, layer| layer.layer(inner))
///     }
/// }
///
/// let larder = Larder::builder(MemoryCache::new()).layer(All(vec![])).build();
/// # drop(larder);
/// ```
pub trait Layer: fmt::Debug + Send + Sync {
    /// The store with this around it.
    fn layer(&self, inner: Arc<dyn Cache>) -> Arc<dyn Cache>;
}

#[cfg(test)]
mod tests;
