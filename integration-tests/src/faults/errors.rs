//! What the errors of a store that is out of order look like.

use std::time::Duration;

use cache_api::{Error, Op};

const BACKEND: &str = "faults";

/// It never left: the store is out of reach.
///
/// ```
/// use cache_api::Op;
/// use integration_tests::faults::{full, not_connected, timed_out};
///
/// assert!(not_connected(Op::Set).is_unavailable() && !not_connected(Op::Set).may_have_applied());
/// assert!(timed_out(Op::Set).may_have_applied() && !timed_out(Op::Get).may_have_applied());
/// assert!(!full(Op::Set).is_unavailable());
/// ```
#[must_use]
pub fn not_connected(op: Op) -> Error {
    Error::Unavailable {
        backend: BACKEND,
        operation: op.name(),
        reason: "not connected".into(),
        may_have_applied: false,
        source: None,
    }
}

/// No answer came, and of a write nobody knows what became of it.
#[must_use]
pub const fn timed_out(op: Op) -> Error {
    Error::Timeout {
        backend: BACKEND,
        operation: op.name(),
        after: Duration::from_millis(500),
        may_have_applied: op.is_write(),
    }
}

/// The store has no room, and takes no writes.
#[must_use]
pub fn full(op: Op) -> Error {
    Error::WriteRefused {
        backend: BACKEND,
        operation: op.name(),
        reason: "out of memory".into(),
        source: None,
    }
}
