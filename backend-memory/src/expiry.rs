//! Lifetimes: deadlines on our clock, and the sweep that gives back what they leave.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use cache_api::{Clock, Ttl};
use tokio::{runtime::Handle, task::AbortHandle};

use crate::{breathe, store::Store};

/// The pause between two sweeps is at least this, and this many times what the last one took: a sweep
/// of a million entries takes 0.8 s, and may cost a fiftieth of one core.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
const PAUSES_PER_SWEEP: u32 = 50;

/// When an entry with this lifetime, written now, dies. `None`: never.
pub(crate) fn deadline(ttl: Ttl, now: Instant) -> Option<Instant> {
    now.checked_add(Duration::from_millis(ttl.millis()?))
}

/// The earliest deadline that may stand in the map: no sweep has anything to do before it.
#[derive(Debug)]
pub(crate) struct Earliest {
    begin: Instant,
    /// Since `begin`, rounded down.
    millis: AtomicU64,
}

impl Earliest {
    const NONE: u64 = u64::MAX;

    pub(crate) fn new(begin: Instant) -> Self {
        Self { begin, millis: AtomicU64::new(Self::NONE) }
    }

    /// To be called once the entry stands in the map.
    pub(crate) fn note(&self, deadline: Instant) {
        // Always a read-modify-write: the sweep's swap then sees the entry, or leaves the note.
        self.millis.fetch_min(self.millis_of(deadline), Ordering::AcqRel);
    }

    pub(crate) fn has_passed(&self, now: Instant) -> bool {
        self.millis.load(Ordering::Acquire) <= self.millis_of(now)
    }

    fn millis_of(&self, instant: Instant) -> u64 {
        instant.saturating_duration_since(self.begin).as_millis() as u64
    }
}

/// One walk over the map. Given up half way, it leaves `Earliest` as it was: passed.
struct Sweep<'a> {
    earliest: &'a Earliest,
    next: Option<Instant>,
}

impl<'a> Sweep<'a> {
    fn begin(earliest: &'a Earliest, now: Instant) -> Self {
        // From here on writers note anew; what they noted before stands in the map and is met.
        earliest.millis.swap(Earliest::NONE, Ordering::AcqRel);
        Self { earliest, next: Some(now) }
    }
}

impl Drop for Sweep<'_> {
    fn drop(&mut self) {
        if let Some(next) = self.next {
            self.earliest.note(next);
        }
    }
}

impl Store {
    /// Removes what is dead, if anything can be.
    pub(crate) async fn sweep(&self) {
        let now = self.clock.now();
        if !self.earliest.has_passed(now) {
            return;
        }
        let mut sweep = Sweep::begin(&self.earliest, now);
        let mut next = None;
        for (looked_at, (key, entry)) in self.map.iter().enumerate() {
            breathe(looked_at).await;
            match entry.deadline {
                Some(deadline) if deadline <= now => self.reclaim(&key),
                Some(deadline) => next = Some(next.map_or(deadline, |next| deadline.min(next))),
                None => {}
            }
        }
        sweep.next = next;
        self.map.run_pending_tasks();
    }
}

/// Starts the task that sweeps and lets moka settle, if there is a runtime to run it. Without one
/// writes do both.
pub(crate) fn maintain(store: &Arc<Store>) -> Option<AbortHandle> {
    let task = run(Arc::downgrade(store), Arc::clone(&store.clock));
    Handle::try_current().ok().map(|runtime| runtime.spawn(task).abort_handle())
}

async fn run(store: Weak<Store>, clock: Arc<dyn Clock>) {
    let mut pause = SHORTEST_PAUSE;
    loop {
        clock.sleep(pause).await;
        let Some(store) = store.upgrade() else { return };
        let begun = clock.now();
        store.map.run_pending_tasks();
        store.sweep().await;
        let took = clock.now().saturating_duration_since(begun);
        pause = (took * PAUSES_PER_SWEEP).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
    }
}
