use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
    time::{Duration, Instant},
};

use bytes::Bytes;
use cache_api::Clock;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::{Ending, LiveReader, Unstored, state::State};
use crate::stream::{
    StreamError,
    body::{Body, Failed},
    chunks::Chunks,
    options::Options,
};

/// How long a source waits for a store that does not keep up while a reader waits for the source...
const PATIENCE_READ: Duration = Duration::from_millis(250);

/// ... and while nobody does. The store's own deadline comes first.
const PATIENCE_UNREAD: Duration = Duration::from_secs(10);

/// The longest piece that is handed on as it came; longer ones are cut, without copying.
const MAX_PIECE: usize = 256 << 10;

/// A recording that is being written in this process.
#[derive(Debug)]
pub(crate) struct Live {
    state: Mutex<State>,
    /// Told to the source: there may be room.
    room: Notify,
    /// Told to the storer: there may be something to do.
    work: Notify,
    /// Told to the fill: a reader has left.
    left: Notify,
    /// Where it is stored, if it is.
    pub(crate) chunks: Option<Chunks>,
    pub(crate) begun: Instant,
    /// Until then someone in another process follows, as far as is known.
    followed: Mutex<Option<Instant>>,
    clock: Arc<dyn Clock>,
    budget: Arc<Semaphore>,
    max_length: u64,
    pub(crate) max_fill_time: Duration,
}

/// What the storer sees.
#[derive(Debug)]
pub(crate) struct View {
    /// The offset behind the last byte that came.
    pub(crate) produced: u64,
    /// So many pieces are waiting that they should be stored now.
    pub(crate) crowded: bool,
    /// The source waits for room.
    pub(crate) blocked: bool,
    pub(crate) ending: Option<Ending>,
    pub(crate) unstored: Option<Unstored>,
}

impl Live {
    pub(crate) fn new(
        chunks: Option<Chunks>,
        clock: Arc<dyn Clock>,
        budget: Arc<Semaphore>,
        options: &Options,
    ) -> Arc<Self> {
        let Options { max_length, max_fill_time, window, .. } = *options;
        let begun = clock.now();
        let unstored = chunks.is_none().then_some(Unstored::NotAsked);
        let state = Mutex::new(State::new(window, unstored));
        let (room, work, left) = (Notify::new(), Notify::new(), Notify::new());
        let followed = Mutex::new(None);
        Arc::new(Self {
            state,
            room,
            work,
            left,
            chunks,
            begun,
            followed,
            clock,
            budget,
            max_length,
            max_fill_time,
        })
    }

    /// A reader of the whole body, or `None` if its beginning cannot be had any more.
    pub(crate) fn attach(self: &Arc<Self>) -> Option<LiveReader> {
        let id = self.lock().attach()?;
        Some(LiveReader::new(Arc::clone(self), id))
    }

    /// The same; or one that says that it cannot be had.
    pub(crate) fn reader(self: &Arc<Self>) -> Box<dyn Body> {
        match self.attach() {
            Some(reader) => Box::new(reader),
            None => Box::new(Failed(Some(StreamError::Lagged))),
        }
    }

    /// Hands on what the source gave. Waits while the window is full.
    ///
    /// # Errors
    ///
    /// How the recording ended, if it did.
    pub(crate) async fn push(&self, mut bytes: Bytes) -> Result<(), StreamError> {
        while bytes.len() > MAX_PIECE {
            self.push_piece(bytes.split_to(MAX_PIECE)).await?;
        }
        self.push_piece(bytes).await
    }

    async fn push_piece(&self, bytes: Bytes) -> Result<(), StreamError> {
        let mut permit = self.permit(bytes.len()).await;
        let mut patience: Option<(u64, cache_api::Sleep)> = None;
        loop {
            let stored = {
                let mut state = self.lock();
                match &state.ending {
                    Some(Ending::Failed(error)) => return Err(error.clone()),
                    Some(Ending::Complete { .. }) => {
                        return Err(StreamError::aborted("it has ended"));
                    }
                    None => {}
                }
                // An empty piece ends nothing and holds nothing.
                if bytes.is_empty() {
                    return Ok(());
                }
                if state.pieces.end() + bytes.len() as u64 > self.max_length {
                    state.unstore(Unstored::TooLong);
                }
                if state.has_room(bytes.len() as u64) {
                    state.push(bytes, permit.take());
                    let wakers = state.wakers();
                    let work = state.has_work();
                    drop(state);
                    if work {
                        self.work.notify_one();
                    }
                    wakers.into_iter().for_each(Waker::wake);
                    return Ok(());
                }
                state.blocked = true;
                self.work.notify_one();
                match state.unstored {
                    None => Some((state.table.length(), state.readers() > 0)),
                    Some(_) => None,
                }
            };
            // Another writer there is not: `notify_one` is kept until it is waited for.
            let Some((stored, read)) = stored else {
                self.room.notified().await;
                continue;
            };
            if patience.as_ref().is_none_or(|(then, _)| *then != stored) {
                let patient = if read { PATIENCE_READ } else { PATIENCE_UNREAD };
                patience = Some((stored, self.clock.sleep(patient)));
            }
            let (_, sleep) = patience.as_mut().expect("it was set above");
            tokio::select! {
                () = self.room.notified() => {}
                () = sleep => self.stop_storing(Unstored::StoreSlow),
            }
        }
    }

    /// A part of the budget that all recordings share. `None`: this one is not stored (any more).
    async fn permit(&self, length: usize) -> Option<OwnedSemaphorePermit> {
        if self.unstored().is_some() || length == 0 {
            return None;
        }
        let budget = Arc::clone(&self.budget);
        if let Ok(permit) = Arc::clone(&budget).try_acquire_many_owned(length as u32) {
            return Some(permit);
        }
        let permit = tokio::select! {
            biased;
            permit = budget.acquire_many_owned(length as u32) => permit.ok(),
            () = self.clock.sleep(PATIENCE_READ) => None,
        };
        if permit.is_none() {
            self.stop_storing(Unstored::StoreSlow);
        }
        permit
    }

    /// The source has ended, or has failed. The first ending counts.
    pub(crate) fn end(&self, ending: Ending) {
        let mut state = self.lock();
        if state.ending.is_none() {
            state.ending = Some(ending);
        }
        self.tell(state);
    }

    /// Goes on without the store.
    pub(crate) fn stop_storing(&self, why: Unstored) {
        let mut state = self.lock();
        state.unstore(why);
        self.tell(state);
        self.room.notify_one();
    }

    /// The next chunk stands in the store, and all before it.
    pub(crate) fn stored(&self, length: u32) {
        self.lock().stored(length);
        self.room.notify_one();
    }

    pub(crate) fn view(&self) -> View {
        let state = self.lock();
        View {
            produced: state.pieces.end(),
            crowded: state.pieces.is_crowded(),
            blocked: state.blocked,
            ending: state.ending.clone(),
            unstored: state.unstored,
        }
    }

    /// Bytes that came and are not stored yet.
    pub(crate) fn range(&self, offset: u64, length: usize) -> Vec<Bytes> {
        self.lock().pieces.range(offset, length)
    }

    /// Resolves when so many bytes of the body have come, or something else has happened that the storer
    /// has to look at. One caller.
    pub(crate) async fn work(&self, wake_at: u64) {
        let come = {
            let mut state = self.lock();
            state.wake_at = wake_at;
            state.pieces.end() >= wake_at
        };
        if !come {
            self.work.notified().await;
        }
    }

    /// Resolves when a reader has left. One caller.
    pub(crate) async fn left(&self) {
        self.left.notified().await;
    }

    pub(crate) fn unstored(&self) -> Option<Unstored> {
        self.lock().unstored
    }

    /// Whether its source failed, or it was given up.
    pub(crate) fn has_failed(&self) -> bool {
        matches!(self.lock().ending, Some(Ending::Failed(_)))
    }

    pub(crate) fn produced(&self) -> u64 {
        self.lock().pieces.end()
    }

    /// How many readers follow in this process.
    pub(crate) fn readers(&self) -> usize {
        self.lock().readers()
    }

    /// Someone in another process follows at least until then.
    pub(crate) fn followed_until(&self, until: Instant) {
        *self.followed.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
    }

    /// Whether anyone follows in another process, as far as is known.
    pub(crate) fn is_followed_elsewhere(&self) -> bool {
        let elsewhere = *self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        elsewhere.is_some_and(|until| until > self.clock.now())
    }

    pub(super) fn detach(&self, id: u64) {
        self.lock().detach(id);
        self.room.notify_one();
        self.left.notify_one();
    }

    /// What stands at a reader's position. It frees room only where a reader sets the pace.
    pub(super) fn read<T>(&self, read: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let answer = read(&mut state);
        let paced = state.unstored.is_some();
        drop(state);
        if paced {
            self.room.notify_one();
        }
        answer
    }

    /// Wakes readers and storer, after the lock is given back.
    fn tell(&self, mut state: MutexGuard<'_, State>) {
        let wakers = state.wakers();
        drop(state);
        self.work.notify_one();
        wakers.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // What is done under the lock does not panic half way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
