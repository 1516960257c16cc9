use std::time::Duration;

use bytes::Bytes;
use cache_api::{Cache, Error, Result};

use super::{fixed::Fixed, sliding::Sliding};
use crate::{
    handle::{Space, count},
    to_key::ToKey,
};

/// So many in so much time, by [`Space::rate_limit`]. Cheap to clone.
///
/// ```
/// # use larder::prelude::*;
/// # use std::time::Duration;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), larder::Error> {
/// # let larder = larder::open("memory:").await?;
/// let mails = larder.namespace("mails")?.rate_limit(100, Duration::from_secs(3600)).sliding();
/// let decision = mails.check_n("ada@example.org", 30).await?;
/// assert!(decision.allowed);
/// assert_eq!(decision.remaining, 70);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is limited until it is checked"]
pub struct RateLimit {
    space: Space,
    pub(super) limit: u32,
    pub(super) per: Duration,
    window: Window,
}

#[derive(Debug, Clone, Copy)]
enum Window {
    Fixed,
    Sliding,
}

/// Whether something may be done, by [`RateLimit::check`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decision {
    /// It may, and is counted.
    pub allowed: bool,
    /// So much more may be done now.
    pub remaining: u32,
    /// When it is worth asking again, if nothing else is done until then. Zero if it is allowed.
    pub retry_after: Duration,
}

impl Space {
    /// A limit of so many in so much time, for each key. [The module](crate::rate) says what it promises.
    ///
    /// The time is at least a millisecond and at most a year. Limits on the same keys with different times
    /// are counted apart, so that there can be one per second and one per day; those with the same time
    /// are one, so give each thing that is limited a space of its own. The limit itself may change while
    /// it is counted.
    pub fn rate_limit(&self, limit: u32, per: Duration) -> RateLimit {
        const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
        let per = per.clamp(Duration::from_millis(1), YEAR);
        // Whole milliseconds, rounded as lifetimes are.
        let per = Duration::from_millis(per.as_nanos().div_ceil(1_000_000) as u64);
        RateLimit { space: self.clone(), limit, per, window: Window::Fixed }
    }
}

impl RateLimit {
    /// The window begins with the first request and ends with the time: the default. Needs no clocks.
    pub fn fixed(mut self) -> Self {
        self.window = Window::Fixed;
        self
    }

    /// The window moves along, approximately: no burst where two windows meet. Goes by the wall clock.
    pub fn sliding(mut self) -> Self {
        self.window = Window::Sliding;
        self
    }

    /// Whether one more is allowed, which then counts. One round trip, two if it is refused.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidKey`], or the store's: what is to happen then is for
    /// [the application](crate::rate#when-the-store-is-down) to say.
    pub fn check<K: ToKey>(
        &self,
        key: K,
    ) -> impl Future<Output = Result<Decision>> + Send + use<K> {
        self.check_n(key, 1)
    }

    /// Whether so many at once are allowed, all or none. Another round trip with a fixed window, which
    /// must not count what is refused. More than the limit never are, and do not count.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub fn check_n<K: ToKey>(
        &self,
        key: K,
        n: u32,
    ) -> impl Future<Output = Result<Decision>> + Send + use<K> {
        let (limit, counters) = (self.clone(), self.counters(&key));
        async move {
            let counters = counters?;
            if n > limit.limit {
                return Ok(Decision::refused(0, limit.per));
            }
            let decision = match counters {
                Counters::Fixed(counter) => counter.check(&limit, n).await,
                Counters::Sliding(counters) => counters.check(&limit, n).await,
            };
            if decision.is_err() {
                count(&limit.space.larder().inner.counters.errors);
            }
            decision
        }
    }

    fn counters(&self, key: &impl ToKey) -> Result<Counters> {
        let rates = self.space.reserved("rate")?;
        let now_ms = self.space.larder().now_ms();
        Ok(match self.window {
            Window::Fixed => Counters::Fixed(Fixed::new(&rates, key, self.per_ms())?),
            Window::Sliding => Counters::Sliding(Sliding::new(&rates, key, self.per_ms(), now_ms)?),
        })
    }

    pub(super) fn store(&self) -> &dyn Cache {
        self.space.store().as_ref()
    }

    /// Checked where the limit is made: at most a year.
    pub(super) const fn per_ms(&self) -> u64 {
        self.per.as_millis() as u64
    }
}

/// What is counted where, for one check.
enum Counters {
    Fixed(Fixed),
    Sliding(Sliding),
}

impl Decision {
    pub(super) const fn allowed(remaining: u32) -> Self {
        Self { allowed: true, remaining, retry_after: Duration::ZERO }
    }

    pub(super) const fn refused(remaining: u32, retry_after: Duration) -> Self {
        Self { allowed: false, remaining, retry_after }
    }
}

/// What a counter says. None there is zero, and so is one that was given back more than it had.
pub(super) fn number(store: &dyn Cache, counter: Option<&Bytes>) -> Result<u64> {
    let Some(counter) = counter else { return Ok(0) };
    let number = std::str::from_utf8(counter).ok().and_then(|text| text.parse::<i64>().ok());
    let number = number.ok_or_else(|| Error::NotANumber { backend: store.name() })?;
    Ok(u64::try_from(number).unwrap_or(0))
}
