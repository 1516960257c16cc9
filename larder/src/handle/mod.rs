//! What an application holds: a [`Larder`] over a store, and a [`Space`] for each namespace of it.

mod larder;
mod space;
mod stats;

pub(crate) use larder::WeakLarder;
pub use larder::{Larder, LarderBuilder};
pub use space::Space;
pub(crate) use stats::{Counters, count};
pub use stats::{Damaged, Loads, NearStats, Stats};
