//! A Redis that is down, frozen or flapping is nobody's trouble who has a loader.
//!
//! A thousand requests a second, each at its own time whatever becomes of the others, through
//! `breaker(timeout(redis))`. A request is late by what it took from the moment when it was due, but for the
//! time in which its loader worked. Beside each of them runs a bare one, which only loads: what that suffers
//! is the machine's doing.

mod cases;
mod faults;
mod figures;
mod reader;
mod traffic;

use std::time::Duration;

pub(crate) use cases::run;

/// How many keys there are.
const KEYS: u64 = 300;
/// Between two requests: a thousand a second.
const PACE: Duration = Duration::from_millis(1);
/// The deadline of each call to the store: what a request may lose by it.
const TIMEOUT: Duration = Duration::from_millis(50);
/// What a request may lose while the breaker is open, 99 times of 100.
const OPEN: Duration = Duration::from_millis(1);
/// How soon all is well again, after the store is.
const RECOVERY: Duration = Duration::from_secs(1);
