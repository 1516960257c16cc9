//! Wall time that never goes back.
//!
//! Records say by wall time when they end, since that is all that is left after a restart. A clock that is
//! set back would let them live longer than they were given. So while the cache is open time passes as the
//! monotonic clock has it, and follows the wall clock only ahead; and it begins no earlier than the last
//! write that is on disk.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Instant, SystemTime},
};

use cache_api::Clock;

pub(crate) struct Time {
    clock: Arc<dyn Clock>,
    opened: Instant,
    /// What the wall clock showed then, or would have if it had always been as far ahead as it ever was.
    opened_ms: AtomicU64,
}

impl Time {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let opened = clock.now();
        Self { opened_ms: AtomicU64::new(wall_ms(&*clock)), opened, clock }
    }

    /// Milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> u64 {
        let passed = self.passed_ms();
        self.ahead(wall_ms(&*self.clock).saturating_sub(passed)).saturating_add(passed)
    }

    /// It is at least as late as this.
    pub(crate) fn not_before(&self, ms: u64) {
        self.ahead(ms.saturating_sub(self.passed_ms()));
    }

    /// The later of what was known and this. Nearly always what was known: readers do not write.
    fn ahead(&self, opened_ms: u64) -> u64 {
        let known = self.opened_ms.load(Relaxed);
        if known >= opened_ms {
            return known;
        }
        self.opened_ms.fetch_max(opened_ms, Relaxed).max(opened_ms)
    }

    fn passed_ms(&self) -> u64 {
        self.clock.now().saturating_duration_since(self.opened).as_millis() as u64
    }
}

fn wall_ms(clock: &dyn Clock) -> u64 {
    let since = clock.system_time().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cache_api::TestClock;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const HOUR_MS: u64 = 3_600_000;

    #[test]
    fn it_follows_the_wall_clock_ahead_and_never_back() {
        let clock = TestClock::new();
        let time = Time::new(Arc::new(clock.clone()));
        let begin = time.now_ms();
        clock.set_wall(clock.system_time() - HOUR);
        assert_eq!(time.now_ms(), begin);
        clock.advance(HOUR);
        assert_eq!(time.now_ms(), begin + HOUR_MS, "and goes on");
        clock.set_wall(clock.system_time() + 3 * HOUR);
        assert_eq!(time.now_ms(), begin + 3 * HOUR_MS);
        clock.set_wall(clock.system_time() - 3 * HOUR);
        time.not_before(begin + 4 * HOUR_MS);
        time.not_before(begin);
        clock.advance(HOUR);
        assert_eq!(time.now_ms(), begin + 5 * HOUR_MS);
    }
}
