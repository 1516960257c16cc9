//! Loads in progress in this process, and who may share one.
//!
//! Whoever misses a key may share a load of it only if he could have asked for it himself at that moment
//! and got the same: the load must not have begun before his call, or what he found at the key must be
//! the very mark under which the load is made. Otherwise a caller who comes after an invalidation would
//! be given what was read before it.
//!
//! At most one load of a key runs at a time, unless somebody's patience is over.

use std::{any::Any, collections::HashMap, sync::Arc};

use cache_api::Key;

use super::sync::{AtomicU64, Mutex, MutexGuard, Ordering, PoisonError};
use crate::envelope::Stamp;

/// The loads of a [`Larder`](crate::Larder).
#[derive(Debug, Default)]
pub(crate) struct Flights {
    table: Mutex<HashMap<Key, Vec<Arc<dyn Flight>>>>,
    /// How many loads have begun: the time by which before and after are told.
    begun: AtomicU64,
}

/// A moment, among the beginnings of loads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(u64);

impl Moment {
    /// Before any load began.
    pub(crate) const FIRST: Self = Self(0);
}

/// A load, of whatever type.
pub(crate) trait Flight: Any + Send + Sync + std::fmt::Debug {
    fn course(&self) -> &Course;

    fn form(&self) -> Form;

    /// Whether what it came to is known.
    fn is_over(&self) -> bool;

    /// Resolves when it is.
    fn over(&self) -> Over<'_>;
}

/// How the values of a load are written. What one handle does not read of another's in the store, it does not
/// take from his load either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) codec: u8,
    pub(crate) schema: u32,
}

/// The end of a load.
pub(crate) type Over<'a> = std::pin::Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// How far a load is.
#[derive(Debug, Default)]
pub(crate) struct Course(Mutex<Stage>);

#[derive(Debug, Clone, Copy, Default)]
enum Stage {
    /// Its source was not asked yet: anyone may join.
    #[default]
    Starting,
    /// It was asked at this moment, under this mark at the key.
    Loading { since: Moment, token: Option<Stamp> },
}

/// What somebody who misses a key shall do.
pub(crate) enum Join<F: Flight> {
    /// Share this load.
    Share {
        flight: Arc<F>,
        /// Because its mark was found at the key, and for no other reason: the tags that the load goes by
        /// may have changed since it began.
        by_token: bool,
    },
    /// Wait for this one's end and look again: it began before the call.
    Wait(Arc<dyn Flight>),
    /// Begin this one.
    Start(Takeoff<F>),
    /// There is none.
    None,
}

/// Somebody who misses a key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller {
    /// When the call began.
    pub(crate) begun: Moment,
    /// The mark that its look-up found at the key.
    pub(crate) token: Option<Stamp>,
    /// Whether it waits for loads that it may not share.
    pub(crate) patient: bool,
    /// What it can read.
    pub(crate) form: Form,
}

impl Flights {
    /// Now, for a call that begins.
    pub(crate) fn now(&self) -> Moment {
        Moment(self.begun.load(Ordering::SeqCst))
    }

    /// Finds a load that this caller may share, or begins `new`.
    pub(crate) fn join<F: Flight>(
        self: &Arc<Self>,
        key: &Key,
        caller: Caller,
        new: Option<F>,
    ) -> Join<F> {
        let mut table = self.lock();
        let mut other = None;
        for flight in table.get(key).into_iter().flatten() {
            let by_token = match flight.course().stage() {
                Stage::Starting => false,
                Stage::Loading { since, .. } if since > caller.begun => false,
                Stage::Loading { token, .. } if token.is_some() && token == caller.token => true,
                Stage::Loading { .. } => {
                    other = other.or(Some(flight).filter(|flight| !flight.is_over()));
                    continue;
                }
            };
            let any: Arc<dyn Any + Send + Sync> = Arc::clone(flight) as _;
            match any.downcast::<F>() {
                Ok(flight) if flight.form() == caller.form => {
                    return Join::Share { flight, by_token };
                }
                // The same key loaded as another type, or in another form.
                Ok(_) | Err(_) => other = other.or(Some(flight).filter(|flight| !flight.is_over())),
            }
        }
        if let Some(other) = other.filter(|_| caller.patient) {
            return Join::Wait(Arc::clone(other));
        }
        let Some(new) = new else { return Join::None };
        let flight = Arc::new(new);
        table.entry(key.clone()).or_default().push(Arc::clone(&flight) as Arc<dyn Flight>);
        Join::Start(Takeoff { flights: Arc::clone(self), key: key.clone(), flight })
    }

    /// Whether a load of this process is under way under this mark at the key.
    pub(crate) fn holds(&self, key: &Key, mark: Stamp) -> bool {
        let is_its = |flight: &Arc<dyn Flight>| match flight.course().stage() {
            Stage::Starting => false,
            Stage::Loading { token, .. } => token == Some(mark),
        };
        self.lock().get(key).into_iter().flatten().any(is_its)
    }

    /// Whether nothing is left of any load.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Vec<Arc<dyn Flight>>>> {
        // What is done under this lock does not panic half way.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Course {
    fn stage(&self) -> Stage {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A load that somebody has to see through: dropping this strikes it off the table.
#[derive(Debug)]
pub(crate) struct Takeoff<F: Flight> {
    flights: Arc<Flights>,
    key: Key,
    flight: Arc<F>,
}

impl<F: Flight> Takeoff<F> {
    pub(crate) fn flight(&self) -> &Arc<F> {
        &self.flight
    }

    /// The source is asked now, under this mark at the key. Nobody who comes later may share it but by
    /// that mark.
    pub(crate) fn begin(&self, token: Option<Stamp>) {
        // Under the lock of the stage: whoever finds it `Starting` began before this moment.
        let mut stage = self.flight.course().0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = Moment(self.flights.begun.fetch_add(1, Ordering::SeqCst) + 1);
        *stage = Stage::Loading { since, token };
    }
}

impl<F: Flight> Drop for Takeoff<F> {
    fn drop(&mut self) {
        let mut table = self.flights.lock();
        let this = Arc::as_ptr(&self.flight).cast::<()>();
        if let Some(flights) = table.get_mut(&self.key) {
            flights.retain(|flight| Arc::as_ptr(flight).cast::<()>() != this);
            if flights.is_empty() {
                table.remove(&self.key);
            }
        }
    }
}
