use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

/// What a [`Breaker`](super::Breaker) does with calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// They go through.
    Closed,
    /// They fail at once.
    Open,
    /// They fail at once but for one, the probe: it is under way, or the next call is it.
    HalfOpen,
}

/// Closed and open in turns.
#[derive(Debug, Default)]
pub(super) struct Circuit {
    /// How often it has changed: even is closed, odd is open. What was sent in an earlier round says
    /// nothing about this one.
    round: AtomicU64,
    /// Failures in a row, while it is closed.
    failures: AtomicU32,
    /// While it is open. Held by who changes the round.
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    /// When the next probe may go.
    until: Option<Instant>,
    probing: bool,
}

impl Open {
    fn is_over(&self, now: Instant) -> bool {
        self.until.is_none_or(|until| until <= now)
    }
}

/// A call that may go through, and in which round it was sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pass(u64);

const fn is_open(round: u64) -> bool {
    round % 2 == 1
}

impl Circuit {
    /// `pause` says what time it is, and how long from now a probe has. `None`: fail at once.
    pub(super) fn admit(&self, pause: impl FnOnce() -> (Instant, Duration)) -> Option<Pass> {
        let round = self.round.load(SeqCst);
        if !is_open(round) {
            return Some(Pass(round));
        }
        let (now, pause) = pause();
        let mut open = self.open();
        if !open.is_over(now) {
            return None;
        }
        // If it never comes back there will be another one.
        *open = Open { until: Some(now + pause), probing: true };
        Some(Pass(round))
    }

    /// The store has answered. `true` if that closed the circuit.
    pub(super) fn answered(&self, Pass(round): Pass) -> bool {
        if self.round.load(SeqCst) != round {
            return false;
        }
        if is_open(round) {
            return self.turn(&self.open(), round);
        }
        if self.failures.load(SeqCst) > 0 {
            self.failures.store(0, SeqCst);
        }
        false
    }

    /// The store has not answered. `true` if that opened the circuit.
    pub(super) fn failed(
        &self,
        Pass(round): Pass,
        most: u32,
        pause: impl FnOnce() -> (Instant, Duration),
    ) -> bool {
        if self.round.load(SeqCst) != round {
            return false;
        }
        if !is_open(round) && self.failures.fetch_add(1, SeqCst) + 1 < most {
            return false;
        }
        let (now, pause) = pause();
        let mut open = self.open();
        if self.round.load(SeqCst) == round {
            *open = Open { until: Some(now + pause), probing: false };
        }
        !is_open(round) && self.turn(&open, round)
    }

    pub(super) fn state(&self, now: Instant) -> BreakerState {
        if !is_open(self.round.load(SeqCst)) {
            return BreakerState::Closed;
        }
        let open = self.open();
        if open.probing || open.is_over(now) { BreakerState::HalfOpen } else { BreakerState::Open }
    }

    pub(super) fn times_opened(&self) -> u64 {
        self.round.load(SeqCst).div_ceil(2)
    }

    /// To the next round, unless another call has done it.
    fn turn(&self, _held: &MutexGuard<'_, Open>, round: u64) -> bool {
        let turned = self.round.compare_exchange(round, round + 1, SeqCst, SeqCst).is_ok();
        if turned {
            self.failures.store(0, SeqCst);
        }
        turned
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
