//! What an application holds: a [`Larder`] over a store, and a [`Space`] for each namespace of it.

mod builder;
mod ears;
mod larder;
mod space;
mod stats;

pub use builder::LarderBuilder;
use ears::Ears;
pub use larder::Larder;
pub(crate) use larder::WeakLarder;
pub use space::Space;
pub(crate) use stats::{Counters, count};
pub use stats::{Damaged, Loads, NearStats, Stats};
