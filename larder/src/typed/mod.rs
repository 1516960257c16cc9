//! Values of a type, in the envelope.

mod handle;
mod many;
mod read;
mod set;
mod value;

pub use handle::Typed;
pub use many::SetMany;
pub use set::{Set, SetWithToken};
pub use value::Value;

#[cfg(test)]
mod tests;
