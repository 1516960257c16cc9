//! Repeats what can be repeated.

use std::{sync::Arc, time::Duration};

use cache_api::{Cache, Clock, Condition, Op, SystemClock};

use super::{
    Layer,
    around::{Answer, Around, Call, wrap},
    outcome::Answered,
};

/// Repeats calls that the store [did not answer](cache_api::Error::is_unavailable), where once more does
/// no harm.
///
/// | repeated | never repeated |
/// |---|---|
/// | `get`, `get_many`, `ttl` | `take`, `increment`, `clear` |
/// | `set`, `set_many`, `delete`, `delete_many` without a condition | each of them with one |
/// | | `expire` |
///
/// A conditional write whose answer was lost may have been applied: its repetition would be refused by
/// itself, or be done a second time after somebody else had undone it. Whoever writes under a condition
/// has to look, and everything in larder does.
///
/// A repeated write says what the last attempt did: a `delete` whose first answer was lost says that
/// nothing stood there. And a first attempt that is still on its way may land after the repetition, as
/// any plain write may after an error; [Redis here](crate::RedisCache) ends the old connection first.
///
/// Between attempts it waits: first [`pause`](Self::pause), then twice as long each time, at most a
/// second, each shortened by up to a half at random. May be dropped at any time.
///
/// ```
/// use larder::{Larder, MemoryCache, layer::Retry};
/// use std::time::Duration;
///
/// let retry = Retry::new().attempts(4).within(Duration::from_millis(500));
/// let larder = Larder::builder(MemoryCache::new()).layer(retry).build();
/// # drop(larder);
/// ```
#[derive(Debug, Clone)]
pub struct Retry {
    attempts: u32,
    pause: Duration,
    within: Duration,
    clock: Arc<dyn Clock>,
}

impl Retry {
    /// The longest pause between two attempts.
    const LONGEST_PAUSE: Duration = Duration::from_secs(1);

    /// At most three attempts, the last one begun within a second, the first pause 10 ms.
    #[must_use]
    pub fn new() -> Self {
        Self {
            attempts: 3,
            pause: Duration::from_millis(10),
            within: Duration::from_secs(1),
            clock: Arc::new(SystemClock),
        }
    }

    /// How often a call is sent at most, the first time included. None is sent less than once.
    #[must_use]
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// The first pause, before it is shortened at random.
    #[must_use]
    pub const fn pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// How long after the first attempt the last one may begin. An attempt itself is bounded by the store,
    /// or by a [`Timeout`](super::Timeout) inside.
    #[must_use]
    pub const fn within(mut self, time: Duration) -> Self {
        self.within = time;
        self
    }

    /// The clock to judge by, for tests. Default: the machine's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self::new()
    }
}

impl Layer for Retry {
    fn layer(&self, inner: Arc<dyn Cache>) -> Arc<dyn Cache> {
        wrap(inner, self.clone())
    }
}

impl Around for Retry {
    fn around<'a, T: Answered>(
        &'a self,
        call: Call<'a>,
        send: impl FnOnce() -> Answer<'a, T> + Clone + Send + 'a,
    ) -> Answer<'a, T> {
        if !is_repeatable(call) {
            return send();
        }
        Box::pin(async move {
            let begun = self.clock.now();
            let mut pause = self.pause.min(Self::LONGEST_PAUSE);
            for _ in 1..self.attempts {
                match send.clone()().await {
                    Err(error) if error.is_unavailable() => {
                        let jittered = pause.mul_f64(rand::random_range(0.5..1.0));
                        if self.clock.now() - begun + jittered > self.within {
                            return Err(error);
                        }
                        self.clock.sleep(jittered).await;
                    }
                    answer => return answer,
                }
                pause = (pause * 2).min(Self::LONGEST_PAUSE);
            }
            send().await
        })
    }
}

fn is_repeatable(call: Call<'_>) -> bool {
    match call.op {
        Op::Get | Op::GetMany | Op::Ttl => true,
        Op::Set | Op::SetMany | Op::DeleteIf | Op::DeleteMany => {
            call.condition == Condition::Always
        }
        // A late `clear` or `expire` hits what was written since.
        _ => false,
    }
}

#[cfg(test)]
mod tests;
