//! One connection: writes what is queued, many requests at a time, and hands out the answers.

use std::{
    collections::VecDeque,
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use redis::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Sleep,
};

use super::{
    Loss, LossKind,
    deadline::{TICK, allowance},
    decoder::Decoder,
    queue::{Failure, Queue, Reply, Slot},
};

/// A connection with so many timeouts in a row, and not a byte in between, is replaced.
const SILENT_TIMEOUTS: usize = 3;
/// A server that says it is no master is asked again whether it is, not more often than this.
const LEAST_LIFE: Duration = Duration::from_secs(1);

pub(crate) struct Driver<'a, S> {
    queue: &'a Queue,
    socket: S,
    decoder: Decoder,
    /// Being written; how much of the first is; whether the socket took no more.
    writing: VecDeque<Vec<u8>>,
    written: usize,
    blocked: bool,
    /// Sent, or being written, in the order of their answers.
    in_flight: VecDeque<Slot>,
    /// Bytes that came since the first of them became the first.
    arrived: usize,
    tick: Pin<Box<Sleep>>,
    ticking: bool,
    /// The last write took several requests. Then the others are given a turn before the next, so that
    /// theirs are written with the first one's; a caller that is alone does not wait for them.
    crowded: bool,
    waited: bool,
    silence: Silence,
    /// The deadline of a small request.
    patience: Duration,
    since: Instant,
    /// The server says that it is no master: answers are awaited, nothing is sent any more.
    leaving: bool,
}

/// How long nothing was heard.
#[derive(Debug)]
struct Silence {
    heard: Instant,
    timeouts: usize,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Driver<'a, S> {
    pub(crate) fn new(queue: &'a Queue, socket: S, decoder: Decoder, patience: Duration) -> Self {
        let now = Instant::now();
        Self {
            queue,
            socket,
            decoder,
            writing: VecDeque::new(),
            written: 0,
            blocked: false,
            in_flight: VecDeque::new(),
            arrived: 0,
            tick: Box::pin(tokio::time::sleep(TICK)),
            ticking: false,
            crowded: false,
            waited: false,
            silence: Silence { heard: now, timeouts: 0 },
            patience,
            since: now,
            leaving: false,
        }
    }

    /// Runs until the connection is no good any more, and says why.
    pub(crate) async fn run(mut self) -> Loss {
        let loss = match poll_fn(|context| self.poll(context)).await {
            Ok(loss) => loss,
            Err(error) => Loss::io("the connection was lost", error),
        };
        self.queue.release(self.in_flight.len());
        for slot in &mut self.in_flight {
            slot.answer(Err(Failure::Lost { loss: loss.clone(), sent: true }));
        }
        loss
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Loss>> {
        self.queue.waker.register(context.waker());
        self.read(context)?;
        if self.leaving {
            if self.in_flight.is_empty() {
                return Poll::Ready(Ok(Loss::new(
                    LossKind::Unreachable,
                    "the server is no master",
                )));
            }
        } else if self.crowded && !self.waited && self.writing.is_empty() && self.queue.is_waiting()
        {
            self.waited = true;
            context.waker().wake_by_ref();
        } else {
            self.waited = false;
            self.write(context)?;
        }
        self.keep_deadlines(context).map(Ok)
    }

    fn write(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        loop {
            let Some(first) = self.writing.front() else {
                let before = self.in_flight.len();
                if !self.queue.take(&mut self.writing, &mut self.in_flight) {
                    return Ok(());
                }
                self.crowded = self.in_flight.len() - before > 1;
                continue;
            };
            match Pin::new(&mut self.socket).poll_write(context, &first[self.written..])? {
                Poll::Pending => {
                    self.blocked = true;
                    return Ok(());
                }
                Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(bytes) => {
                    if std::mem::take(&mut self.blocked) {
                        // It had taken no more, and does again: somebody is there.
                        self.silence.hear(Instant::now());
                    }
                    self.written += bytes;
                    if self.written == first.len() {
                        self.writing.pop_front();
                        self.written = 0;
                    }
                }
            }
            if self.writing.is_empty() {
                // Does nothing but on sockets with a buffer of their own.
                let _ = Pin::new(&mut self.socket).poll_flush(context)?;
            }
        }
    }

    fn read(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        loop {
            let socket = Pin::new(&mut self.socket);
            let Poll::Ready(bytes) = self.decoder.poll_read(socket, context)? else {
                return Ok(());
            };
            if bytes == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.arrived += bytes;
            self.silence.hear(Instant::now());
            let mut answered = 0;
            while let Some(value) = self.decoder.next()? {
                answered += usize::from(self.answer(value)?);
            }
            if answered > 0 {
                self.arrived = self.decoder.partial();
                self.queue.release(answered);
            }
        }
    }

    /// Gives an answer to whom it belongs. `true` if that was the last one of a request.
    fn answer(&mut self, value: Value) -> io::Result<bool> {
        if matches!(value, Value::Push { .. }) {
            return Ok(false);
        }
        if let Value::ServerError(error) = &value
            && matches!(error.code(), "READONLY" | "MASTERDOWN")
            && self.since.elapsed() >= LEAST_LIFE
        {
            self.leaving = true;
        }
        let Some(slot) = self.in_flight.front_mut() else {
            // Nobody asked: from here on answers and requests would not match.
            return Err(io::Error::new(io::ErrorKind::InvalidData, "an answer without a request"));
        };
        slot.left -= 1;
        match &mut slot.many {
            Some(values) => values.push(value),
            None => slot.answer(Ok(Reply::One(value))),
        }
        if slot.left > 0 {
            return Ok(false);
        }
        if let Some(mut slot) = self.in_flight.pop_front()
            && let Some(values) = slot.many.take()
        {
            slot.answer(Ok(Reply::Many(values)));
        }
        Ok(true)
    }

    /// Ready when the connection has been silent for too long.
    fn keep_deadlines(&mut self, context: &mut Context<'_>) -> Poll<Loss> {
        if !self.ticking {
            if self.in_flight.is_empty() {
                return Poll::Pending;
            }
            self.ticking = true;
            self.tick.as_mut().reset(tokio::time::Instant::now() + TICK);
        }
        loop {
            ready!(self.tick.as_mut().poll(context));
            let now = Instant::now();
            self.expire(now);
            if self.is_silent(now) {
                return Poll::Ready(Loss::new(LossKind::Unreachable, "the server does not answer"));
            }
            self.ticking = !self.in_flight.is_empty();
            if !self.ticking {
                return Poll::Pending;
            }
            self.tick.as_mut().reset(tokio::time::Instant::now() + TICK);
        }
    }

    fn expire(&mut self, now: Instant) {
        self.queue.expire(now);
        // A long answer that is on its way is waited for.
        let mut extra = allowance(self.arrived);
        for slot in &mut self.in_flight {
            if slot.caller.is_some() && slot.until + extra <= now {
                slot.answer(Err(Failure::TimedOut { sent: true }));
                self.silence.timeouts += 1;
            }
            extra = Duration::ZERO;
        }
    }

    fn is_silent(&self, now: Instant) -> bool {
        self.silence.timeouts >= SILENT_TIMEOUTS
            // With few callers so many timeouts take long: one will do, after as long again.
            || self.in_flight.front().is_some_and(|first| {
                now.saturating_duration_since(first.until) >= self.patience
                    && now.saturating_duration_since(self.silence.heard) >= self.patience
            })
    }
}

impl Silence {
    fn hear(&mut self, now: Instant) {
        self.heard = now;
        self.timeouts = 0;
    }
}
