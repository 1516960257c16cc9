//! The locks of the tokens. A test of all interleavings puts its own in their place.

pub(super) use std::sync::{Mutex, MutexGuard, PoisonError};
