//! What happened, and when.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use tokio::time::Instant;

/// In nanoseconds since the beginning. No two are the same: of two things of which one was over before the
/// other began, it is the earlier one.
pub(super) type Moment = u64;

/// All that happened.
#[derive(Debug, Default, Clone)]
pub(super) struct History {
    /// Values by their numbers.
    pub(super) writes: Vec<Write>,
    pub(super) kills: Vec<Kill>,
    pub(super) reads: Vec<Read>,
    /// Calls that may load.
    pub(super) ops: Vec<Stretch>,
    /// Loads.
    pub(super) spans: Vec<Stretch>,
    /// What went wrong besides.
    pub(super) complaints: Vec<String>,
}

/// A value that was loaded or set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Write {
    pub(super) key: u16,
    pub(super) begun: Moment,
    /// A load was over at the moment when its source was asked; a `set` whose outcome is unknown never is.
    pub(super) ended: Moment,
    /// Past its time from then on.
    pub(super) until: Moment,
    /// The source had nothing.
    pub(super) is_nothing: bool,
}

/// Something that replaces or invalidates what was written before, and was done for certain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kill {
    pub(super) key: u16,
    /// Where it was asked for.
    pub(super) server: usize,
    pub(super) begun: Moment,
    pub(super) ended: Moment,
    pub(super) scope: Scope,
}

/// For whom it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Everyone,
    /// It is queued: for the server where it was asked for.
    Own,
}

/// A read that found something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) key: u16,
    pub(super) server: usize,
    pub(super) seen: Seen,
    pub(super) begun: Moment,
    pub(super) ended: Moment,
    /// What others did may become known to it so much later.
    pub(super) told_within: u64,
}

/// What was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// The value of this number.
    Value(usize),
    /// That the source has nothing.
    Nothing,
}

/// Writes down what happens.
#[derive(Debug)]
pub(super) struct Log {
    begin: Instant,
    last: AtomicU64,
    history: Mutex<History>,
}

impl Log {
    pub(super) fn new() -> Self {
        Self { begin: Instant::now(), last: AtomicU64::new(0), history: Mutex::default() }
    }

    /// Now, and after every moment that was told before.
    pub(super) fn now(&self) -> Moment {
        let now = self.begin.elapsed().as_nanos() as Moment;
        let next = |last: Moment| Some(now.max(last + 1));
        match self.last.fetch_update(SeqCst, SeqCst, next) {
            Ok(last) | Err(last) => now.max(last + 1),
        }
    }

    /// A source is asked now: the number of what it gives.
    pub(super) fn load(&self, key: u16, is_nothing: bool) -> usize {
        let mut history = self.history();
        let now = self.now();
        let write = Write { key, begun: now, ended: now, until: Moment::MAX, is_nothing };
        history.writes.push(write);
        history.writes.len() - 1
    }

    /// A value is about to be set: its number.
    pub(super) fn set(&self, key: u16) -> usize {
        let number = self.load(key, false);
        self.history().writes[number].ended = Moment::MAX;
        number
    }

    /// The value was set and replaces what was there, as far as anybody knows.
    pub(super) fn was_set(&self, number: usize, server: usize, lives: Duration) {
        let ended = self.now();
        let mut history = self.history();
        let write = &mut history.writes[number];
        write.ended = ended;
        write.until = ended + lives.as_nanos() as Moment;
        let Write { key, begun, .. } = *write;
        let kill = Kill { key, server, begun, ended, scope: Scope::Everyone };
        history.kills.push(kill);
    }

    /// A load is over, and what it gave lives so long from now.
    pub(super) fn was_loaded(&self, number: usize, lives: Duration) {
        let until = self.now() + lives.as_nanos() as Moment;
        self.history().writes[number].until = until;
    }

    pub(super) fn kill(&self, kill: Kill) {
        self.history().kills.push(kill);
    }

    pub(super) fn read(&self, read: Read) {
        self.history().reads.push(read);
    }

    /// A call that may load has returned.
    pub(super) fn op(&self, server: usize, keys: &[u16], begun: Moment) {
        let op = Stretch { server, keys: keys.to_vec(), begun, ended: self.now() };
        self.history().ops.push(op);
    }

    pub(super) fn complain(&self, what: String) {
        self.history().complaints.push(what);
    }

    pub(super) fn take(&self) -> History {
        std::mem::take(&mut self.history())
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A load under way: written down when it is over, or dropped.
#[derive(Debug)]
pub(super) struct Span<'a> {
    log: &'a Log,
    server: usize,
    keys: Vec<u16>,
    begun: Moment,
}

impl<'a> Span<'a> {
    pub(super) fn new(log: &'a Log, server: usize, keys: &[u16]) -> Self {
        Self { log, server, keys: keys.to_vec(), begun: log.now() }
    }
}

impl Drop for Span<'_> {
    fn drop(&mut self) {
        let Self { log, server, begun, .. } = *self;
        let (keys, ended) = (std::mem::take(&mut self.keys), log.now());
        log.history().spans.push(Stretch { server, keys, begun, ended });
    }
}

/// Something that took time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) server: usize,
    pub(super) keys: Vec<u16>,
    pub(super) begun: Moment,
    pub(super) ended: Moment,
}
