//! The locks of the flight table. A test of all interleavings puts its own in their place.

pub(super) use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};
