//! Loading what is not there: one loader per key in the fleet, and invalidations that always win.
//!
//! ```text
//! get_or_load ─ look up ─┬─ fresh ──────────────────────────────────────► the value
//!                        ├─ stale ── serve it; one in the fleet refreshes ► the value
//!                        ├─ a mark of this process ── share that load ───► what it comes to
//!                        ├─ a mark of another server ── wait, look again
//!                        └─ nothing ── mark the key ── load ── replace the mark
//! ```
//!
//! | file | |
//! |---|---|
//! | `call`, `attend` | one call: what to do about what was found; sharing and waiting |
//! | `flight` | the loads of this process, and who may share one |
//! | `fly` | one load, in a task of its own |
//! | `footing` | the mark at the key, and what becomes of the answer |
//! | `shared` | what a load came to, for all who share it |
//! | `early`, `rests` | when to refresh ahead of time; when not to try again |

mod answer;
mod attend;
mod batch;
mod call;
mod context;
mod early;
mod error;
mod flight;
mod fly;
mod footing;
mod get_or_load;
mod hand;
mod handle;
mod land;
mod loaded;
mod many;
mod options;
mod read_through;
mod readings;
mod rests;
mod shared;
mod source;
mod sync;
mod with;

pub use answer::{Answer, Origin};
pub(crate) use call::Answered;
pub(crate) use context::Chain;
pub use context::LoadContext;
pub(crate) use early::ahead;
pub use error::LoadError;
pub(crate) use flight::Flights;
pub(crate) use footing::{Footing, Ground, Site};
pub use get_or_load::{GetOrLoad, WithAnswer};
pub(crate) use get_or_load::{go_on, no_lifetime};
pub(crate) use hand::One;
pub use loaded::{IntoLoaded, Loaded};
pub use many::GetOrLoadMany;
pub(crate) use options::{Options, call_setters, setters};
pub use read_through::{FindThrough, ReadThrough};
pub(crate) use rests::Rests;
pub(crate) use with::{Finds, InContext, Loads, Plain};
pub use with::{LoadForm, LoadWith};

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::bench as testing;
