//! The locks and atomics of the tier. A test of all interleavings puts its own in their place.

pub(super) use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};
