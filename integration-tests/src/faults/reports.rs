//! The reports of changes of a store that a test directs.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    task::{Context, Poll, Waker},
    time::Instant,
};

use async_trait::async_trait;
use cache_api::{Change, ChangeStream, Error, Namespace, Result, Watch};
use futures_util::{Stream, StreamExt};
use tokio::sync::watch;

use super::{
    Gate, Scripted,
    gate::{Barrier, until},
};

/// What those hear who watch a [`Scripted`] store, by [`Scripted::reports`]: what the store underneath
/// reports, when and as far as a test lets it through. Cheap to clone.
///
/// ```
/// use cache_api::{Cache, Change, Clock, Error, Namespace, SetOptions, TestClock, Ttl};
/// use futures_util::{FutureExt, StreamExt};
/// use integration_tests::faults::Scripted;
/// # use backend_memory::MemoryCache;
/// # use std::sync::Arc;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cache_api::Result<()> {
/// let (store, clock) = (Scripted::new(Arc::new(MemoryCache::new())), TestClock::new());
/// let users = Namespace::new("users")?;
/// let key = users.key("42")?;
/// let mut changes = store.watch().unwrap().changes(&[users.clone()]).await?;
///
/// store.reports().hold();
/// let _ = store.set(&key, "Ada".into(), SetOptions::new(Ttl::Never)).await?;
/// store.reports().beat(clock.now());
/// assert!(changes.next().now_or_never().is_none(), "it was written, and is not reported");
/// store.reports().release();
/// assert_eq!(changes.next().await, Some(Change::Entry(key)));
/// assert_eq!(changes.next().await, Some(Change::Beat { sent: clock.now() }));
///
/// store.reports().cut();
/// assert_eq!(changes.next().await, None);
/// store.reports().withdraw();
/// assert!(store.watch().is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Reports(Arc<Desk>);

#[derive(Debug, Default)]
struct Desk {
    held: AtomicBool,
    withdrawn: AtomicBool,
    refusal: Mutex<Option<Error>>,
    arming: Mutex<Option<Arc<Barrier>>>,
    lines: Mutex<Vec<Weak<Line>>>,
    /// The namespaces of every watch that was armed.
    armed: watch::Sender<Vec<Vec<Namespace>>>,
    /// Changes whenever a reader has taken all there was.
    taken: watch::Sender<()>,
}

/// What one reader hears.
#[derive(Debug, Default)]
struct Line(Mutex<Queue>);

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Change>,
    /// What the test says besides: behind everything that the store reported until now.
    told: VecDeque<Change>,
    is_cut: bool,
    has_taken_all: bool,
    reader: Option<Waker>,
}

impl Reports {
    /// From now on reports wait, of beats too, until they are [released](Self::release).
    pub fn hold(&self) {
        self.0.held.store(true, SeqCst);
    }

    /// Ends [`hold`](Self::hold): what waited is reported, in order.
    pub fn release(&self) {
        self.0.held.store(false, SeqCst);
        self.0.each_line(Queue::wake);
    }

    /// Reports this to everyone who watches, whatever they watch.
    #[expect(clippy::needless_pass_by_value, reason = "a change is made for this")]
    pub fn tell(&self, change: Change) {
        self.0.each_line(|queue| {
            queue.told.push_back(change.clone());
            queue.wake();
        });
    }

    /// [Tells](Self::tell) that all changes made before this moment have been reported. Whether that is
    /// true is the test's affair.
    pub fn beat(&self, sent: Instant) {
        self.tell(Change::Beat { sent });
    }

    /// Ends every stream under way. What waited is lost.
    pub fn cut(&self) {
        self.0.each_line(|queue| {
            queue.is_cut = true;
            queue.wake();
        });
    }

    /// From now on nobody may watch: whoever asks gets this error. Streams under way go on.
    pub fn refuse(&self, error: Error) {
        *lock(&self.0.refusal) = Some(error);
    }

    /// From now on the store says that it cannot report changes at all. Streams under way go on.
    pub fn withdraw(&self) {
        self.0.withdrawn.store(true, SeqCst);
    }

    /// Ends [`refuse`](Self::refuse) and [`withdraw`](Self::withdraw).
    pub fn allow(&self) {
        *lock(&self.0.refusal) = None;
        self.0.withdrawn.store(false, SeqCst);
    }

    /// Holds those who ask to watch. They are armed when they go on: what changes before is not reported.
    pub fn hold_arming(&self) -> Gate {
        let barrier = Arc::<Barrier>::default();
        *lock(&self.0.arming) = Some(Arc::clone(&barrier));
        Gate(barrier)
    }

    /// The namespaces of every watch that was armed so far, in order.
    #[must_use]
    pub fn watched(&self) -> Vec<Vec<Namespace>> {
        self.0.armed.borrow().clone()
    }

    /// Waits until so many watches have been armed.
    ///
    /// # Panics
    ///
    /// If they are not for a minute.
    pub async fn armed(&self, times: usize) {
        until(&self.0.armed, |armed| armed.len() >= times, "watches").await;
    }

    /// Waits until everyone who watches has taken all that is not held, and come for more.
    ///
    /// # Panics
    ///
    /// If they have not for a minute.
    pub async fn delivered(&self) {
        self.0.each_line(|queue| {
            queue.has_taken_all = false;
            queue.wake();
        });
        let desk = &self.0;
        let is_taken = |(): &()| {
            let mut all = true;
            desk.each_line(|queue| all &= queue.has_taken_all);
            all
        };
        until(&desk.taken, is_taken, "reports to be taken").await;
    }

    pub(super) fn are_withdrawn(&self) -> bool {
        self.0.withdrawn.load(SeqCst)
    }
}

impl Desk {
    fn each_line(&self, mut what: impl FnMut(&mut Queue)) {
        lock(&self.lines).retain(|line| {
            line.upgrade().is_some_and(|line| {
                what(&mut lock(&line.0));
                true
            })
        });
    }

    /// The stream of the store underneath, as it is heard.
    fn stream(self: Arc<Self>, inner: ChangeStream, namespaces: &[Namespace]) -> ChangeStream {
        let line = Arc::<Line>::default();
        lock(&self.lines).push(Arc::downgrade(&line));
        self.armed.send_modify(|armed| armed.push(namespaces.to_vec()));
        Box::pin(Heard { desk: self, line, inner, has_ended: false })
    }
}

impl Queue {
    fn wake(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

struct Heard {
    desk: Arc<Desk>,
    line: Arc<Line>,
    inner: ChangeStream,
    has_ended: bool,
}

impl Stream for Heard {
    type Item = Change;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Change>> {
        let Self { desk, line, inner, has_ended } = self.get_mut();
        let mut queue = lock(&line.0);
        queue.reader = Some(context.waker().clone());
        while !*has_ended && let Poll::Ready(change) = inner.poll_next_unpin(context) {
            match change {
                Some(change) => queue.waiting.push_back(change),
                None => *has_ended = true,
            }
        }
        let told = std::mem::take(&mut queue.told);
        queue.waiting.extend(told);

        let is_held = desk.held.load(SeqCst) && !queue.is_cut;
        let next = if is_held || queue.is_cut { None } else { queue.waiting.pop_front() };
        queue.has_taken_all = next.is_none();
        let ends = queue.is_cut || (*has_ended && !is_held);
        drop(queue);
        if next.is_none() {
            desk.taken.send_replace(());
        }
        match next {
            None if !ends => Poll::Pending,
            next => Poll::Ready(next),
        }
    }
}

#[async_trait]
impl Watch for Scripted {
    async fn changes(&self, namespaces: &[Namespace]) -> Result<ChangeStream> {
        self.reachable().await?;
        let Reports(desk) = self.reports();
        let refusal = lock(&desk.refusal).clone();
        if let Some(error) = refusal {
            return Err(error);
        }
        let arming = lock(&desk.arming).clone();
        if let Some(barrier) = arming {
            barrier.pass().await;
        }
        let Some(watch) = self.store().watch() else {
            return Err(Error::Unsupported { backend: self.store().name(), operation: "watch" });
        };
        let inner = watch.changes(namespaces).await?;
        Ok(Arc::clone(desk).stream(inner, namespaces))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
