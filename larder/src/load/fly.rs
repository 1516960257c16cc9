//! One load, of one key or of several, from the marks at the keys to what becomes of the answers. A task of
//! its own: whoever waits for it may leave, and nobody else notices.

use std::{panic::AssertUnwindSafe, pin::Pin, sync::Arc};

use futures_util::{FutureExt, future::join_all};

use super::{
    LoadContext, LoadError,
    context::Chain,
    flight::Takeoff,
    footing::{Ground, PATIENCE, Site, Start, establish},
    land::{Airborne, Landing},
    loaded::Given,
    readings::Readings,
    shared::{Load, Outcome},
};
use crate::{codec::Codec, envelope::Kind, switches::Rule, typed::Typed};

/// What is loaded, with which loader.
pub(crate) struct Job<T, C, E> {
    pub(crate) typed: Typed<T, C>,
    /// Gives the loader when its source is to be asked: not before, for a load that does not begin leaves it
    /// to the next. `None`: another load has it.
    pub(crate) loader: Box<dyn FnOnce() -> Option<Loader<T, E>> + Send>,
    pub(crate) readings: Readings,
    /// The loads that this one is a part of.
    pub(crate) chain: Option<Arc<Chain>>,
}

/// A loader, whatever it is made of: of all keys that a load has, in their order.
pub(crate) type Loader<T, E> = Box<dyn FnOnce(Vec<LoadContext>) -> Loading<T, E> + Send>;

pub(crate) type Loading<T, E> = Pin<Box<dyn Future<Output = Result<Vec<Given<T>>, E>> + Send>>;

/// A key of a load that is about to begin. If it never does, who waits for it is told.
pub(crate) struct Departure<T: Send + 'static, E: Send + Sync + 'static> {
    takeoff: Takeoff<Load<T, E>>,
    landing: Landing<T, E>,
    ground: Ground,
    pub(crate) site: Site,
}

impl<T: Send + 'static, E: Send + Sync + 'static> Departure<T, E> {
    pub(crate) fn new(takeoff: Takeoff<Load<T, E>>, ground: Ground, site: Site) -> Self {
        let landing = Landing(Arc::clone(takeoff.flight()));
        Self { takeoff, landing, ground, site }
    }

    /// Puts the mark at the key. `None`: whoever waited for this was told to look again.
    async fn establish(self, readings: &Readings) -> Option<Airborne<T, E>> {
        let Self { takeoff, landing, ground, site } = self;
        let start = establish(&site, ground, readings, landing.0.hurried()).await;
        let Some(Start { footing, noted, sequence }) = start else {
            // Off the table first: whoever looks again must not find it there.
            drop(takeoff);
            landing.0.publish(Outcome::Again);
            return None;
        };
        let context = LoadContext::new(&site, noted);
        Some(Airborne { takeoff, landing, site, footing, sequence, context })
    }
}

/// Sees a load through. All its keys have the same options.
///
/// The marks are placed side by side, the source is asked once for all keys whose marks stand, and the
/// answers are kept side by side: nothing here waits for what others load, so that two loads that want each
/// other's keys do not wait for each other.
pub(crate) async fn fly<T, C, E>(departures: Vec<Departure<T, E>>, job: Job<T, C, E>)
where
    T: Send + 'static,
    C: Codec<T>,
    E: Send + Sync + 'static,
{
    let Job { typed, loader, readings, chain } = job;
    let waits_last = typed.larder().keeps(Rule::BatchWaitsLast);
    let others = departures.iter().filter(|_| !waits_last);
    let others: Vec<_> = others.map(|departure| departure.site.clone()).collect();
    let established = departures.into_iter().map(|departure| departure.establish(&readings));
    let flights: Vec<_> = join_all(established).await.into_iter().flatten().collect();
    let Some(site) = flights.first().map(|flight| flight.site.clone()) else { return };
    wait_for_others(&others, &flights).await;
    let Some(loader) = loader() else { return };
    flights.iter().for_each(Airborne::begin);

    let contexts = flights.iter().map(|flight| flight.context.clone()).collect();
    let clock = site.space.larder().clock();
    let begun = clock.now();
    let given = run(&site, loader, contexts, chain).await;
    let took = clock.now().saturating_duration_since(begun);
    typed.counters().loaded(took, given.is_ok());
    match given {
        Ok(given) => {
            let landing = flights.into_iter().zip(given);
            join_all(landing.map(|(flight, given)| flight.land(&typed, given, took))).await;
        }
        Err(error) => {
            join_all(flights.into_iter().map(|flight| flight.fail(error.clone()))).await;
        }
    }
}

/// What a load of several keys must not do, and does only for a test: hold those that it won while it waits
/// for the others.
async fn wait_for_others<T: Send, E: Send + Sync>(others: &[Site], mine: &[Airborne<T, E>]) {
    let is_mine = |site: &&Site| mine.iter().any(|flight| flight.site.key == site.key);
    for site in others.iter().filter(|site| !is_mine(site)) {
        let (store, clock) = (site.space.store(), site.space.larder().clock());
        while let Ok(Some(record)) = store.get(&site.key).await
            && Kind::Lease.begins(&record)
        {
            clock.sleep(PATIENCE / 10).await;
        }
    }
}

/// Asks the source, within the hard timeout.
async fn run<T, E>(
    site: &Site,
    loader: Loader<T, E>,
    contexts: Vec<LoadContext>,
    chain: Option<Arc<Chain>>,
) -> Result<Vec<Given<T>>, LoadError<E>> {
    let flights = Arc::clone(&site.space.larder().inner.flights);
    let keys = contexts.iter().map(|context| context.key().clone()).collect();
    // Called within, so that a panic of the closure itself is one of the loader.
    let loading = async move { loader(contexts).await };
    let loading = AssertUnwindSafe(Chain::load(flights, keys, chain, loading)).catch_unwind();
    tokio::select! {
        given = loading => match given {
            Ok(Ok(given)) => Ok(given),
            Ok(Err(error)) => Err(LoadError::Loader(Arc::new(error))),
            Err(_) => Err(LoadError::Panicked),
        },
        () = site.space.larder().clock().sleep(site.options.hard_timeout) => {
            Err(LoadError::TimedOut)
        }
    }
}
