//! Leases that nobody holds any more and that stand all the same, or may yet: the store does not answer.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::Place;
use crate::envelope::Stamp;

/// How often the store is asked to remove one: at first, and at last.
const EACH: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(100));
/// A store that is silent for longer is not asked any more: then a lease dies of age.
const FOR: Duration = Duration::from_secs(60);

/// Those of this process. Whoever finds one knows that nobody is at work under it.
#[derive(Debug, Default)]
pub(crate) struct GivenUp(Mutex<HashSet<Stamp>>);

/// One of them, until this is dropped.
#[derive(Debug)]
pub(super) struct Noted {
    among: Arc<GivenUp>,
    stamp: Stamp,
}

impl GivenUp {
    pub(crate) fn has(&self, stamp: Stamp) -> bool {
        self.lock().contains(&stamp)
    }

    pub(super) fn note(self: &Arc<Self>, stamp: Stamp) -> Noted {
        self.lock().insert(stamp);
        Noted { among: Arc::clone(self), stamp }
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<Stamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        self.among.lock().remove(&self.stamp);
    }
}

/// Removes it, if it stands. `false`: the store did not answer.
pub(super) async fn remove(place: &Place, stamp: Stamp) -> bool {
    match place.store.delete_if(&place.key, stamp.condition()).await {
        Ok(_) => true,
        Err(error) => {
            tracing::debug!(key = place.shown(), %error, "a lease could not be removed");
            !error.is_unavailable()
        }
    }
}

/// Removes what is nobody's, as soon as the store answers again: it may stand, or may land when the store
/// goes on, and then whoever comes would wait for someone who is not at work.
pub(super) async fn withdraw(place: &Place, stamp: Stamp) {
    let until = place.clock.now() + FOR;
    let mut pause = EACH.0;
    while place.clock.now() < until {
        place.clock.sleep(pause).await;
        if remove(place, stamp).await {
            return;
        }
        pause = (pause * 2).min(EACH.1);
    }
}
