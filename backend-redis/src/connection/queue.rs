//! What callers and the task of a connection share: the requests that wait to be written.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use futures_util::task::AtomicWaker;
use redis::{Cmd, Value};
use tokio::sync::{Semaphore, oneshot};

use super::Loss;

/// Requests over this size are packed before the lock is taken.
const LARGE_BYTES: usize = 16 << 10;

/// One or several commands that are written together and answered together.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Request<'a> {
    One(&'a Cmd),
    Many(&'a [Cmd]),
}

#[derive(Debug)]
pub(crate) enum Reply {
    One(Value),
    Many(Vec<Value>),
}

/// Why a request has no answer.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    TimedOut { sent: bool },
    Lost { loss: Loss, sent: bool },
}

pub(crate) type Answer = Result<Reply, Failure>;

/// The place of one request in the order of answers. It keeps its place when its caller has gone, so
/// that the answer is taken off the connection and reaches nobody else.
#[derive(Debug)]
pub(crate) struct Slot {
    /// `None`: answered already, with a timeout.
    pub(crate) caller: Option<oneshot::Sender<Answer>>,
    pub(crate) until: Instant,
    /// How many answers are to come, and those that came. Empty for a single one.
    pub(crate) left: usize,
    pub(crate) many: Option<Vec<Value>>,
}

impl Slot {
    pub(crate) fn answer(&mut self, answer: Answer) {
        if let Some(caller) = self.caller.take() {
            // Whoever has gone does not want it.
            let _ = caller.send(answer);
        }
    }
}

#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    /// Wakes the connection's task.
    pub(crate) waker: AtomicWaker,
    /// Bounds the requests that are queued or unanswered.
    permits: Semaphore,
}

#[derive(Debug, Default)]
struct State {
    /// Set: there is no connection, and none to be expected soon.
    down: Option<Loss>,
    /// Packed requests, and one slot for each of them.
    out: VecDeque<Vec<u8>>,
    slots: VecDeque<Slot>,
    /// The task knows that there is something to do.
    awake: bool,
}

impl Queue {
    pub(crate) fn new(max_in_flight: usize) -> Self {
        Self {
            state: Mutex::default(),
            waker: AtomicWaker::new(),
            permits: Semaphore::new(max_in_flight.min(Semaphore::MAX_PERMITS)),
        }
    }

    /// Sends a request and waits for its answer. The task of the connection keeps the deadline.
    pub(crate) async fn call(&self, request: Request<'_>, until: Instant) -> Answer {
        let permit = match self.permits.try_acquire() {
            Ok(permit) => permit,
            Err(_) => self.wait_for_permit(until).await?,
        };
        let answer = self.push(request, until)?;
        permit.forget();
        answer.await.unwrap_or_else(|_| {
            let loss = Loss::new(super::LossKind::Unreachable, "the connection's task has ended");
            Err(Failure::Lost { loss, sent: true })
        })
    }

    async fn wait_for_permit(
        &self,
        until: Instant,
    ) -> Result<tokio::sync::SemaphorePermit<'_>, Failure> {
        if let Some(loss) = &self.lock().down {
            return Err(Failure::Lost { loss: loss.clone(), sent: false });
        }
        match tokio::time::timeout_at(until.into(), self.permits.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            // The semaphore is never closed.
            Ok(Err(_)) | Err(_) => Err(Failure::TimedOut { sent: false }),
        }
    }

    fn push(
        &self,
        request: Request<'_>,
        until: Instant,
    ) -> Result<oneshot::Receiver<Answer>, Failure> {
        let packed = request.pack_if_large();
        let (caller, answer) = oneshot::channel();
        let slot = request.slot(caller, until);
        let wake = {
            let mut state = self.lock();
            if let Some(loss) = &state.down {
                return Err(Failure::Lost { loss: loss.clone(), sent: false });
            }
            match packed {
                Some(packed) => state.out.push_back(packed),
                None => match state.out.back_mut().filter(|last| last.len() < LARGE_BYTES) {
                    Some(last) => request.pack(last),
                    None => {
                        let mut packed = Vec::with_capacity(1024);
                        request.pack(&mut packed);
                        state.out.push_back(packed);
                    }
                },
            }
            state.slots.push_back(slot);
            !std::mem::replace(&mut state.awake, true)
        };
        if wake {
            self.waker.wake();
        }
        Ok(answer)
    }

    /// Moves what is queued to the task. `false`, and the next caller wakes the task, if nothing is.
    pub(crate) fn take(&self, out: &mut VecDeque<Vec<u8>>, slots: &mut VecDeque<Slot>) -> bool {
        let mut state = self.lock();
        if state.slots.is_empty() {
            state.awake = false;
            return false;
        }
        out.append(&mut state.out);
        slots.append(&mut state.slots);
        true
    }

    pub(crate) fn is_waiting(&self) -> bool {
        !self.lock().slots.is_empty()
    }

    /// Makes room for other requests.
    pub(crate) fn release(&self, requests: usize) {
        if requests > 0 {
            self.permits.add_permits(requests);
        }
    }

    /// Requests may be queued: there is a connection, or one is expected at once.
    pub(crate) fn open(&self) {
        self.lock().down = None;
    }

    /// Fails what is queued, and every request until `open`.
    pub(crate) fn close(&self, loss: &Loss) {
        let slots = {
            let mut state = self.lock();
            state.down = Some(loss.clone());
            state.out.clear();
            state.awake = false;
            std::mem::take(&mut state.slots)
        };
        self.release(slots.len());
        for mut slot in slots {
            slot.answer(Err(Failure::Lost { loss: loss.clone(), sent: false }));
        }
    }

    /// Answers those whose deadline has passed before they were taken. Their requests stay queued and
    /// may yet be sent.
    pub(crate) fn expire(&self, now: Instant) {
        for slot in &mut self.lock().slots {
            if slot.caller.is_some() && slot.until <= now {
                slot.answer(Err(Failure::TimedOut { sent: true }));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Request<'_> {
    fn commands(&self) -> &[Cmd] {
        match self {
            Self::One(command) => std::slice::from_ref(*command),
            Self::Many(commands) => commands,
        }
    }

    fn pack(&self, into: &mut Vec<u8>) {
        for command in self.commands() {
            command.write_packed_command(into);
        }
    }

    fn pack_if_large(&self) -> Option<Vec<u8>> {
        let bytes: usize = self.commands().iter().map(size).sum();
        (bytes > LARGE_BYTES).then(|| {
            let mut packed = Vec::new();
            self.pack(&mut packed);
            packed
        })
    }

    fn slot(&self, caller: oneshot::Sender<Answer>, until: Instant) -> Slot {
        let caller = Some(caller);
        match self {
            Self::One(_) => Slot { caller, until, left: 1, many: None },
            Self::Many(commands) => Slot {
                caller,
                until,
                left: commands.len(),
                many: Some(Vec::with_capacity(commands.len())),
            },
        }
    }
}

/// The bytes of a command's arguments.
pub(crate) fn size(command: &Cmd) -> usize {
    command
        .args_iter()
        .map(|argument| match argument {
            redis::Arg::Simple(bytes) => bytes.len(),
            _ => 0,
        })
        .sum()
}
