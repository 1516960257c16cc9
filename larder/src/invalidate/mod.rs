//! Invalidations: what was stored before one is not served after it, and an answer that was on its way
//! is not stored.
//!
//! One that cannot reach the store is remembered and made as soon as it can be. Until then this process
//! does not trust what it concerns: it asks the source.

mod call;
mod outbox;
mod replay;
mod soften;
mod target;

pub use call::{Invalidate, Invalidation};
pub(crate) use outbox::Outbox;
use target::{How, Target};

#[cfg(test)]
mod tests;
