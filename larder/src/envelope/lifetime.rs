use std::time::Duration;

use cache_api::Ttl;

/// For ever, in `fresh_for_ms`.
const FOR_EVER: u64 = u64::MAX;

/// How far the wall clocks of servers may be apart before entries are judged wrongly.
///
/// A store drops an answer by itself at the end of its time, on its own clock. Only if that clock was
/// set back does it stand longer, and then ours finds out, this much later.
const CLOCK_TOLERANCE_MS: u64 = 5_000;

/// What a record says about its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lifetime {
    pub(crate) created_ms: u64,
    pub(crate) fresh_for_ms: u64,
    pub(crate) stale_for_ms: u64,
    pub(crate) load_cost_ms: u32,
}

/// How old an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Age {
    Fresh,
    /// It may be served while it is refreshed, or when it cannot be.
    Stale,
    Past,
}

impl Lifetime {
    /// Of a value that lives as long as the store keeps it.
    pub(crate) fn plain(created_ms: u64, ttl: Ttl) -> Self {
        Self::new(created_ms, ttl, Duration::ZERO)
    }

    pub(crate) fn new(created_ms: u64, ttl: Ttl, stale_for: Duration) -> Self {
        let fresh_for_ms = ttl.millis().unwrap_or(FOR_EVER);
        let stale_for_ms = Ttl::After(stale_for).millis().unwrap_or(FOR_EVER);
        Self { created_ms, fresh_for_ms, stale_for_ms, load_cost_ms: 0 }
    }

    /// How old it is. A wall clock that is behind the writer's sees an age of zero.
    ///
    /// Between fresh and stale our clock decides. The end is the store's affair: what it still has is
    /// believed, unless our clock says that it is long past.
    pub(crate) fn age(&self, now_ms: u64) -> Age {
        let age = now_ms.saturating_sub(self.created_ms);
        if age >= self.servable_ms().saturating_add(CLOCK_TOLERANCE_MS) {
            Age::Past
        } else if self.stale_for_ms == 0 || age < self.fresh_for_ms {
            Age::Fresh
        } else {
            Age::Stale
        }
    }

    /// How long it is fresh after it was made. `None`: for ever.
    pub(crate) fn fresh_for(&self) -> Option<Duration> {
        (self.fresh_for_ms != FOR_EVER).then(|| Duration::from_millis(self.fresh_for_ms))
    }

    /// How long it has left until it is stale. `None`: for ever.
    pub(crate) fn fresh_left(&self, now_ms: u64) -> Option<Duration> {
        (self.fresh_for_ms != FOR_EVER).then(|| {
            let age = now_ms.saturating_sub(self.created_ms);
            Duration::from_millis(self.fresh_for_ms.saturating_sub(age))
        })
    }

    /// The same, but past its time, whatever the clock of a reader says: it never was fresh. `None`: then it
    /// may not be served at all.
    pub(crate) fn past(self) -> Option<Self> {
        let stale_for_ms = self.servable_ms();
        (self.stale_for_ms > 0).then_some(Self { fresh_for_ms: 0, stale_for_ms, ..self })
    }

    /// How long it may be served after its time.
    pub(crate) fn stale_for(&self) -> Duration {
        Duration::from_millis(self.stale_for_ms)
    }

    /// How long it took to make it.
    pub(crate) fn load_cost(&self) -> Duration {
        Duration::from_millis(self.load_cost_ms.into())
    }

    /// How long a store keeps it: as long as it may be served.
    pub(crate) fn ttl(&self) -> Ttl {
        match self.servable_ms() {
            FOR_EVER => Ttl::Never,
            millis => Ttl::After(Duration::from_millis(millis)),
        }
    }

    fn servable_ms(&self) -> u64 {
        self.fresh_for_ms.saturating_add(self.stale_for_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BORN: u64 = 1_764_000_000_000;

    fn lifetime(ttl: u64, stale: u64) -> Lifetime {
        let (ttl, stale) = (Duration::from_secs(ttl), Duration::from_secs(stale));
        Lifetime::new(BORN, Ttl::After(ttl), stale)
    }

    #[test]
    fn first_fresh_then_stale_then_past() {
        let lifetime = lifetime(10, 20);
        for (age, expected) in [
            (0, Age::Fresh),
            (9_999, Age::Fresh),
            (10_000, Age::Stale),
            (30_000 + CLOCK_TOLERANCE_MS - 1, Age::Stale),
            (30_000 + CLOCK_TOLERANCE_MS, Age::Past),
        ] {
            assert_eq!(lifetime.age(BORN + age), expected, "{age}");
        }
        assert_eq!(lifetime.ttl(), Ttl::After(Duration::from_secs(30)));
    }

    #[test]
    fn without_a_stale_time_the_store_decides_within_the_tolerance() {
        let lifetime = lifetime(10, 0);
        assert_eq!(lifetime.age(BORN + 10_000), Age::Fresh);
        assert_eq!(lifetime.age(BORN + 10_000 + CLOCK_TOLERANCE_MS), Age::Past);
    }

    #[test]
    fn a_clock_that_is_behind_sees_it_newborn_and_one_that_is_far_ahead_sees_it_past() {
        let lifetime = lifetime(60, 60);
        assert_eq!(lifetime.age(BORN - 3_600_000), Age::Fresh);
        assert_eq!(lifetime.age(BORN + 3_600_000), Age::Past);
    }

    #[test]
    fn for_ever_has_no_end() {
        let lifetime = Lifetime::plain(BORN, Ttl::Never);
        assert_eq!((lifetime.age(u64::MAX - 1), lifetime.ttl()), (Age::Fresh, Ttl::Never));
        assert_eq!(lifetime.fresh_left(BORN), None);
    }
}
