//! The changes of a store, told to whoever keeps copies or waits.
//!
//! One task reads one stream of changes, of all namespaces that anyone in this process wants to hear of:
//! a store works for every watcher on every write. A namespace that is wanted later makes it watch anew,
//! which is a gap as any other.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use cache_api::{Cache, Change, ChangeStream, Clock, Error, Namespace};
use futures_util::StreamExt;
use tokio::{runtime::Handle, sync::Notify, task::AbortHandle};

/// How long after a failure to watch it is tried again: at first, and at last.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// How long after the store said that nobody may watch.
const PAUSE_AFTER_REFUSAL: Duration = Duration::from_secs(60);

/// Whoever is told. None of these may wait.
pub(crate) trait Listener: fmt::Debug + Send + Sync + 'static {
    /// Every change that is made from now on is told. The question was sent at this moment.
    fn armed(&self, sent: Instant);
    /// Something changed, or all is well: see [`Change`].
    fn change(&self, change: &Change);
    /// Something may have been missed.
    fn gap(&self);
    /// Changes will not be told: the store cannot, or does not let us.
    fn refused(&self);
}

/// The changes of a store.
#[derive(Debug)]
pub(crate) struct Feed {
    source: Arc<Source>,
    /// The task does not keep it alive.
    _listener: Arc<dyn Listener>,
    task: Mutex<Option<AbortHandle>>,
}

#[derive(Debug)]
struct Source {
    store: Arc<dyn Cache>,
    clock: Arc<dyn Clock>,
    listener: Weak<dyn Listener>,
    wanted: Mutex<BTreeSet<Namespace>>,
    grown: Notify,
}

impl Feed {
    /// Will tell a listener of the changes of a store.
    pub(crate) fn new(
        store: Arc<dyn Cache>,
        clock: Arc<dyn Clock>,
        listener: Arc<dyn Listener>,
    ) -> Self {
        let (wanted, grown) = (Mutex::default(), Notify::new());
        let weak = Arc::downgrade(&listener);
        let source = Arc::new(Source { store, clock, listener: weak, wanted, grown });
        Self { source, _listener: listener, task: Mutex::default() }
    }

    /// Tells of the changes in these namespaces too, and sees to it that it does so: in a task on the
    /// present runtime, if it does not run already.
    pub(crate) fn want(&self, namespaces: &[&Namespace]) {
        {
            let mut wanted = lock(&self.source.wanted);
            let before = wanted.len();
            wanted.extend(namespaces.iter().copied().cloned());
            if wanted.len() > before {
                // Under the lock: what is watched now does not tell of the new ones.
                self.source.tell(|listener| listener.gap());
                self.source.grown.notify_one();
            }
        }
        let Ok(runtime) = Handle::try_current() else { return };
        let mut task = lock(&self.task);
        if task.as_ref().is_none_or(AbortHandle::is_finished) {
            *task = Some(runtime.spawn(read(Arc::clone(&self.source))).abort_handle());
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        if let Some(task) = lock(&self.task).take() {
            task.abort();
        }
    }
}

/// Reads the changes, for ever.
async fn read(source: Arc<Source>) {
    // However this ends, with its runtime for example: nothing is told any more.
    let _gap = GapOnDrop(&source);
    let mut pause = PAUSES.0;
    loop {
        let namespaces: Vec<_> = lock(&source.wanted).iter().cloned().collect();
        let sent = source.clock.now();
        match source.watch(&namespaces).await {
            Ok(changes) => {
                if source.arm(&namespaces, sent) {
                    pause = PAUSES.0;
                    source.pass_on(changes, namespaces.len()).await;
                    source.tell(|listener| listener.gap());
                }
            }
            Err(error) if is_refusal(&error) => {
                tracing::warn!(%error, "changes are not told: copies live for a moment only");
                source.tell(|listener| listener.refused());
                tokio::select! {
                    () = source.clock.sleep(PAUSE_AFTER_REFUSAL) => {}
                    () = source.grown.notified() => {}
                }
            }
            Err(error) => {
                tracing::debug!(%error, "changes are not told for now");
                source.clock.sleep(pause.mul_f64(rand::random_range(0.5..1.0))).await;
                pause = (pause * 2).min(PAUSES.1);
            }
        }
    }
}

impl Source {
    async fn watch(&self, namespaces: &[Namespace]) -> Result<ChangeStream, Error> {
        match self.store.watch() {
            Some(watch) => watch.changes(namespaces).await,
            None => Err(Error::Unsupported { backend: self.store.name(), operation: "watch" }),
        }
    }

    /// Says that all is told, if no more is wanted by now than what is watched.
    fn arm(&self, watched: &[Namespace], sent: Instant) -> bool {
        let wanted = lock(&self.wanted);
        let is_all = wanted.len() == watched.len();
        if is_all {
            self.tell(|listener| listener.armed(sent));
        }
        is_all
    }

    /// Until something may have been missed, or more is wanted.
    async fn pass_on(&self, mut changes: ChangeStream, watched: usize) {
        loop {
            tokio::select! {
                change = changes.next() => match change {
                    Some(change) => self.tell(|listener| listener.change(&change)),
                    None => return,
                },
                () = self.grown.notified() => if lock(&self.wanted).len() > watched {
                    return;
                },
            }
        }
    }

    fn tell(&self, what: impl FnOnce(&dyn Listener)) {
        if let Some(listener) = self.listener.upgrade() {
            what(&*listener);
        }
    }
}

struct GapOnDrop<'a>(&'a Source);

impl Drop for GapOnDrop<'_> {
    fn drop(&mut self) {
        self.0.tell(|listener| listener.gap());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is done under these locks does not panic half way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether to ask again soon would only fill a log.
fn is_refusal(error: &Error) -> bool {
    error.is_unsupported() || matches!(error, Error::PermissionDenied { .. })
}
