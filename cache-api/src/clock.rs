use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use tokio::sync::watch;

use crate::Sleep;

/// Time, so that a test can hold it still.
///
/// ```
/// use cache_api::{Clock, TestClock};
/// use std::time::Duration;
///
/// let clock = TestClock::new();
/// let before = clock.now();
/// clock.advance(Duration::from_secs(3600));
/// assert_eq!(clock.now() - before, Duration::from_secs(3600));
/// ```
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Monotonic time: lifetimes, deadlines, beats.
    fn now(&self) -> Instant;

    /// Wall time: what is written down and read by others. It may jump.
    fn system_time(&self) -> SystemTime;

    /// Resolves once `duration` has passed on this clock.
    fn sleep(&self, duration: Duration) -> Sleep;

    /// Whether this is the machine's own time, which passes by itself.
    fn is_real(&self) -> bool {
        false
    }
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn system_time(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(duration))
    }

    fn is_real(&self) -> bool {
        true
    }
}

/// A clock that a test moves. Clones show the same time.
#[derive(Debug, Clone)]
pub struct TestClock {
    begin: Instant,
    passed: Arc<watch::Sender<Passed>>,
}

#[derive(Debug, Clone, Copy)]
struct Passed {
    monotonic: Duration,
    wall: SystemTime,
}

impl TestClock {
    /// A clock that stands at the present moment.
    #[must_use]
    pub fn new() -> Self {
        let passed = Passed { monotonic: Duration::ZERO, wall: SystemTime::now() };
        Self { begin: Instant::now(), passed: Arc::new(watch::Sender::new(passed)) }
    }

    /// Lets time pass, monotonic and wall time alike, and wakes who slept until then.
    pub fn advance(&self, by: Duration) {
        self.passed.send_modify(|passed| {
            passed.monotonic += by;
            passed.wall += by;
        });
    }

    /// Sets the wall clock, as an administrator or a time server does. Monotonic time stays.
    pub fn set_wall(&self, to: SystemTime) {
        self.passed.send_modify(|passed| passed.wall = to);
    }
}

impl Default for TestClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TestClock {
    fn now(&self) -> Instant {
        self.begin + self.passed.borrow().monotonic
    }

    fn system_time(&self) -> SystemTime {
        self.passed.borrow().wall
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let mut passed = self.passed.subscribe();
        let until = self.passed.borrow().monotonic + duration;
        Box::pin(async move {
            if passed.wait_for(|passed| passed.monotonic >= until).await.is_err() {
                // The clock is gone: its time has stopped for good.
                std::future::pending::<()>().await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_sleeper_wakes_when_its_time_has_come_and_not_before() {
        let clock = TestClock::new();
        let mut sleep = clock.sleep(Duration::from_secs(10));
        clock.advance(Duration::from_secs(9));
        assert!((&mut sleep).now_or_never().is_none());
        clock.clone().advance(Duration::from_secs(1));
        sleep.await;
    }

    #[test]
    fn the_wall_clock_jumps_alone() {
        let clock = TestClock::new();
        let now = clock.now();
        clock.set_wall(SystemTime::UNIX_EPOCH);
        assert_eq!(clock.now(), now);
        assert_eq!(clock.system_time(), SystemTime::UNIX_EPOCH);
    }
}
