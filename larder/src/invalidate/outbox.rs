use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use cache_api::{Error, Key, Namespace, Result};
use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use tokio::task::AbortHandle;

use super::{How, Target, replay::replay};
use crate::{envelope::Mark, handle::Larder, switches::Rule, tags::TagName};

/// How many invalidations are remembered. One more is not, and says so.
const MOST: usize = 100_000;

/// Invalidations that could not be made yet, each once.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    waiting: Mutex<Waiting>,
    /// How many there are, so that a look-up without any takes no lock.
    count: AtomicUsize,
}

#[derive(Debug, Default)]
struct Waiting {
    targets: HashMap<Target, Asked>,
    /// How often one was asked for.
    asked: u64,
    /// Makes them. None: nobody does.
    replay: Option<AbortHandle>,
}

/// How an invalidation was asked for.
#[derive(Debug)]
struct Asked {
    /// The strongest way, of all the times.
    how: How,
    /// The last time.
    time: u64,
    /// It is being made, for whoever wants it made now.
    attempt: Option<Attempt>,
}

/// In a task of its own: whoever waits for it may leave.
type Attempt = Shared<BoxFuture<'static, Result<()>>>;

/// One that is to be made.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) target: Target,
    how: How,
    time: u64,
}

impl Outbox {
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Remembers one. `false`: there are too many.
    fn put(&self, waiting: &mut Waiting, target: Target, how: How) -> bool {
        if waiting.targets.len() >= MOST && !waiting.targets.contains_key(&target) {
            return false;
        }
        waiting.asked += 1;
        let time = waiting.asked;
        let strongest = waiting.targets.get(&target).map_or(how, |asked| how.max(asked.how));
        // What is being made was asked for before.
        waiting.targets.insert(target, Asked { how: strongest, time, attempt: None });
        self.count.store(waiting.targets.len(), Ordering::Release);
        true
    }

    /// One was made, unless it was asked for again since it was taken from here: what was stored in between
    /// is still to be invalidated.
    fn done(&self, order: &Order) {
        let mut waiting = self.lock();
        let asked = waiting.targets.get(&order.target);
        if asked.is_some_and(|asked| asked.time == order.time) {
            waiting.targets.remove(&order.target);
            self.count.store(waiting.targets.len(), Ordering::Release);
        }
    }

    /// All of them, those first that were asked for first.
    pub(super) fn all(&self) -> Vec<Order> {
        let waiting = self.lock();
        let orders = waiting.targets.iter();
        let mut orders: Vec<_> =
            orders.map(|(target, asked)| asked.order(target.clone())).collect();
        drop(waiting);
        orders.sort_unstable_by_key(|order| order.time);
        orders
    }

    /// Those that concern an entry with these tags.
    fn concerning(&self, key: &Key, names: &[TagName], tags: &[Mark]) -> Vec<Order> {
        let namespace = key.namespace();
        let names = names.iter().cloned();
        let names = names.chain(tags.iter().map(|tag| TagName::from_bytes(tag.name.clone())));
        let tags = names.map(|name| Target::Tag(namespace.clone(), name));
        let clears = with_those_around(&namespace).map(Target::Clear);
        let targets = [Target::Key(key.clone())].into_iter().chain(clears).chain(tags);
        let waiting = self.lock();
        targets.filter_map(|target| Some(waiting.targets.get(&target)?.order(target))).collect()
    }

    /// The attempt to make one, begun now unless it was before. `None`: it was made meanwhile.
    fn attempt(&self, order: &Order, larder: &Larder) -> Option<Attempt> {
        let mut waiting = self.lock();
        let asked = waiting.targets.get_mut(&order.target)?;
        let last = asked.order(order.target.clone());
        let attempt = asked.attempt.get_or_insert_with(|| {
            let larder = larder.clone();
            let made = tokio::spawn(async move {
                last.target.apply(&larder, last.how).await?;
                larder.inner.outbox.done(&last);
                Ok(())
            });
            async { made.await.unwrap_or_else(|_| Err(cut_off())) }.boxed().shared()
        });
        Some(attempt.clone())
    }

    /// It has failed: the next who wants it made tries anew.
    fn failed(&self, order: &Order) {
        if let Some(asked) = self.lock().targets.get_mut(&order.target) {
            asked.attempt = None;
        }
    }

    /// Whether there is nothing left to do for whoever makes them. If so, the next one that is queued needs
    /// somebody else.
    pub(super) fn rests(&self) -> bool {
        let mut waiting = self.lock();
        let rests = waiting.targets.is_empty();
        if rests {
            waiting.replay = None;
        }
        rests
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // What is done under this lock does not panic half way.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// This namespace and all that it lies in.
fn with_those_around(namespace: &Namespace) -> impl Iterator<Item = Namespace> {
    let mut name = Some(namespace.as_str());
    std::iter::from_fn(move || {
        let this = name?;
        name = this.rsplit_once('/').map(|(around, _)| around);
        Namespace::parse(this).ok()
    })
}

impl Larder {
    /// Remembers an invalidation and sees to it that it is made. `false`: there are too many.
    pub(super) fn queue(&self, target: Target, how: How) -> bool {
        let outbox = &self.inner.outbox;
        let mut waiting = outbox.lock();
        if !outbox.put(&mut waiting, target, how) {
            return false;
        }
        if waiting.replay.as_ref().is_none_or(AbortHandle::is_finished) {
            tracing::warn!("an invalidation could not reach the store: it is queued");
            waiting.replay = Some(tokio::spawn(replay(self.downgrade())).abort_handle());
        }
        true
    }

    /// Sees to it that nothing is trusted that an invalidation in the queue concerns: those are made now.
    /// Before an entry is read, of its key and the tags of the call; after it, of the tags that it has.
    ///
    /// # Errors
    ///
    /// They still cannot be made: the entry must not be used.
    pub(crate) async fn settle(&self, key: &Key, names: &[TagName], tags: &[Mark]) -> Result<()> {
        let outbox = &self.inner.outbox;
        if outbox.is_empty() || !self.keeps(Rule::QueuedDistrusted) {
            return Ok(());
        }
        for order in outbox.concerning(key, names, tags) {
            if let Err(error) = order.make(self).await {
                tracing::debug!(%error, "an invalidation is still waiting to be made");
                return Err(error);
            }
        }
        Ok(())
    }

    /// Whether an invalidation in the queue concerns an entry.
    pub(crate) fn distrusts(&self, key: &Key, tags: &[Mark]) -> bool {
        let outbox = &self.inner.outbox;
        !outbox.is_empty()
            && self.keeps(Rule::QueuedDistrusted)
            && !outbox.concerning(key, &[], tags).is_empty()
    }
}

impl Asked {
    const fn order(&self, target: Target) -> Order {
        Order { target, how: self.how, time: self.time }
    }
}

impl Order {
    /// Makes it, and strikes it off: once for all who want it made at a time.
    pub(super) async fn make(&self, larder: &Larder) -> Result<()> {
        let outbox = &larder.inner.outbox;
        let Some(attempt) = outbox.attempt(self, larder) else { return Ok(()) };
        attempt.await.inspect_err(|_| outbox.failed(self))
    }
}

fn cut_off() -> Error {
    Error::Unavailable {
        backend: "larder",
        operation: "invalidate",
        reason: "the runtime is shutting down".into(),
        may_have_applied: true,
        source: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::testing::key_of;

    #[test]
    fn its_room_is_bounded_and_the_strongest_way_counts() {
        let outbox = Outbox::default();
        let target = |number: usize| Target::Key(key_of(&number.to_string()));
        for number in 0..100_000 {
            assert!(outbox.put(&mut outbox.lock(), target(number), How::Softly));
        }
        assert!(!outbox.put(&mut outbox.lock(), target(100_000), How::Hard), "it is full");
        assert!(outbox.put(&mut outbox.lock(), target(7), How::Hard), "but for one that it has");
        assert!(outbox.put(&mut outbox.lock(), target(7), How::Softly));
        assert_eq!(outbox.len(), 100_000);
        let concerning = outbox.concerning(&key_of("7"), &[TagName::GENERATION], &[]);
        assert!(matches!(&concerning[..], [order] if order.how == How::Hard));
        assert!(outbox.concerning(&key_of("100000"), &[], &[]).is_empty());
    }
}
