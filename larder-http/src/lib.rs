//! A tower layer for axum and hyper that caches HTTP responses, streamed ones too.
//!
//! A response is recorded while the client receives it: its first byte is the origin's first byte, and
//! storing never delays it. Whoever asks next, on this server or on another one that shares the store,
//! follows the recording that is still being made, or gets it whole from the store: status, headers and
//! body exactly as the origin sent them. A recording that is not whole is never an answer.
//!
//! HTTP caching by RFC 9111: fresh answers are served, stale ones are asked about, and what a request has
//! changed is not served any more. [`Preset`] says how much of what the standard allows is done, [`Control`] is
//! what a handler says of its answer, [`Purge`] removes answers on all servers.
//!
//! See [`CacheLayer`] for what is stored, what is kept apart, and what it costs. `examples/axum_csv.rs` is
//! a whole service:
//!
//! ```no_run
#![doc = include_str!("../examples/axum_csv.rs")]
//! ```

mod answer;
mod body;
mod control;
mod exchange;
mod future;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod head;
mod header_block;
mod key;
mod layer;
mod look_up;
mod policy;
mod purge;
mod record;
mod repair;
mod ring;
mod rules;
mod service;
mod shared;
mod source;
mod status;
mod validate;

pub use body::CacheBody;
pub use control::Control;
pub use future::ResponseFuture;
pub use key::FORWARDING_HEADERS;
pub use layer::CacheLayer;
pub use policy::Preset;
pub use purge::Purge;
pub use service::CacheService;

/// What can go wrong while a body is read: an error of the inner service, or
/// [`StreamError`](larder::stream::StreamError).
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
