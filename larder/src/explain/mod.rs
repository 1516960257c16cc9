//! What stands at a key, and why it is or is not served: for people, tools and admin routes.
//!
//! Nothing here changes anything: no entry, no counter, no queue. Nothing decodes a value, and whatever
//! bytes stand in the store, they are explained.
//!
//! - [`Space::explain`](crate::Space::explain) says of one key what stands there, and what a reader makes of it.
//! - [`Space::survey`](crate::Space::survey) walks over all entries of a space and counts them.

mod call;
mod explanation;
mod pieces;
mod record;
mod survey;
mod walk;
mod what;

pub use explanation::{Cause, Explanation, TagHold, Verdict};
pub use survey::{Ages, Large, Lifetimes, Sort, Survey, Tally, Timely};
pub use what::{Coding, Form, Freshness, Pieces, Recorded, Recording, Time, What};

pub use crate::{envelope::Damage, tags::Hold};

#[cfg(test)]
mod tests;
