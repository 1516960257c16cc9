//! What `larder` puts in front of its own entries. Raw values never have it.
//!
//! The first twelve bytes are the [`Stamp`]: what the record is, and which one it is. They are what a
//! conditional write compares, so every record that was ever written can be told from every other.

mod damage;
mod stamp;

pub(crate) use damage::Damage;
pub use stamp::{Kind, Stamp, Version, displacing};
