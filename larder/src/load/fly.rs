//! One load, from the mark at the key to what becomes of it. A task of its own: whoever waits for it may
//! leave, and nobody else notices.

use std::{
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use cache_api::{Error, Ttl};
use futures_util::FutureExt;

use super::{
    LoadContext, LoadError, Origin,
    context::Chain,
    flight::Takeoff,
    footing::{Ground, Site, Start, establish},
    loaded::Given,
    shared::{Load, Outcome, Product},
};
use crate::{
    codec::Codec,
    envelope::{Draft, Lifetime, Mark},
    tags::View,
    to_key::shown,
    typed::Typed,
};

/// Whoever waits for a value waits so long, once it is there, for the store to have it too: so that what
/// is loaded is found from then on. A store that takes longer is not waited for.
const COMMIT_WAIT: Duration = Duration::from_millis(100);

/// What is loaded, with which loader, and how it is kept.
pub(crate) struct Job<T, C, E> {
    pub(crate) typed: Typed<T, C>,
    pub(crate) site: Site,
    /// Taken out when its source is asked.
    pub(crate) loader: LoaderCell<T, E>,
    /// Whether what it gives may have tags of its own.
    pub(crate) names_tags: bool,
    /// The loads that this one is a part of.
    pub(crate) chain: Option<Arc<Chain>>,
}

/// The loader of a call, until a load takes it.
pub(crate) type LoaderCell<T, E> = Arc<Mutex<Option<Loader<T, E>>>>;

/// A loader, whatever it is made of.
pub(crate) type Loader<T, E> = Box<dyn FnOnce(LoadContext) -> Loading<T, E> + Send>;

pub(crate) type Loading<T, E> = Pin<Box<dyn Future<Output = Result<Given<T>, E>> + Send>>;

/// Sees a load through.
pub(crate) async fn fly<T, C, E>(
    takeoff: Takeoff<Load<T, E>>,
    ground: Ground,
    tags: View,
    job: Job<T, C, E>,
) where
    T: Send + 'static,
    C: Codec<T>,
    E: Send + Sync + 'static,
{
    // If the runtime ends under it, nobody waits for ever.
    let landing = Landing(Arc::clone(takeoff.flight()));
    let Job { typed, site, loader, names_tags, chain } = job;
    let start = establish(&site, ground, tags, names_tags, landing.0.hurried()).await;
    let Some(start) = start else {
        // Off the table first: whoever looks again must not find it there.
        drop(takeoff);
        return landing.0.publish(Outcome::Again);
    };
    let Start { footing, noted, sequence } = start;
    let loader = loader.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(loader) = loader else { return };
    takeoff.begin(footing.token());

    let context = LoadContext::new(site.space.clone(), site.key.clone(), noted);
    let clock = site.space.larder().clock();
    let begun = clock.now();
    let given = run(&site, loader, context.clone(), chain).await;
    let took = clock.now().saturating_duration_since(begun);
    typed.counters().loaded(took, given.is_ok());

    let Given { value, terms } = match given {
        Ok(given) => given,
        Err(error) => {
            tracing::debug!(key = shown(&site.key), reason = error.kind(), "a load failed");
            landing.0.publish(Outcome::Failed(error));
            return footing.fail(&site).await;
        }
    };
    let marks = site.marks(context.noted(), &terms.tags, sequence.as_ref()).await;
    let lifetime = site.lifetime(value.is_some(), &terms, took);
    let record = encode(&typed, &site, value.as_ref(), lifetime, marks.as_deref());
    let publish = |record: Result<Option<Bytes>, Error>, origin| {
        landing.0.publish(Outcome::Loaded(Product::new(value, record, origin, marks.clone())));
    };
    match (record, lifetime, &marks) {
        (Ok(Encoded { record, fits: true, payload }), Some(lifetime), Some(_)) => {
            let keeping = footing.keep(&site, &record, lifetime.ttl());
            let mut keeping = std::pin::pin!(keeping);
            tokio::select! {
                kept = &mut keeping => {
                    publish(Ok(payload), if kept { Origin::Loaded } else { Origin::Uncached });
                }
                () = clock.sleep(COMMIT_WAIT) => {
                    publish(Ok(payload), Origin::Loaded);
                    keeping.await;
                }
            }
        }
        (record, ..) => {
            publish(record.map(|encoded| encoded.payload), Origin::Uncached);
            footing.pass(&site).await;
        }
    }
}

/// Asks the source, within the hard timeout.
async fn run<T, E>(
    site: &Site,
    loader: Loader<T, E>,
    context: LoadContext,
    chain: Option<Arc<Chain>>,
) -> Result<Given<T>, LoadError<E>> {
    // Called within, so that a panic of the closure itself is one of the loader.
    let loading = async move { loader(context).await };
    let loading = AssertUnwindSafe(Chain::load(site.key.clone(), chain, loading)).catch_unwind();
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

/// A value as it is stored, and shared.
struct Encoded {
    record: Bytes,
    /// Whether it is within the limit.
    fits: bool,
    /// The record again, for those who decode a value from it. `None`: there is none.
    payload: Option<Bytes>,
}

fn encode<T: 'static, C: Codec<T>>(
    typed: &Typed<T, C>,
    site: &Site,
    value: Option<&T>,
    lifetime: Option<Lifetime>,
    marks: Option<&[Mark]>,
) -> Result<Encoded, Error> {
    let draft = match value {
        // Whatever its size: those who wait for it get it all the same.
        Some(value) => Draft::encode(&typed.inner.codec, typed.inner.schema, usize::MAX, value)?,
        None => Draft::nothing(),
    };
    let fits = draft.raw_length() <= typed.expected().limit;
    let lifetime = lifetime.unwrap_or_else(|| Lifetime::plain(0, Ttl::Never));
    let record = draft.seal(&site.key, lifetime, marks.unwrap_or_default());
    let payload = value.is_some().then(|| record.clone());
    Ok(Encoded { record, fits, payload })
}

/// However a load ends, who waits for it is told.
struct Landing<T, E>(Arc<Load<T, E>>);

impl<T, E> Drop for Landing<T, E> {
    fn drop(&mut self) {
        self.0.publish(Outcome::Failed(LoadError::Cache(Error::Unavailable {
            backend: "larder",
            operation: "load",
            reason: "the load was cut off: the runtime is shutting down".into(),
            may_have_applied: false,
            source: None,
        })));
    }
}
