use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
    time::{Duration, Instant},
};

use bytes::Bytes;
use cache_api::{Clock, Sleep};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::{
    Ending, LiveReader, Unstored,
    patience::{Cost, Standstill},
    state::{Blocker, State},
};
use crate::stream::{
    StreamError,
    body::{Body, Failed},
    chunks::Chunks,
    options::Options,
};

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
    cost: Mutex<Cost>,
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
            cost: Mutex::default(),
            max_length,
            max_fill_time,
        })
    }

    /// A reader of the whole body, or `None` if its beginning cannot be had any more.
    pub(crate) fn attach(self: &Arc<Self>) -> Option<LiveReader> {
        let id = self.lock().attach()?;
        Some(LiveReader::new(Arc::clone(self), id))
    }

    /// The reader for whom the source was asked: it sets the pace.
    pub(super) fn attach_client(self: &Arc<Self>) -> Option<LiveReader> {
        let id = self.lock().attach_client()?;
        Some(LiveReader::new(Arc::clone(self), id))
    }

    /// A reader; or one that says that it cannot be had.
    pub(crate) fn reader(self: &Arc<Self>) -> Box<dyn Body> {
        boxed(self.attach())
    }

    /// The same for the client of a fill.
    pub(crate) fn client(self: &Arc<Self>) -> Box<dyn Body> {
        boxed(self.attach_client())
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
        // An empty piece ends nothing and holds nothing.
        let length = bytes.len() as u64;
        let mut permit = None;
        let mut standstill = Standstill::default();
        let mut patience: Option<(u64, bool, Sleep)> = None;
        loop {
            let blocker = {
                let mut state = self.lock();
                match &state.ending {
                    Some(Ending::Failed(error)) => return Err(error.clone()),
                    Some(Ending::Complete { .. }) => {
                        return Err(StreamError::aborted("it has ended"));
                    }
                    None if length == 0 => return Ok(()),
                    None => {}
                }
                if state.pieces.end() + length > self.max_length {
                    state.unstore(Unstored::TooLong);
                }
                let blocker = state.blocked_by(length);
                if blocker.is_none() && (permit.is_some() || state.unstored.is_some()) {
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
                state.blocked = matches!(blocker, Some(Blocker::Store { .. }));
                blocker
            };
            // Another writer there is not: `notify_one` is kept until it is waited for.
            let now = self.clock.now();
            match blocker {
                None => permit = self.permit(length as u32).await,
                Some(Blocker::Reader { id, position }) => {
                    // A slow reader takes nothing from other recordings.
                    permit = None;
                    if let Some(left) = standstill.left(id, position, now) {
                        tokio::select! {
                            () = self.room.notified() => {}
                            () = self.clock.sleep(left) => {}
                        }
                    } else if !self.lock().pass_on(id, position) {
                        self.room.notified().await;
                    }
                }
                Some(Blocker::Store { stored, starving }) => {
                    self.work.notify_one();
                    if patience.as_ref().is_none_or(|at| (at.0, at.1) != (stored, starving)) {
                        let patient = self.patience(starving);
                        patience = Some((stored, starving, self.clock.sleep(patient)));
                    }
                    let (.., sleep) = patience.as_mut().expect("it was set above");
                    tokio::select! {
                        () = self.room.notified() => {}
                        () = sleep => self.stop_storing(Unstored::StoreSlow),
                    }
                    self.charge(starving, now);
                }
            }
        }
    }

    /// How long the store may take for its next step.
    fn patience(&self, starving: bool) -> Duration {
        let elapsed = self.clock.now().saturating_duration_since(self.begun);
        self.cost.lock().unwrap_or_else(PoisonError::into_inner).patience(starving, elapsed)
    }

    /// The store was waited for since then.
    fn charge(&self, starving: bool, since: Instant) {
        if starving {
            let waited = self.clock.now().saturating_duration_since(since);
            self.cost.lock().unwrap_or_else(PoisonError::into_inner).add(waited);
        }
    }

    /// A part of the budget that all recordings share. `None`: this one is not stored (any more).
    async fn permit(&self, length: u32) -> Option<OwnedSemaphorePermit> {
        let budget = Arc::clone(&self.budget);
        if let Ok(permit) = Arc::clone(&budget).try_acquire_many_owned(length) {
            return Some(permit);
        }
        let (since, starving) = (self.clock.now(), self.lock().is_starving());
        // Without readers too: others may wait for those who hold it.
        let patient = self.patience(true);
        let permit = tokio::select! {
            biased;
            permit = budget.acquire_many_owned(length) => permit.ok(),
            () = self.clock.sleep(patient) => None,
        };
        self.charge(starving, since);
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

    /// What stands at a reader's position. It matters to the source only where it waits for readers.
    pub(super) fn read<T>(&self, read: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let answer = read(&mut state);
        let paced = state.is_paced();
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

fn boxed(reader: Option<LiveReader>) -> Box<dyn Body> {
    match reader {
        Some(reader) => Box::new(reader),
        None => Box::new(Failed(Some(StreamError::Lagged))),
    }
}
