//! What every store must do, one function per rule.
//!
//! Each function takes a [`Ctx`] (a store and a namespace of its own) and answers with what went
//! wrong. [`BEHAVIOURS`] lists them; [`conformance!`](crate::conformance) makes tests of them.

mod check;
mod ctx;
mod fixture;
mod list;
mod report;
mod run;

pub mod bulk;
pub mod cancellation;
pub mod capabilities;
pub mod clear;
pub mod conditions;
pub mod counters;
pub mod delete;
pub mod expire;
pub mod keys;
pub mod limits;
pub mod races;
pub mod scan;
pub mod set;
pub mod ttl;
pub mod watch;

pub use check::{Checked, Failure};
pub use ctx::Ctx;
pub use fixture::{BoxError, Declared, Fixture, FromFn, Raw, Wrapped, from_fn};
pub use list::{BEHAVIOURS, Behaviour, Need};
pub use report::{Finding, Outcome, Report};
pub use run::{run, run_all, run_with, test};
