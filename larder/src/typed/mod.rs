//! Values of a type, in the envelope.

mod handle;
mod many;
mod read;
mod reserve;
mod set;
mod ticket;
mod update;
mod value;

pub use handle::Typed;
pub use many::SetMany;
pub use reserve::{Reserve, Reserved};
pub use set::{Set, SetWithToken};
pub use ticket::{Ticket, TicketSet};
pub use update::Update;
pub use value::Value;

#[cfg(test)]
mod reserve_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod update_tests;
