//! What changed, told to those who watch.

use std::{
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering, fence},
    },
};

use async_trait::async_trait;
use cache_api::{Change, ChangeStream, Key, Namespace, Result, Watch};
use futures_util::stream;
use tokio::sync::mpsc;

/// How many changes a watcher may leave unread before its stream ends.
const UNREAD: usize = 4096;

/// Those who watch, each with a queue of its own: a busy namespace costs the watcher of a quiet one
/// nothing.
pub(crate) struct Changes {
    /// How many there are, so that a write without watchers takes no lock.
    count: AtomicUsize,
    watchers: Mutex<Vec<Watcher>>,
}

struct Watcher {
    namespaces: Box<[Namespace]>,
    queue: mpsc::Sender<Change>,
}

impl Changes {
    pub(crate) fn new() -> Self {
        Self { count: AtomicUsize::new(0), watchers: Mutex::new(Vec::new()) }
    }

    /// To be called once the change is readable.
    pub(crate) fn entry(&self, key: &Key) {
        if self.anyone() {
            self.tell(|namespace| key.is_in(namespace), || Change::Entry(key.clone()));
        }
    }

    /// To be called once the namespace is clear.
    pub(crate) fn namespace(&self, cleared: &Namespace) {
        if self.anyone() {
            self.tell(
                |namespace| cleared.contains(namespace),
                || Change::Namespace(cleared.clone()),
            );
        }
    }

    /// A writer makes its change readable and then looks for watchers; a watcher arms itself and then
    /// reads. The two fences make sure that at least one of them sees the other.
    fn anyone(&self) -> bool {
        fence(Ordering::SeqCst);
        self.count.load(Ordering::Relaxed) > 0
    }

    fn tell(&self, concerns: impl Fn(&Namespace) -> bool, change: impl Fn() -> Change) {
        let mut watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        // A full queue has lost this change: without its sender the stream ends. A closed one is gone.
        watchers.retain(|watcher| {
            if watcher.namespaces.iter().any(&concerns) {
                watcher.queue.try_send(change()).is_ok()
            } else {
                !watcher.queue.is_closed()
            }
        });
        self.count.store(watchers.len(), Ordering::Relaxed);
    }

    fn watch(&self, namespaces: &[Namespace]) -> mpsc::Receiver<Change> {
        let (queue, unread) = mpsc::channel(UNREAD);
        {
            let mut watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
            watchers.retain(|watcher| !watcher.queue.is_closed());
            watchers.push(Watcher { namespaces: namespaces.into(), queue });
            self.count.store(watchers.len(), Ordering::Relaxed);
        }
        fence(Ordering::SeqCst);
        unread
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes").field("watchers", &self.count).finish_non_exhaustive()
    }
}

/// Armed at once. A watcher that leaves 4,096 changes unread loses its stream, not a change; so does
/// one that outlives its store.
#[async_trait]
impl Watch for Changes {
    async fn changes(&self, namespaces: &[Namespace]) -> Result<ChangeStream> {
        let mut unread = self.watch(namespaces);
        Ok(Box::pin(stream::poll_fn(move |context| unread.poll_recv(context))))
    }
}
