//! Whether copies may be served: judged at every hit, by what is known of the changes of the store.

use std::time::{Duration, Instant};

use super::sync::{AtomicU64, Ordering};

/// How a tier learns of changes, and how long it may be served from.
///
/// A gap in the reports of changes voids every copy at once: each carries the epoch it was made in.
/// Between a gap and the moment when changes are reported again nothing is kept and nothing served.
#[derive(Debug)]
pub(crate) struct Trust {
    begin: Instant,
    /// How many times this has changed, and behind it in two bits the mode.
    epoch: AtomicU64,
    /// When the newest question about the reports was sent that was answered, in nanoseconds since `begin`.
    beat: AtomicU64,
    /// How old that may be.
    bound: Duration,
    /// Whether the reports can fall silent without ending, so that only beats tell that they go on.
    beats: bool,
}

/// What the copies of an epoch rest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Something may have been missed.
    Gap = 0,
    /// Every change is reported.
    Watched = 1,
    /// No change is reported: copies live for a moment only.
    Unwatched = 2,
}

impl Trust {
    pub(crate) fn new(begin: Instant, bound: Duration, beats: bool) -> Self {
        Self { begin, epoch: AtomicU64::new(0), beat: AtomicU64::new(0), bound, beats }
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    pub(crate) const fn mode(epoch: u64) -> Mode {
        match epoch & 3 {
            1 => Mode::Watched,
            2 => Mode::Unwatched,
            _ => Mode::Gap,
        }
    }

    /// Begins a new epoch in this mode: no copy of an older one is served from now on.
    pub(crate) fn turn(&self, mode: Mode) {
        self.next(|_| mode as u64);
    }

    /// Begins a new epoch in whatever mode it is.
    pub(crate) fn renew(&self) {
        // In one step: it must not undo a gap that falls in between.
        self.next(|epoch| epoch & 3);
    }

    fn next(&self, mode: impl Fn(u64) -> u64) {
        let next = |epoch: u64| Some((((epoch >> 2) + 1) << 2) | mode(epoch));
        // It always gives a next one.
        let _ = self.epoch.fetch_update(Ordering::AcqRel, Ordering::Acquire, next);
    }

    /// All changes that were made before this moment have been reported.
    pub(crate) fn beat(&self, sent: Instant) {
        self.beat.fetch_max(self.nanos(sent), Ordering::AcqRel);
    }

    /// Whether a copy of this epoch may be served.
    pub(crate) fn allows(&self, epoch: u64, now: Instant) -> bool {
        self.allows_at(epoch, || now)
    }

    /// The same, for who looks at the clock only if it matters.
    pub(crate) fn allows_at(&self, epoch: u64, now: impl FnOnce() -> Instant) -> bool {
        epoch == self.epoch()
            && match Self::mode(epoch) {
                Mode::Gap => false,
                Mode::Unwatched => true,
                Mode::Watched => !self.beats || self.is_alive(now()),
            }
    }

    fn is_alive(&self, now: Instant) -> bool {
        let beat = Duration::from_nanos(self.beat.load(Ordering::Acquire));
        now.saturating_duration_since(self.begin).saturating_sub(beat) <= self.bound
    }

    fn nanos(&self, instant: Instant) -> u64 {
        u64::try_from(instant.saturating_duration_since(self.begin).as_nanos()).unwrap_or(u64::MAX)
    }
}
