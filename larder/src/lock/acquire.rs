use std::{pin::pin, sync::Arc, time::Duration};

use cache_api::{Condition, Error, Key, Result};

use super::{Guard, LockError};
use crate::{
    handle::{Space, count},
    lease::{self, Place, Taken, Terms},
    pause::Pauses,
    to_key::ToKey,
};

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long after a look at a lock that is taken it is looked at again, if nobody tells before.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// The longest that a lost answer of the store is enquired after.
const PATIENCE: Duration = Duration::from_secs(1);

/// A lock to be acquired, by [`Space::lock`]. It can be acquired again and again.
///
/// ```
/// # use larder::prelude::*;
/// # use std::time::Duration;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), larder::Error> {
/// # let larder = larder::open("memory:").await?;
/// let lock = larder.namespace("jobs")?.lock("nightly").ttl(Duration::from_secs(30));
/// let guard = lock.try_acquire().await?.expect("nobody holds it");
/// assert!(lock.try_acquire().await?.is_none());
/// guard.release().await;
/// assert!(lock.try_acquire().await?.is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is locked until it is acquired"]
pub struct Lock {
    space: Space,
    key: Result<Key>,
    ttl: Duration,
    wait: Duration,
    hold_at_most: Duration,
}

impl Space {
    /// An advisory lock. It has nothing to do with an entry of the same key.
    ///
    /// See [the module](crate::lock) for what it is good for.
    pub fn lock(&self, key: impl ToKey) -> Lock {
        Lock {
            space: self.clone(),
            key: self.reserved("lock").and_then(|locks| locks.key(key)),
            ttl: Duration::from_secs(10),
            wait: Duration::from_secs(5),
            hold_at_most: DAY,
        }
    }
}

impl Lock {
    /// How long it stays taken when its holder dies. Default: 10 s; at least 100 ms, at most an hour.
    ///
    /// It is renewed after a third of that, so a pause of the process, or a time without the store, that
    /// is longer than two thirds of it may cost the lock.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl.clamp(Duration::from_millis(100), HOUR);
        self
    }

    /// How long [`acquire`](Self::acquire) waits for it. Default: 5 s; at most a day.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait.min(DAY);
        self
    }

    /// How long it is renewed. After that it ends with its lifetime, so that a holder that hangs does not
    /// keep it for ever. Default: a day; at most thirty.
    pub fn hold_at_most(mut self, time: Duration) -> Self {
        self.hold_at_most = time.min(30 * DAY);
        self
    }

    /// Takes it if nobody holds it: `None` if someone does. One round trip.
    ///
    /// A future that is dropped leaves no lock behind: what it placed is removed.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidKey`], or the store's. After one that
    /// [may have been applied](Error::may_have_applied) the lock may stand with no holder, until its
    /// lifetime is over.
    pub fn try_acquire(&self) -> impl Future<Output = Result<Option<Guard>>> + Send + use<> {
        let lock = self.clone();
        async move { lock.take(&lock.place()?).await }
    }

    /// Takes it as soon as nobody holds it, waiting [so long](Self::wait) for that. One round trip, and
    /// one more for each look while it waits: when it is released in this process, and else at growing
    /// intervals of up to half a second. There is no queue: whoever looks first gets it.
    ///
    /// A future that is dropped leaves no lock behind.
    ///
    /// # Errors
    ///
    /// [`LockError::Busy`] after the wait, and at once [`LockError::Store`] as with
    /// [`try_acquire`](Self::try_acquire). It takes the wait and one answer of the store at most.
    pub fn acquire(&self) -> impl Future<Output = Result<Guard, LockError>> + Send + use<> {
        let lock = self.clone();
        async move {
            let place = lock.place()?;
            let begun = place.clock.now();
            let waiter = lock.space.larder().inner.wake.watch(&place.key);
            let mut pauses = Pauses::new(FIRST_PAUSE, LONGEST_PAUSE);
            loop {
                // Before looking, so that no release falls between the two.
                let mut released = pin!(waiter.notify.notified());
                released.as_mut().enable();
                if let Some(guard) = lock.take(&place).await? {
                    return Ok(guard);
                }
                let waited = place.clock.now() - begun;
                let left = lock.wait.saturating_sub(waited);
                if left.is_zero() {
                    return Err(LockError::Busy { waited });
                }
                tokio::select! {
                    () = released => {}
                    () = place.clock.sleep(pauses.next().min(left)) => {}
                }
            }
        }
    }

    async fn take(&self, place: &Place) -> Result<Option<Guard>> {
        match lease::take(place.clone(), Condition::Absent, self.terms(), &[]).await {
            Taken::Held(held) => {
                let (larder, key) = (self.space.larder().clone(), place.key.clone());
                let inner = Arc::clone(&larder.inner);
                held.at_end(move || inner.wake.changed(&key));
                Ok(Some(Guard::new(place.key.clone(), held)))
            }
            Taken::Refused => Ok(None),
            Taken::Failed(error) => {
                count(&self.space.larder().inner.counters.errors);
                Err(error)
            }
        }
    }

    fn place(&self) -> Result<Place, Error> {
        Ok(self.space.place(self.key.clone()?))
    }

    fn terms(&self) -> Terms {
        let heartbeat = self.ttl / 2;
        Terms { heartbeat, renew_for: self.hold_at_most, patience: heartbeat.min(PATIENCE) }
    }
}
