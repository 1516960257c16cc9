use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use cache_api::Clock;
use tokio::sync::watch;

/// How long a lease of ours is sure to stand, as far as this process knows.
///
/// It is counted from the moment before the request of the last placing or renewal that succeeded was
/// sent, since the store began to count at some time after that. While renewals fail, it runs down.
/// Once it is over it stays so, whatever comes later: its holder may have been told.
#[derive(Debug, Clone)]
pub(crate) struct Validity {
    clock: Arc<dyn Clock>,
    /// `None`: it is lost.
    until: watch::Receiver<Option<Instant>>,
}

impl Validity {
    /// What is left of it. Zero: it is over.
    pub(crate) fn left(&self) -> Duration {
        let now = self.clock.now();
        let until = *self.until.borrow();
        until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }

    /// Waits until it is over.
    pub(crate) async fn over(mut self) {
        loop {
            self.until.mark_unchanged();
            let left = self.left();
            if left.is_zero() {
                return;
            }
            tokio::select! {
                () = self.clock.sleep(left) => {}
                kept = self.until.changed() => if kept.is_err() {
                    // Nobody prolongs it any more.
                    self.clock.sleep(self.left()).await;
                    return;
                },
            }
        }
    }

    /// Waits until nobody keeps the lease any more: it was removed, or handed over.
    pub(super) async fn kept(mut self) {
        while self.until.changed().await.is_ok() {}
    }
}

/// The end of it that is in the hands of whoever keeps the lease.
#[derive(Debug)]
pub(super) struct Standing {
    clock: Arc<dyn Clock>,
    lifetime: Duration,
    until: watch::Sender<Option<Instant>>,
}

impl Standing {
    /// A lease was placed, by a request that was sent then.
    pub(super) fn since(
        sent: Instant,
        lifetime: Duration,
        clock: &Arc<dyn Clock>,
    ) -> (Self, Validity) {
        let (until, seen) = watch::channel(Some(sent + lifetime));
        let clock = Arc::clone(clock);
        let validity = Validity { clock: Arc::clone(&clock), until: seen };
        (Self { clock, lifetime, until }, validity)
    }

    /// It was renewed, by a request that was sent then.
    pub(super) fn renewed(&self, sent: Instant) {
        self.until.send_modify(|until| {
            // The clock is read while nobody else looks: who saw that it was over saw it for good.
            let stood = until.filter(|until| self.clock.now() < *until);
            *until = stood.map(|_| sent + self.lifetime);
        });
    }

    /// It stands no more.
    pub(super) fn lost(&self) {
        self.until.send_replace(None);
    }
}
