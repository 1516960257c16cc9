use std::time::{Duration, Instant};

/// How long a source waits for a store that stands still while a reader waits for the source...
const READ: Duration = Duration::from_millis(250);

/// ... and while nobody does. The store's own deadline comes first.
const UNREAD: Duration = Duration::from_secs(10);

/// A store that moves, but slowly, costs the readers no more than this in all, and one part in
/// [`SHARE`] of the time since the recording began.
const ALLOWANCE: Duration = Duration::from_millis(250);
const SHARE: u32 = 4;

/// How long a source waits for a reader that stands still.
const STANDSTILL: Duration = Duration::from_secs(2);

/// What the store has cost those who read a recording so far.
#[derive(Debug, Default)]
pub(super) struct Cost(Duration);

impl Cost {
    pub(super) fn add(&mut self, waited: Duration) {
        self.0 = self.0.saturating_add(waited);
    }

    /// How long the store may take for its next step.
    pub(super) fn patience(&self, starving: bool, elapsed: Duration) -> Duration {
        if !starving {
            return UNREAD;
        }
        (ALLOWANCE + elapsed / SHARE).saturating_sub(self.0).min(READ)
    }
}

/// Since when a reader has made no step.
#[derive(Debug, Default)]
pub(super) struct Standstill(Option<(u64, u64, Instant)>);

impl Standstill {
    /// How long the reader may still stand there. Nothing: it has stood there for too long.
    pub(super) fn left(&mut self, id: u64, position: u64, now: Instant) -> Option<Duration> {
        let since = match self.0 {
            Some((was, at, since)) if (was, at) == (id, position) => since,
            _ => now,
        };
        self.0 = Some((id, position, since));
        STANDSTILL.checked_sub(now - since).filter(|left| !left.is_zero())
    }
}
