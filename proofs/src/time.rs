//! Time that all processes of the machine share, and how late the machine is.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use tokio::task::AbortHandle;

/// A moment, in nanoseconds of the machine's monotonic clock: the same in every process.
pub(crate) type Moment = u64;

/// Now.
pub(crate) fn now() -> Moment {
    let now = clock_gettime(ClockId::Monotonic);
    // Neither is ever negative.
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// So long, in the same unit.
pub(crate) const fn nanos(time: Duration) -> u64 {
    time.as_nanos() as u64
}

/// How long a bare timer is asked to wait, over and over.
const NAP: Duration = Duration::from_millis(5);
/// What is not worth noting.
const USUAL: Duration = Duration::from_millis(5);

/// A bare timer that runs beside what is measured. A shared machine makes everyone late now and then, and
/// what a timer suffers that does nothing else is not the fault of the library.
#[derive(Debug)]
pub(crate) struct BareTimer {
    late: Arc<Mutex<Vec<Late>>>,
    task: AbortHandle,
}

/// A stretch of time in which a bare timer was late.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Late {
    from: Moment,
    until: Moment,
    by: u64,
}

impl BareTimer {
    /// Starts on the present runtime.
    pub(crate) fn start() -> Self {
        let late = Arc::<Mutex<Vec<Late>>>::default();
        let noted = Arc::clone(&late);
        let task = tokio::spawn(async move {
            loop {
                let from = now();
                tokio::time::sleep(NAP).await;
                let until = now();
                let by = (until - from).saturating_sub(nanos(NAP));
                if by > nanos(USUAL) {
                    let late = Late { from, until, by };
                    noted.lock().unwrap_or_else(PoisonError::into_inner).push(late);
                }
            }
        });
        Self { late, task: task.abort_handle() }
    }

    /// When it was late so far.
    pub(crate) fn lateness(&self) -> Lateness {
        Lateness(self.late.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl Drop for BareTimer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// When a bare timer was late.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Lateness(Vec<Late>);

impl Lateness {
    /// By how much it was late at most, some time between these moments.
    pub(crate) fn between(&self, from: Moment, until: Moment) -> Duration {
        let during = self.0.iter().filter(|late| late.from <= until && from <= late.until);
        Duration::from_nanos(during.map(|late| late.by).max().unwrap_or(0))
    }

    /// By how much it was late at most.
    pub(crate) fn worst(&self) -> Duration {
        self.between(0, Moment::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_late_meanwhile_counts() {
        let late = |from, until, by| Late { from, until, by };
        let lateness = Lateness(vec![late(10, 30, 15), late(50, 55, 1)]);
        assert_eq!(lateness.between(0, 9), Duration::ZERO);
        assert_eq!(lateness.between(31, 52), Duration::from_nanos(1));
        assert_eq!(lateness.between(30, 52), Duration::from_nanos(15));
    }
}
