use std::{fmt, future::poll_fn, pin::pin, task::Poll, time::Duration};

use cache_api::Key;

use super::LockLost;
use crate::lease::Held;

/// A lock that is held, and renewed in the background. Dropping it releases it, in the background too.
///
/// ```
/// # use larder::prelude::*;
/// # use std::time::Duration;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let larder = larder::open("memory:").await?;
/// # let jobs = larder.namespace("jobs")?;
/// let guard = jobs.lock("nightly").ttl(Duration::from_secs(10)).acquire().await?;
/// assert!(guard.valid_for() > Duration::from_secs(9));
///
/// let rows = guard.run(async { 42 }).await?; // an error if the lock is lost meanwhile
/// assert_eq!(rows, 42);
///
/// let lost = guard.lost();
/// guard.release().await;
/// lost.await;
/// # Ok(())
/// # }
/// ```
#[must_use = "a guard that is dropped releases the lock"]
pub struct Guard {
    key: Key,
    held: Held,
}

impl Guard {
    pub(super) const fn new(key: Key, held: Held) -> Self {
        Self { key, held }
    }

    /// How long the lock is sure to stay taken, if it is not renewed and nobody removes it.
    ///
    /// Counted from the moment before the request of the last renewal that succeeded was sent. Zero when
    /// it is lost, and then for good. [Not a promise](crate::lock): the store may have lost it.
    #[must_use]
    pub fn valid_for(&self) -> Duration {
        self.held.validity().left()
    }

    /// Does something while the lock is held, and cancels it, by dropping the future, when the lock is
    /// lost or its [validity](Self::valid_for) is over.
    ///
    /// The validity is looked at before each poll, so that a process that was paused for too long goes no
    /// further than to its next await. What the future has spawned, and what it has sent already, is not
    /// taken back.
    ///
    /// # Errors
    ///
    /// [`LockLost`]: the future was dropped, wherever it was.
    pub async fn run<F: Future>(&self, future: F) -> Result<F::Output, LockLost> {
        let mut lost = pin!(self.lost());
        let mut future = pin!(future);
        poll_fn(|context| {
            // Both: a timer may be late to wake who waits for it.
            if self.valid_for().is_zero() || lost.as_mut().poll(context).is_ready() {
                return Poll::Ready(Err(LockLost));
            }
            future.as_mut().poll(context).map(Ok)
        })
        .await
    }

    /// Resolves when the lock is lost, its [validity](Self::valid_for) is over, or it is released.
    pub fn lost(&self) -> impl Future<Output = LockLost> + Send + use<> {
        let validity = self.held.validity().clone();
        async move {
            validity.over().await;
            LockLost
        }
    }

    /// Releases it, and returns when it is released or the store did not answer: then it ends with its
    /// lifetime. One round trip. A future that is dropped releases it in the background.
    pub async fn release(self) {
        self.held.release().await;
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("key", &self.key)
            .field("valid_for", &self.valid_for())
            .finish()
    }
}
