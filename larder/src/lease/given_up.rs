//! Leases that nobody holds any more and that stand all the same, or may yet: the store does not answer.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures_util::future::join_all;

use super::Place;
use crate::envelope::Stamp;

/// How often a store that does not answer is asked to remove one: at first, and at last.
const EACH: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(100));
/// So many are removed at the same time from one that does.
const TOGETHER: usize = 64;
/// A store that is silent for longer is not asked any more: then a lease dies of age.
const FOR: Duration = Duration::from_secs(60);
/// And so do those that are more than this.
const MOST: usize = 4096;

/// Those of this process. Whoever finds one knows that nobody is at work under it.
#[derive(Debug, Default)]
pub(crate) struct GivenUp(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    noted: HashSet<Stamp>,
    /// To be removed when the store answers again.
    waiting: VecDeque<Forlorn>,
    is_swept: bool,
}

/// One of them, until this is dropped.
#[derive(Debug)]
pub(super) struct Noted {
    among: Arc<GivenUp>,
    stamp: Stamp,
}

/// One that stands, or may land when the store goes on: whoever comes would wait for someone who is not at
/// work.
#[derive(Debug)]
struct Forlorn {
    place: Place,
    noted: Noted,
    until: Instant,
}

impl GivenUp {
    pub(crate) fn has(&self, stamp: Stamp) -> bool {
        self.lock().noted.contains(&stamp)
    }

    pub(super) fn note(self: &Arc<Self>, stamp: Stamp) -> Noted {
        self.lock().noted.insert(stamp);
        Noted { among: Arc::clone(self), stamp }
    }

    fn next(&self, most: usize) -> Vec<Forlorn> {
        let mut state = self.lock();
        let count = state.waiting.len().min(most);
        state.is_swept = count > 0;
        state.waiting.drain(..count).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        self.among.lock().noted.remove(&self.stamp);
    }
}

impl Noted {
    /// Removes it, if it stands, when the store answers again.
    ///
    /// One task does so for all: however many are given up, a store that does not answer is asked for one
    /// at a time.
    pub(super) fn withdraw(self, place: &Place) {
        let until = place.clock.now() + FOR;
        let among = Arc::clone(&self.among);
        let mut state = among.lock();
        if state.waiting.len() >= MOST {
            // It must not be dropped under the lock.
            drop(state);
            return;
        }
        state.waiting.push_back(Forlorn { place: place.clone(), noted: self, until });
        if !std::mem::replace(&mut state.is_swept, true) {
            drop(state);
            tokio::spawn(sweep(Sweeping(among)));
        }
    }
}

/// However a sweep ends, the next one that is given up begins another.
struct Sweeping(Arc<GivenUp>);

impl Drop for Sweeping {
    fn drop(&mut self) {
        self.0.lock().is_swept = false;
    }
}

async fn sweep(sweeping: Sweeping) {
    let mut pause = EACH.0;
    let mut answers = false;
    loop {
        let batch = sweeping.0.next(if answers { TOGETHER } else { 1 });
        let Some(first) = batch.first() else { return };
        if !answers {
            first.place.clock.sleep(pause).await;
            pause = (pause * 2).min(EACH.1);
        }
        let removed = batch.into_iter().map(async |forlorn| {
            let is_removed = remove(&forlorn.place, forlorn.noted.stamp).await;
            (!is_removed && forlorn.place.clock.now() < forlorn.until).then_some(forlorn)
        });
        let left: Vec<_> = join_all(removed).await.into_iter().flatten().collect();
        answers = left.is_empty();
        sweeping.0.lock().waiting.extend(left);
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
