//! Bytes as they are, without an envelope: for other programs, and for counters.

mod handle;
mod set;

pub use handle::Raw;
pub use set::RawSet;

#[cfg(test)]
mod tests;
