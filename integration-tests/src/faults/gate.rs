use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::timeout};

/// How long a test waits, in real time, for what it says must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where calls are held, by [`Scripted::hold`](super::Scripted::hold) and
/// [`Scripted::hold_reply`](super::Scripted::hold_reply).
///
/// A gate that is dropped is open: calls that it holds go on, later ones pass.
#[derive(Debug)]
#[must_use = "a gate that is dropped is open"]
pub struct Gate(pub(super) Arc<Barrier>);

impl Gate {
    /// Waits until a call is held, or was.
    ///
    /// # Panics
    ///
    /// If none comes for a minute.
    pub async fn arrived(&self) {
        self.arrived_times(1).await;
    }

    /// Waits until so many calls are held, or were.
    ///
    /// # Panics
    ///
    /// If they do not come for a minute.
    pub async fn arrived_times(&self, calls: usize) {
        self.0.arrived.at_least(calls, "calls that were to be held").await;
    }

    /// Lets them go on, and all that come later.
    pub fn release(&self) {
        self.0.open.send_replace(true);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.release();
    }
}

/// What stands between the calls and their [`Gate`].
#[derive(Debug, Default)]
pub(super) struct Barrier {
    arrived: Tally,
    open: watch::Sender<bool>,
}

impl Barrier {
    /// Tells of the arrival, and waits until it is open.
    pub(super) async fn pass(&self) {
        self.arrived.add();
        let mut open = self.open.subscribe();
        // An error would say that the sender is gone, and it is this one.
        let _ = open.wait_for(|open| *open).await;
    }
}

/// A number that grows, and can be waited for.
#[derive(Debug, Default)]
pub(super) struct Tally(watch::Sender<usize>);

impl Tally {
    pub(super) fn add(&self) {
        self.0.send_modify(|count| *count += 1);
    }

    pub(super) async fn at_least(&self, wanted: usize, what: &str) {
        until(&self.0, |count| *count >= wanted, what).await;
    }
}

/// Waits until a value is like that. What does not come fails the test, instead of hanging it.
#[expect(clippy::panic, reason = "a test that waits for what does not come has failed")]
pub(super) async fn until<T: Send + Sync>(
    value: &watch::Sender<T>,
    is: impl FnMut(&T) -> bool + Send,
    what: &str,
) {
    let mut value = value.subscribe();
    let Ok(_) = timeout(PATIENCE, value.wait_for(is)).await else {
        panic!("waited {PATIENCE:?} for {what}");
    };
}
