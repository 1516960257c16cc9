//! Leaves a store alone that does not answer.

mod circuit;

use std::{
    future::ready,
    sync::Arc,
    time::{Duration, Instant},
};

use cache_api::{Cache, Clock, Error, SystemClock};
use circuit::Circuit;

pub use circuit::BreakerState;

use super::{
    Layer,
    around::{Answer, Around, Call, wrap},
    outcome::Answered,
};

/// A circuit breaker: when the store [does not answer](Error::is_unavailable) so many times in a row, it is
/// left alone for a while, and calls fail at once.
///
/// After the pause one call goes through, the probe. If it is answered the circuit is closed again; if it
/// is not, or not within another pause, the next probe has its turn. A call that fails at once was never
/// sent: its error is an [`Error::Unavailable`] that cannot have been applied.
///
/// Every pause is shortened by up to a half at random, so that a fleet does not come back together. An
/// error that is an answer (a full disk, a wrong type) counts as one, and a call that is dropped counts
/// for nothing: a store that hangs is noticed by its own deadline, or by a [`Timeout`](super::Timeout)
/// inside.
///
/// So a store that is back is used again after a pause at most, and on Redis after the quarter of a second
/// between two attempts to connect besides: with the pause that is the default, within a second.
///
/// One breaker is for one store; its clones share what they know of it. Where the store answers, a call
/// costs one allocation and two loads of atomics.
///
/// ```
/// use larder::{Larder, MemoryCache, layer::{Breaker, BreakerState}};
///
/// let breaker = Breaker::new();
/// let larder = Larder::builder(MemoryCache::new()).layer(breaker.clone()).build();
/// assert_eq!((breaker.state(), breaker.times_opened()), (BreakerState::Closed, 0));
/// # drop(larder);
/// ```
#[derive(Debug, Clone)]
pub struct Breaker {
    failures: u32,
    pause: Duration,
    clock: Arc<dyn Clock>,
    circuit: Arc<Circuit>,
}

impl Breaker {
    /// Opens after five failures in a row, for half a second.
    #[must_use]
    pub fn new() -> Self {
        Self {
            failures: 5,
            pause: Duration::from_millis(500),
            clock: Arc::new(SystemClock),
            circuit: Arc::default(),
        }
    }

    /// After how many failures in a row it opens.
    #[must_use]
    pub const fn failures(mut self, failures: u32) -> Self {
        self.failures = failures;
        self
    }

    /// How long it stays open, and how long a probe has, before that is shortened at random. At most an
    /// hour.
    #[must_use]
    pub fn pause(mut self, pause: Duration) -> Self {
        self.pause = pause.min(Duration::from_secs(60 * 60));
        self
    }

    /// The clock to judge by, for tests. Default: the machine's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Whether calls go through.
    #[must_use]
    pub fn state(&self) -> BreakerState {
        self.circuit.state(self.clock.now())
    }

    /// How many times it has opened so far.
    #[must_use]
    pub fn times_opened(&self) -> u64 {
        self.circuit.times_opened()
    }

    fn now_and_pause(&self) -> (Instant, Duration) {
        (self.clock.now(), self.pause.mul_f64(rand::random_range(0.5..1.0)))
    }
}

impl Default for Breaker {
    fn default() -> Self {
        Self::new()
    }
}

impl Layer for Breaker {
    fn layer(&self, inner: Arc<dyn Cache>) -> Arc<dyn Cache> {
        wrap(inner, self.clone())
    }
}

impl Around for Breaker {
    fn around<'a, T: Answered>(
        &'a self,
        call: Call<'a>,
        send: impl FnOnce() -> Answer<'a, T> + Clone + Send + 'a,
    ) -> Answer<'a, T> {
        let Some(pass) = self.circuit.admit(|| self.now_and_pause()) else {
            return Box::pin(ready(Err(Error::Unavailable {
                backend: call.store,
                operation: call.op.name(),
                reason: "it has not answered for a while, and is not asked for a moment".into(),
                may_have_applied: false,
                source: None,
            })));
        };
        Box::pin(async move {
            let answer = send().await;
            match &answer {
                Err(error) if error.is_unavailable() => {
                    if self.circuit.failed(pass, self.failures, || self.now_and_pause()) {
                        tracing::warn!(store = call.store, %error, "a store is not asked for a while");
                    }
                }
                _ => {
                    if self.circuit.answered(pass) {
                        tracing::info!(store = call.store, "a store answers again");
                    }
                }
            }
            answer
        })
    }
}

#[cfg(test)]
mod tests;
