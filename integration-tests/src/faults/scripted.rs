use std::{
    panic::resume_unwind,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

use cache_api::{Cache, Capabilities, Error, Key, Op, Result, Watch};
use tokio::{sync::watch, task::yield_now};

use super::{
    Calls, Gate, Late, Reports,
    forward::{Call, Store},
    gate::{Barrier, until},
    late::UnderWay,
    not_connected, timed_out,
};

/// A store that a test directs, call by call. Cheap to clone; clones are the same store.
///
/// What is not directed goes straight to the store underneath. Directions are taken in the order in
/// which they were given: the first one that a call fits is used up by it.
///
/// A caller that is dropped while its call is held or frozen has given up an answer, not the call: it is
/// applied all the same when it goes on, as a request is that was sent.
///
/// ```
/// use cache_api::{Cache, Error, Namespace, Op, SetOptions, Ttl};
/// use integration_tests::faults::{Scripted, on};
/// # use backend_memory::MemoryCache;
/// # use std::sync::Arc;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cache_api::Result<()> {
/// let store = Scripted::new(Arc::new(MemoryCache::new()));
/// let key = Namespace::new("jobs")?.key("1")?;
/// let set = || store.set(&key, "done".into(), SetOptions::new(Ttl::Never));
///
/// store.lose_request(Op::Set);
/// let late = store.late(Op::Set);
/// store.lose_reply(Op::Set);
/// assert!(set().await.unwrap_err().may_have_applied() && store.get(&key).await?.is_none());
/// assert!(set().await.unwrap_err().may_have_applied() && store.get(&key).await?.is_none());
/// assert_eq!(late.land().await?, 1);
/// assert!(store.delete(&key).await?);
/// assert!(set().await.unwrap_err().may_have_applied() && store.get(&key).await?.is_some());
///
/// store.down();
/// assert!(!set().await.unwrap_err().may_have_applied());
/// store.up();
/// assert_eq!((store.calls(Op::Set), store.calls(Op::DeleteIf)), (4, 1));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Scripted(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Arc<dyn Cache>,
    script: Mutex<Vec<(Calls, Act)>>,
    log: watch::Sender<Vec<(Op, Vec<Key>)>>,
    down: AtomicBool,
    frozen: watch::Sender<bool>,
    hesitates: AtomicBool,
    says_shared: AtomicBool,
    reports: Reports,
}

/// What happens to a call.
#[derive(Debug, Clone)]
enum Act {
    Hold(Arc<Barrier>),
    HoldReply(Arc<Barrier>),
    LoseReply,
    LoseRequest,
    Late(Arc<UnderWay>),
    Fail(Error),
    Twice,
}

impl Scripted {
    /// Over a store that does what it should.
    #[must_use]
    pub fn new(store: Arc<dyn Cache>) -> Self {
        Self(Arc::new(Inner {
            store,
            script: Mutex::default(),
            log: watch::Sender::default(),
            down: AtomicBool::new(false),
            frozen: watch::Sender::new(false),
            hesitates: AtomicBool::new(false),
            says_shared: AtomicBool::new(false),
            reports: Reports::default(),
        }))
    }

    /// Says of itself that other processes see its entries, as a store does whose reports of changes can
    /// fall silent, and of which beats are expected.
    #[must_use]
    pub fn shared(self) -> Self {
        self.0.says_shared.store(true, SeqCst);
        self
    }

    /// The store underneath, where nothing goes wrong and nothing is counted.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Cache> {
        &self.0.store
    }

    /// What those hear who [watch](Cache::watch) it.
    #[must_use]
    pub fn reports(&self) -> &Reports {
        &self.0.reports
    }

    /// Holds calls before they are applied.
    pub fn hold(&self, calls: impl Into<Calls>) -> Gate {
        self.barrier(calls, Act::Hold)
    }

    /// Applies calls at once and holds their answers.
    pub fn hold_reply(&self, calls: impl Into<Calls>) -> Gate {
        self.barrier(calls, Act::HoldReply)
    }

    /// Applies calls; their callers are told that no answer came.
    pub fn lose_reply(&self, calls: impl Into<Calls>) {
        self.direct(calls, Act::LoseReply);
    }

    /// Never applies calls; their callers are told that no answer came.
    pub fn lose_request(&self, calls: impl Into<Calls>) {
        self.direct(calls, Act::LoseRequest);
    }

    /// Tells callers that no answer came, and applies the calls when they are [landed](Late::land).
    pub fn late(&self, calls: impl Into<Calls>) -> Late {
        let under_way = Arc::<UnderWay>::default();
        self.direct(calls, Act::Late(Arc::clone(&under_way)));
        Late(under_way)
    }

    /// Never applies calls; their callers get this error.
    pub fn fail(&self, calls: impl Into<Calls>, error: Error) {
        self.direct(calls, Act::Fail(error));
    }

    /// Applies calls twice, one time right after the other. Their callers get the first answer.
    pub fn twice(&self, calls: impl Into<Calls>) {
        self.direct(calls, Act::Twice);
    }

    /// Forgets what was to happen to calls that have not come yet.
    pub fn forget(&self) {
        self.script().clear();
    }

    /// From now on every call fails at once, and is not applied. Nobody can begin to watch; who does
    /// already goes on, unless the reports are [cut](Reports::cut).
    pub fn down(&self) {
        self.0.down.store(true, SeqCst);
    }

    /// Ends [`down`](Self::down).
    pub fn up(&self) {
        self.0.down.store(false, SeqCst);
    }

    /// From now on every call waits until it [thaws](Self::thaw), and is applied then. Who begins to watch
    /// waits too.
    pub fn freeze(&self) {
        self.0.frozen.send_replace(true);
    }

    /// Ends [`freeze`](Self::freeze).
    pub fn thaw(&self) {
        self.0.frozen.send_replace(false);
    }

    /// From now on every call yields to other tasks before it is applied and after it: places where its
    /// caller can be dropped. Dropped at the first, it was never sent.
    pub fn hesitate(&self) {
        self.0.hesitates.store(true, SeqCst);
    }

    /// How many calls of this operation came so far, whatever became of them.
    #[must_use]
    pub fn calls(&self, op: Op) -> usize {
        count(&self.0.log.borrow(), op)
    }

    /// Waits until so many calls of this operation have come.
    ///
    /// # Panics
    ///
    /// If they do not come for a minute.
    pub async fn called(&self, op: Op, times: usize) {
        until(&self.0.log, |log| count(log, op) >= times, "calls").await;
    }

    /// The calls so far, in order, and with which keys. A clear has the key of its namespace with
    /// nothing of the user's.
    #[must_use]
    pub fn log(&self) -> Vec<(Op, Vec<Key>)> {
        self.0.log.borrow().clone()
    }

    /// Begins a new log, and the counts with it.
    pub fn clear_log(&self) {
        self.0.log.send_modify(Vec::clear);
    }

    fn barrier(&self, calls: impl Into<Calls>, act: fn(Arc<Barrier>) -> Act) -> Gate {
        let barrier = Arc::<Barrier>::default();
        self.direct(calls, act(Arc::clone(&barrier)));
        Gate(barrier)
    }

    fn direct(&self, calls: impl Into<Calls>, act: Act) {
        self.script().push((calls.into(), act));
    }

    fn script(&self) -> std::sync::MutexGuard<'_, Vec<(Calls, Act)>> {
        self.0.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to happen to this call. One direction less.
    fn act(&self, op: Op, keys: &[Key]) -> Option<Act> {
        let mut script = self.script();
        let at = script.iter().position(|(calls, _)| calls.include(op, keys))?;
        let (calls, act) = &mut script[at];
        let act = act.clone();
        calls.left = calls.left.saturating_sub(1);
        if calls.left == 0 {
            script.remove(at);
        }
        Some(act)
    }

    pub(super) fn facts(&self) -> Capabilities {
        let facts = self.store().capabilities();
        if self.0.says_shared.load(SeqCst) { facts.shared() } else { facts }
    }

    pub(super) fn watched(&self) -> Option<&dyn Watch> {
        let is_there = !self.reports().are_withdrawn() && self.store().watch().is_some();
        is_there.then_some(self)
    }

    /// Waits while it is frozen. An error while it is down.
    pub(super) async fn reachable(&self) -> Result<()> {
        if self.0.down.load(SeqCst) {
            return Err(Error::Unavailable {
                backend: self.store().name(),
                operation: "watch",
                reason: "not connected".into(),
                may_have_applied: false,
                source: None,
            });
        }
        let mut frozen = self.0.frozen.subscribe();
        // An error says that the test has ended.
        let _ = frozen.wait_for(|frozen| !frozen).await;
        Ok(())
    }

    pub(super) async fn pass<T: Send + 'static>(
        &self,
        op: Op,
        keys: &[Key],
        call: impl Call<T>,
    ) -> Result<T> {
        let hesitates = self.0.hesitates.load(SeqCst);
        if hesitates {
            yield_now().await;
        }
        let answer = self.play(op, keys, call).await;
        if hesitates {
            yield_now().await;
        }
        answer
    }

    async fn play<T: Send + 'static>(&self, op: Op, keys: &[Key], call: impl Call<T>) -> Result<T> {
        self.0.log.send_modify(|log| log.push((op, keys.to_vec())));
        let store = Store(Arc::clone(&self.0.store));
        let lost = timed_out(op);
        if self.0.down.load(SeqCst) {
            return Err(not_connected(op));
        }
        let mut frozen = self.0.frozen.subscribe();
        if *frozen.borrow() {
            let frozen = async move {
                // An error says that the test has ended.
                let _ = frozen.wait_for(|frozen| !frozen).await;
                call(store).await
            };
            return sent(frozen).await;
        }
        match self.act(op, keys) {
            None => call(store).await,
            Some(Act::Hold(barrier)) => {
                let held = async move {
                    barrier.pass().await;
                    call(store).await
                };
                sent(held).await
            }
            Some(Act::HoldReply(barrier)) => {
                let answer = call(store).await;
                barrier.pass().await;
                answer
            }
            Some(Act::LoseReply) => {
                let _ = call(store).await;
                Err(lost)
            }
            Some(Act::LoseRequest) => Err(lost),
            Some(Act::Late(under_way)) => {
                under_way.send(async move { call(store).await.map(drop) });
                Err(lost)
            }
            Some(Act::Fail(error)) => Err(error),
            Some(Act::Twice) => {
                let first = call.clone()(store.clone()).await;
                let _ = call(store).await;
                first
            }
        }
    }
}

fn count(log: &[(Op, Vec<Key>)], op: Op) -> usize {
    log.iter().filter(|(called, _)| *called == op).count()
}

/// In a task of its own: whoever is dropped while he waits for it takes nothing back.
async fn sent<T: Send + 'static>(
    call: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    match tokio::spawn(call).await {
        Ok(answer) => answer,
        Err(panicked) => resume_unwind(panicked.into_panic()),
    }
}
