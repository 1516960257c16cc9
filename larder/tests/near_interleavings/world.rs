//! What plays: those who make copies, somebody who changes the entry, whoever listens to the reports, and
//! one who clears all this process keeps.

use std::time::{Duration, Instant};

use cache_api::{Key, Namespace};
use shuttle::{
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
};

use crate::near::{
    tokens::Tokens,
    trust::{Mode, Trust},
};

/// The rules that are broken.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Habits {
    pub(crate) keeps_after_the_check: bool,
    pub(crate) reads_first: bool,
    pub(crate) drops_before_it_kills: bool,
    pub(crate) conceals_gaps: bool,
}

const NONE: u64 = u64::MAX;

/// What is told of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Report {
    Changed(u64),
    /// Something may have gone untold.
    Gap,
    /// From here on all is told: what stands there now is the oldest there may be.
    Armed(u64),
}

struct World {
    habits: Habits,
    key: Key,
    /// The entry, as it stands in the store.
    entry: AtomicU64,
    tokens: Tokens,
    trust: Trust,
    /// What a look-up that begins now must not be behind. `NONE`: it must find no copy at all.
    told: AtomicU64,
    /// The copy: of which entry, and made in which epoch.
    copy: Mutex<Option<(u64, u64)>>,
}

/// One run. Panics if a copy is served that is older than what was told.
pub(crate) fn play(habits: Habits) {
    let trust = Trust::new(Instant::now(), Duration::MAX, false);
    trust.turn(Mode::Watched);
    let world = Arc::new(World {
        habits,
        key: Namespace::new("n").and_then(|space| space.key("k")).expect("a valid key"),
        entry: AtomicU64::new(1),
        tokens: Tokens::new(),
        trust,
        told: AtomicU64::new(1),
        copy: Mutex::new(None),
    });
    let (reports, heard) = mpsc::channel();
    let mut threads = Vec::new();
    let mut spawn = |part: Box<dyn FnOnce(&World) + Send>| {
        let world = Arc::clone(&world);
        threads.push(thread::spawn(move || part(&world)));
    };
    for _ in 0..2 {
        spawn(Box::new(World::fill));
    }
    spawn(Box::new(move |world| world.change(&reports)));
    spawn(Box::new(move |world| heard.into_iter().for_each(|report| world.hear(report))));
    spawn(Box::new(|world| world.trust.renew()));
    spawn(Box::new(|world| (0..4).for_each(|_| world.look())));
    threads.into_iter().for_each(|thread| thread.join().expect("it did not panic"));

    world.look();
    assert!(world.tokens.is_empty(), "a fill was left");
}

impl World {
    /// Reads the entry and keeps a copy, if it may.
    fn fill(&self) {
        let read = || self.entry.load(Ordering::SeqCst);
        let early = self.habits.reads_first.then(read);
        let epoch = self.trust.epoch();
        if Trust::mode(epoch) == Mode::Gap {
            return;
        }
        let token = self.tokens.begin(&self.key, epoch);
        let entry = early.unwrap_or_else(read);
        let now = self.trust.epoch();
        let keep = || *self.copy() = Some((entry, now));
        if self.habits.keeps_after_the_check {
            if token.finish(now, || {}) {
                keep();
            }
        } else {
            token.finish(now, keep);
        }
    }

    /// Changes the entry, which is told, and again in a gap.
    fn change(&self, reports: &mpsc::Sender<Report>) {
        let tell = |report| reports.send(report).expect("the other end listens until we are gone");
        let change = |to| self.entry.store(to, Ordering::SeqCst);
        for to in 2..=3 {
            change(to);
            tell(Report::Changed(to));
        }
        tell(Report::Gap);
        change(4);
        tell(Report::Armed(4));
    }

    fn hear(&self, report: Report) {
        match report {
            Report::Changed(_) if self.habits.drops_before_it_kills => {
                *self.copy() = None;
                self.tokens.kill(&self.key, || {});
            }
            Report::Changed(_) => self.tokens.kill(&self.key, || *self.copy() = None),
            _ if self.habits.conceals_gaps => {}
            Report::Gap => self.trust.turn(Mode::Gap),
            Report::Armed(_) => {}
        }
        let told = match report {
            Report::Changed(to) | Report::Armed(to) => to,
            Report::Gap => NONE,
        };
        self.told.store(told, Ordering::SeqCst);
        if let Report::Armed(_) = report {
            self.trust.turn(Mode::Watched);
        }
    }

    fn copy(&self) -> MutexGuard<'_, Option<(u64, u64)>> {
        self.copy.lock().expect("nobody panics who holds it")
    }

    fn look(&self) {
        let told = self.told.load(Ordering::SeqCst);
        let copy = *self.copy();
        let served = copy.filter(|(_, epoch)| self.trust.allows(*epoch, Instant::now()));
        assert!(served.is_none_or(|(entry, _)| entry >= told), "{served:?} after {told}");
    }
}
