//! The table as it is, and the locks that it is given here.

pub(crate) mod sync {
    pub(super) use shuttle::sync::{
        Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    };
    pub(super) use std::sync::PoisonError;
}

#[expect(dead_code, reason = "a play needs no more of it")]
#[path = "../../../src/load/flight.rs"]
pub(crate) mod flight;
