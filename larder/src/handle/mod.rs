//! What an application holds: a [`Larder`] over a store, and a [`Space`] for each namespace of it.

mod builder;
mod counter;
mod ears;
mod larder;
mod space;
mod stats;

pub use builder::LarderBuilder;
pub(crate) use builder::shared;
pub(crate) use counter::count;
use ears::Ears;
pub use larder::Larder;
pub(crate) use larder::WeakLarder;
pub use space::Space;
pub(crate) use stats::Counters;
pub use stats::{Damaged, Loads, NearStats, Stats};
