use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::SeqCst},
    },
    time::{Duration, Instant, SystemTime},
};

use cache_api::{Clock, Sleep, SystemClock};

/// The machine's clock, but for its wall time, which is off. Clones are off together.
#[derive(Debug, Clone, Default)]
pub(super) struct Shifted {
    ms: Arc<AtomicI64>,
}

impl Shifted {
    /// Ahead by so much, or behind.
    pub(super) fn by(ms: i64) -> Self {
        let shifted = Self::default();
        shifted.shift(ms);
        shifted
    }

    pub(super) fn shift(&self, ms: i64) {
        self.ms.store(ms, SeqCst);
    }
}

impl Clock for Shifted {
    fn now(&self) -> Instant {
        SystemClock.now()
    }

    fn system_time(&self) -> SystemTime {
        let ms = self.ms.load(SeqCst);
        let by = Duration::from_millis(ms.unsigned_abs());
        if ms < 0 { SystemTime::now() - by } else { SystemTime::now() + by }
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        SystemClock.sleep(duration)
    }

    fn is_real(&self) -> bool {
        true
    }
}
