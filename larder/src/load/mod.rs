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
//! A call for many keys looks them up together and then goes the same way for each. What these ways begin
//! is gathered and is one load of several keys: their marks are placed side by side, one loader is asked,
//! the answers are kept side by side. Every load is such a one, most of them of one key.
//!
//! | file | |
//! |---|---|
//! | `call`, `attend` | one call: what to do about what was found; sharing and waiting |
//! | `many`, `batch` | many calls at once; one loader for all of them |
//! | `with`, `source`, `read_through` | the forms of a loader; what a call sends a load on its way with |
//! | `flight` | the loads of this process, and who may share one |
//! | `fly`, `land` | one load, in a task of its own; what becomes of its answers |
//! | `footing`, `readings` | the mark at the key; what else is read before the source is asked |
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
mod tests_many;
#[cfg(test)]
pub(crate) use tests::bench as testing;
