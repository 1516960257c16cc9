//! What becomes of the answer for a key: who waits for it is told, and the store is given it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use cache_api::{Error, Ttl};
use tokio::sync::Notify;

use super::{
    LoadContext, LoadError, Origin,
    flight::Takeoff,
    footing::{Footing, Site},
    loaded::Given,
    shared::{Load, Outcome, Product},
};
use crate::{
    codec::Codec,
    envelope::{Draft, Lifetime, Mark},
    tags::Sequence,
    to_key::shown,
    typed::Typed,
};

/// Whoever waits for a value waits so long, once it is there, for the store to have it too: so that what
/// is loaded is found from then on. A store that takes longer, or has left a request unanswered, is not
/// waited for.
const COMMIT_WAIT: Duration = Duration::from_millis(100);

/// A key that is being loaded.
pub(super) struct Airborne<T: Send + 'static, E: Send + Sync + 'static> {
    pub(super) takeoff: Takeoff<Load<T, E>>,
    pub(super) landing: Landing<T, E>,
    pub(super) site: Site,
    pub(super) footing: Footing,
    pub(super) sequence: Option<Sequence>,
    pub(super) context: LoadContext,
}

impl<T: Send + 'static, E: Send + Sync + 'static> Airborne<T, E> {
    /// The source is asked now.
    pub(super) fn begin(&self) {
        self.takeoff.begin(self.footing.token());
    }

    /// The source gave this.
    pub(super) async fn land<C: Codec<T>>(
        self,
        typed: &Typed<T, C>,
        given: Given<T>,
        took: Duration,
    ) {
        let Self { takeoff: _takeoff, landing, site, footing, sequence, context } = self;
        let Given { value, terms } = given;
        let marks = site.marks(context.noted(), &terms.tags, sequence.as_ref()).await;
        let lifetime = site.lifetime(value.is_some(), &terms, took);
        let record = encode(typed, &site, value.as_ref(), lifetime, marks.as_deref());
        let publish = |record: Result<Option<Bytes>, Error>, origin| {
            landing.0.publish(Outcome::Loaded(Product::new(value, record, origin, marks.clone())));
        };
        match (record, lifetime, &marks) {
            (Ok(Encoded { record, fits: true, payload }), Some(lifetime), Some(_)) => {
                let doubt = Notify::new();
                let doubted = |_: &Error| doubt.notify_one();
                let keeping = footing.keep(&site, &record, lifetime.ttl(), doubted);
                let mut keeping = std::pin::pin!(keeping);
                let patience = async {
                    tokio::select! {
                        () = doubt.notified() => {}
                        () = site.space.larder().clock().sleep(COMMIT_WAIT) => {}
                    }
                };
                tokio::select! {
                    kept = &mut keeping => {
                        publish(Ok(payload), if kept { Origin::Loaded } else { Origin::Uncached });
                    }
                    () = patience => {
                        publish(Ok(payload), Origin::Loaded);
                        keeping.await;
                    }
                }
            }
            (record, _, None) => {
                publish(record.map(|encoded| encoded.payload), Origin::Uncached);
                footing.doubt(&site).await;
            }
            (record, ..) => {
                publish(record.map(|encoded| encoded.payload), Origin::Uncached);
                footing.pass(&site).await;
            }
        }
    }

    /// The source gave nothing, for this reason.
    pub(super) async fn fail(self, error: LoadError<E>) {
        tracing::debug!(key = shown(&self.site.key), reason = error.kind(), "a load failed");
        self.landing.0.publish(Outcome::Failed(error));
        self.footing.fail(&self.site).await;
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
pub(super) struct Landing<T, E>(pub(super) Arc<Load<T, E>>);

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
