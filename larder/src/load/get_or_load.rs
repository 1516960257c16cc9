use std::{fmt, pin::Pin, sync::Arc};

use cache_api::{Error, Key, Result};

use super::{
    Answer, LoadError, Options, Origin,
    call::{Answered, Call},
    flight::Moment,
    footing::Site,
    hand::{Hand, Own},
    options::{call_setters, setters},
    source::OneKey,
    with::LoadWith,
};
use crate::{
    codec::Codec,
    handle::count,
    lookup::{self, Found, Standing},
    typed::Typed,
};

/// A look-up that loads what it does not find. See [`Typed::get_or_load`]. Nothing happens until it is
/// awaited.
#[must_use = "nothing is looked up or loaded until it is awaited"]
pub struct GetOrLoad<T, C, L> {
    pub(crate) request: Request<T, C>,
    pub(crate) loader: L,
}

/// What is asked for, and how.
pub(crate) struct Request<T, C, K = Key> {
    pub(crate) typed: Typed<T, C>,
    pub(crate) key: Result<K>,
    /// What this call says of its own; else the handle's.
    pub(crate) options: Option<Arc<Options>>,
    pub(crate) forced: bool,
}

impl<T, C, K> Request<T, C, K> {
    pub(crate) const fn new(typed: Typed<T, C>, key: Result<K>) -> Self {
        Self { typed, key, options: None, forced: false }
    }

    pub(crate) fn options(&self) -> &Arc<Options> {
        self.options.as_ref().unwrap_or(&self.typed.inner.options)
    }

    pub(crate) fn options_mut(&mut self) -> &mut Options {
        let defaults = &self.typed.inner.options;
        Arc::make_mut(self.options.get_or_insert_with(|| Arc::clone(defaults)))
    }
}

impl<T: 'static, C: Codec<T>, K> Request<T, C, K> {
    /// The answer that stands there, if it may be given as it is. Else what stands there to this call.
    pub(crate) fn take(
        &self,
        standing: Standing,
        takes_nothing: bool,
    ) -> Result<Answer<Option<T>>, Standing> {
        let entry = match standing {
            Standing::Fresh(entry)
                if !self.forced
                    && self.options().refresh_ahead.is_none()
                    && (entry.payload.is_some() || takes_nothing) =>
            {
                entry
            }
            standing => return Err(standing),
        };
        let stamp = entry.stamp;
        // One that does not decode makes way.
        let decoded = self.typed.decode(entry);
        let value = decoded.ok_or_else(|| Standing::Open(stamp.condition()))?;
        count(&self.typed.counters().hits);
        let origin = if value.is_some() { Origin::Store } else { Origin::Negative };
        Ok(Answer { value, origin })
    }
}

impl<T, C, L> GetOrLoad<T, C, L> {
    pub(crate) const fn new(typed: Typed<T, C>, key: Result<Key>, loader: L) -> Self {
        Self { request: Request::new(typed, key), loader }
    }

    fn options_mut(&mut self) -> &mut Options {
        self.request.options_mut()
    }

    call_setters!();

    /// The source is asked, whatever stands at the key, which is replaced by what it gives. Shared only
    /// with loads that begin after this call. It is no invalidation: what another server loads at the same time
    /// may be what stands there then.
    pub const fn force_refresh(mut self) -> Self {
        self.request.forced = true;
        self
    }

    setters!();
}

impl<T: Send + 'static, C: Codec<T>, L: LoadWith<T>> GetOrLoad<T, C, L> {
    /// Resolves to an [`Answer`], which says where the value came from.
    pub const fn answer(self) -> WithAnswer<Self> {
        WithAnswer(self)
    }

    /// What is there, or may be served although its time is past. The loader is not asked.
    ///
    /// # Errors
    ///
    /// As [`Typed::get`].
    pub async fn cache_only(self) -> Result<Option<T>> {
        let Request { typed, key, .. } = &self.request;
        let (key, names) =
            (key.as_ref().map_err(Clone::clone)?, self.request.options().tags.get()?);
        let found = lookup::find(&typed.inner.space, key, names, typed.expected()).await;
        Ok(typed.stale_value(typed.counted(found)?.standing))
    }

    async fn answered(self) -> Answered<T, L::Error> {
        let Self { request, loader } = self;
        let key = request.key.as_ref().map_err(Clone::clone)?;
        let begun = request.typed.larder().inner.flights.now();
        let options = request.options();
        let names = options.tags.get()?;
        if options.ttl.is_none() && !loader.names_tags() {
            return Err(no_lifetime("get_or_load").into());
        }
        let typed = &request.typed;
        let found = lookup::find(&typed.inner.space, key, names, typed.expected()).await;
        let found = match typed.counted(found) {
            Ok(Found { standing, tags }) => match request.take(standing, L::TAKES_NOTHING) {
                Ok(answer) => return Ok(answer),
                Err(standing) => Ok(Found { standing, tags }),
            },
            failed => failed,
        };
        // Not a part of this future, which is made for hits.
        Box::pin(go_on(request, Own, begun, found, loader)).await
    }
}

/// Goes on where there was no fresh answer, or an error, which was counted.
pub(crate) async fn go_on<T, C, L, H>(
    request: Request<T, C>,
    hand: H,
    begun: Moment,
    found: Result<Found>,
    loader: L,
) -> Answered<H::Value, L::Error>
where
    T: Send + 'static,
    C: Codec<T>,
    L: LoadWith<T>,
    H: Hand<T, C>,
{
    let options = Arc::clone(request.options());
    let Request { typed, key, forced, .. } = request;
    let site = Site { space: typed.inner.space.clone(), key: key?, options };
    let source = Arc::new(OneKey::new(typed.clone(), loader));
    let takes_nothing = L::TAKES_NOTHING;
    let trusts_marks = true;
    let call = Call { typed, site, hand, begun, forced, trusts_marks, takes_nothing, source };
    call.go(found).await
}

pub(crate) fn no_lifetime(operation: &'static str) -> Error {
    Error::InvalidArgument {
        operation,
        reason: "how long does the value live? Say `.ttl(..)`, or give the handle a `default_ttl`"
            .into(),
    }
}

/// A value, with where it came from. See [`GetOrLoad::answer`].
#[must_use = "nothing is looked up or loaded until it is awaited"]
#[derive(Debug)]
pub struct WithAnswer<R>(pub(crate) R);

impl<T: Send + 'static, C: Codec<T>, L: LoadWith<T>> IntoFuture for GetOrLoad<T, C, L> {
    type Output = Result<L::Output<T>, LoadError<L::Error>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { Ok(L::output(self.answered().await?.value)) })
    }
}

impl<T: Send + 'static, C: Codec<T>, L: LoadWith<T>> IntoFuture for WithAnswer<GetOrLoad<T, C, L>> {
    type Output = Result<Answer<L::Output<T>>, LoadError<L::Error>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Answer { value, origin } = self.0.answered().await?;
            Ok(Answer { value: L::output(value), origin })
        })
    }
}

impl<T, C, L> fmt::Debug for GetOrLoad<T, C, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetOrLoad")
            .field("namespace", self.request.typed.space().namespace())
            .field("forced", &self.request.forced)
            .finish_non_exhaustive()
    }
}
