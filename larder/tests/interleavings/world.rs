//! A key, its source, and those who call for it, load it and invalidate it.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::sync::Arc;

use cache_api::{Key, Namespace};
use larder::envelope::{Kind, Stamp};
use shuttle::{
    sync::{
        Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

use crate::load::flight::{Caller, Course, Flight, Flights, Form, Join, Moment, Over, Takeoff};

/// What the callers of a play do, and should not.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Habits {
    /// Whatever they found at the key.
    pub(crate) shares_any_load: bool,
    /// The source is read first, and then it is said that it is.
    pub(crate) begins_after_reading: bool,
    /// Nobody waits for a load that he may not share.
    pub(crate) is_impatient: bool,
    /// Nobody strikes his load off the table.
    pub(crate) forgets_takeoffs: bool,
}

const CALLERS: usize = 3;
const CALLS: usize = 3;
const CHANGES: u64 = 2;
const FORM: Form = Form { codec: 1, schema: 0 };

struct World {
    habits: Habits,
    key: Key,
    flights: Arc<Flights>,
    /// What stands at the key.
    standing: Mutex<Standing>,
    /// The version of the value in the source.
    source: AtomicU64,
    /// The newest version that was invalidated before: no call that begins now may get an older one.
    invalidated: AtomicU64,
    /// Ticks, to tell what was before what.
    time: AtomicU64,
    /// How many loads are under way.
    loading: AtomicUsize,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Standing {
    Nothing,
    Lease(Stamp),
    Value(u64),
}

/// A load of the key.
#[derive(Debug, Default)]
struct Load {
    course: Course,
    /// `Some(None)`: look again.
    outcome: Mutex<Option<Option<u64>>>,
    /// When the source was read.
    read: AtomicU64,
}

impl Load {
    fn publish(&self, outcome: Option<u64>) {
        *self.outcome.lock().unwrap() = Some(outcome);
    }
}

impl Flight for Load {
    fn course(&self) -> &Course {
        &self.course
    }

    fn form(&self) -> Form {
        FORM
    }

    fn is_over(&self) -> bool {
        self.outcome.lock().unwrap().is_some()
    }

    fn over(&self) -> Over<'_> {
        Box::pin(async {
            while !self.is_over() {
                shuttle::future::yield_now().await;
            }
        })
    }
}

/// Callers in threads of their own, and one who changes the source and invalidates it.
pub(crate) fn play(habits: Habits) {
    let world = Arc::new(World {
        habits,
        key: Namespace::new("n").unwrap().key("k").unwrap(),
        flights: Arc::default(),
        standing: Mutex::new(Standing::Nothing),
        source: AtomicU64::new(0),
        invalidated: AtomicU64::new(0),
        time: AtomicU64::new(0),
        loading: AtomicUsize::new(0),
    });
    let mut threads: Vec<_> = (0..CALLERS)
        .map(|_| {
            let world = Arc::clone(&world);
            thread::spawn(move || (0..CALLS).for_each(|_| world.call()))
        })
        .collect();
    threads.push(thread::spawn({
        let world = Arc::clone(&world);
        move || world.change()
    }));
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert!(world.flights.is_empty(), "something is left on the table");
}

impl World {
    fn change(&self) {
        for version in 1..=CHANGES {
            self.source.store(version, SeqCst);
            *self.standing.lock().unwrap() = Standing::Nothing;
            self.invalidated.store(version, SeqCst);
        }
    }

    fn call(self: &Arc<Self>) {
        let least = self.invalidated.load(SeqCst);
        let (called, begun) = (self.time.fetch_add(1, SeqCst), self.flights.now());
        let value = loop {
            let found = *self.standing.lock().unwrap();
            let token = match found {
                Standing::Value(value) => break value,
                Standing::Lease(stamp) => Some(stamp),
                Standing::Nothing => None,
            };
            let caller = Caller {
                begun: if self.habits.shares_any_load { Moment::FIRST } else { begun },
                token,
                patient: !self.habits.is_impatient,
                form: FORM,
            };
            match self.flights.join(&self.key, caller, token.is_none().then(Load::default)) {
                Join::Share { flight, by_token } => {
                    shuttle::future::block_on(flight.over());
                    let outcome = *flight.outcome.lock().unwrap();
                    if let Some(Some(value)) = outcome {
                        let is_new = flight.read.load(SeqCst) > called;
                        assert!(is_new || by_token, "it was read before the call");
                        break value;
                    }
                }
                Join::Wait(flight) => shuttle::future::block_on(flight.over()),
                Join::Start(takeoff) => {
                    assert_eq!(self.loading.fetch_add(1, SeqCst), 0, "two loads at once");
                    let world = Arc::clone(self);
                    // A load is a task of its own; here it is waited for, as shares of it are.
                    let load = thread::spawn(move || world.load(takeoff));
                    if let Some(value) = load.join().unwrap() {
                        break value;
                    }
                }
                // A lease of a load that is over.
                Join::None => thread::yield_now(),
            }
        };
        assert!(value >= least, "{value} was invalidated before the call, which was at {least}");
    }

    fn load(&self, takeoff: Takeoff<Load>) -> Option<u64> {
        let lease = Stamp::new(Kind::Lease);
        let taken = {
            let mut standing = self.standing.lock().unwrap();
            let is_free = *standing == Standing::Nothing;
            if is_free {
                *standing = Standing::Lease(lease);
            }
            is_free
        };
        let flight = Arc::clone(takeoff.flight());
        let read = || {
            flight.read.store(self.time.fetch_add(1, SeqCst), SeqCst);
            self.source.load(SeqCst)
        };
        let value = taken.then(|| {
            if self.habits.begins_after_reading {
                let value = read();
                takeoff.begin(Some(lease));
                return value;
            }
            takeoff.begin(Some(lease));
            read()
        });
        if let Some(value) = value {
            let mut standing = self.standing.lock().unwrap();
            if *standing == Standing::Lease(lease) {
                *standing = Standing::Value(value);
            }
        }
        self.loading.fetch_sub(1, SeqCst);
        flight.publish(value);
        if self.habits.forgets_takeoffs {
            std::mem::forget(takeoff);
        }
        value
    }
}
