use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use cache_api::{Error, Key, Result};

use super::{How, Target};
use crate::{
    envelope::Mark,
    handle::{Larder, WeakLarder},
    switches::Rule,
};

/// How many invalidations are remembered. One more is not, and says so.
const MOST: usize = 100_000;

/// How long after a failure they are tried again: at first, and at last.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// Invalidations that could not be made yet, each once.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// With the strongest way in which it was asked for.
    waiting: Mutex<HashMap<Target, How>>,
    /// How many there are, so that a look-up without any takes no lock.
    count: AtomicUsize,
}

impl Outbox {
    pub(crate) fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Remembers one. `None`: there are too many. `Some(true)`: it is the first.
    fn put(&self, target: Target, how: How) -> Option<bool> {
        let mut waiting = self.lock();
        if waiting.len() >= MOST && !waiting.contains_key(&target) {
            return None;
        }
        let first = waiting.is_empty();
        let strongest = waiting.entry(target).or_insert(how);
        *strongest = how.max(*strongest);
        self.count.store(waiting.len(), Ordering::Release);
        Some(first)
    }

    /// One was made, in this way.
    fn done(&self, target: &Target, how: How) {
        let mut waiting = self.lock();
        // Asked for more strongly meanwhile, it is still to be made.
        if waiting.get(target).is_some_and(|asked| *asked <= how) {
            waiting.remove(target);
            self.count.store(waiting.len(), Ordering::Release);
        }
    }

    fn all(&self) -> Vec<(Target, How)> {
        self.lock().iter().map(|(target, how)| (target.clone(), *how)).collect()
    }

    /// Those that concern an entry with these tags.
    fn concerning(&self, key: &Key, tags: &[Mark]) -> Vec<(Target, How)> {
        let concerns = |target: &Target| match target {
            Target::Key(waiting) => waiting == key,
            Target::Clear(namespace) => key.is_within(namespace),
            Target::Tag(namespace, name) => {
                key.is_in(namespace) && tags.iter().any(|mark| mark.name == *name.as_bytes())
            }
        };
        let waiting = self.lock();
        let found = waiting.iter().filter(|(target, _)| concerns(target));
        found.map(|(target, how)| (target.clone(), *how)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Target, How>> {
        // What is done under this lock does not panic half way.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Larder {
    /// Remembers an invalidation and sees to it that it is made. `false`: there are too many.
    pub(super) fn queue(&self, target: Target, how: How) -> bool {
        let Some(first) = self.inner.outbox.put(target, how) else { return false };
        if first {
            tracing::warn!("an invalidation could not reach the store: it is queued");
            tokio::spawn(replay(self.downgrade()));
        }
        true
    }

    /// Sees to it that nothing is trusted that an invalidation in the queue concerns: those are made now.
    ///
    /// # Errors
    ///
    /// They still cannot be made: the entry must not be used.
    pub(crate) async fn settle(&self, key: &Key, tags: &[Mark]) -> Result<()> {
        let outbox = &self.inner.outbox;
        if outbox.is_empty() || !self.keeps(Rule::QueuedDistrusted) {
            return Ok(());
        }
        for (target, how) in outbox.concerning(key, tags) {
            target.apply(self, how).await.map_err(untrusted)?;
            outbox.done(&target, how);
        }
        Ok(())
    }

    /// Whether an invalidation in the queue concerns an entry.
    pub(crate) fn distrusts(&self, key: &Key, tags: &[Mark]) -> bool {
        let outbox = &self.inner.outbox;
        !outbox.is_empty()
            && self.keeps(Rule::QueuedDistrusted)
            && !outbox.concerning(key, tags).is_empty()
    }
}

fn untrusted(error: Error) -> Error {
    tracing::debug!(%error, "an invalidation is still waiting to be made");
    error
}

/// Makes what is in the queue, again and again until nothing is left.
async fn replay(larder: WeakLarder) {
    let mut pause = PAUSES.0;
    loop {
        let Some(clock) = larder.upgrade().map(|larder| larder.clock().clone()) else { return };
        clock.sleep(pause).await;
        let Some(larder) = larder.upgrade() else { return };
        for (target, how) in larder.inner.outbox.all() {
            match target.apply(&larder, how).await {
                Ok(()) => {
                    larder.inner.outbox.done(&target, how);
                    pause = PAUSES.0;
                }
                Err(error) if super::call::is_passing(&error) => break,
                Err(error) => {
                    // It never will be made: what it concerns is distrusted for as long as we live.
                    tracing::error!(%error, "an invalidation in the queue was refused");
                }
            }
        }
        if larder.inner.outbox.is_empty() {
            tracing::info!("all invalidations that were queued are made");
            return;
        }
        pause = (pause * 2).min(PAUSES.1);
    }
}
