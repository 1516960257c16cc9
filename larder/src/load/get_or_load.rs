use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex},
};

use cache_api::{Error, Key, Result, Ttl};

use super::{
    Answer, LoadError, Options, Origin,
    call::{Answered, Call},
    flight::Moment,
    footing::Site,
    hand::{Hand, Own},
    options::setters,
    with::LoadWith,
};
use crate::{
    codec::Codec,
    handle::count,
    lookup::{self, Found, Standing},
    to_key::ToKey,
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
pub(crate) struct Request<T, C> {
    pub(crate) typed: Typed<T, C>,
    pub(crate) key: Result<Key>,
    /// What this call says of its own; else the handle's.
    pub(crate) options: Option<Box<Options>>,
    pub(crate) forced: bool,
}

impl<T, C> Request<T, C> {
    pub(crate) const fn new(typed: Typed<T, C>, key: Result<Key>) -> Self {
        Self { typed, key, options: None, forced: false }
    }

    pub(crate) fn options(&self) -> &Options {
        self.options.as_deref().unwrap_or(&self.typed.inner.options)
    }

    pub(crate) fn options_mut(&mut self) -> &mut Options {
        let defaults = &self.typed.inner.options;
        self.options.get_or_insert_with(|| Box::new(defaults.clone()))
    }
}

impl<T, C, L> GetOrLoad<T, C, L> {
    pub(crate) const fn new(typed: Typed<T, C>, key: Result<Key>, loader: L) -> Self {
        Self { request: Request::new(typed, key), loader }
    }

    fn options_mut(&mut self) -> &mut Options {
        self.request.options_mut()
    }

    /// What is loaded lives this long: a `Duration` or a [`Ttl`]. Zero: it is not stored.
    pub fn ttl(mut self, ttl: impl Into<Ttl>) -> Self {
        self.options_mut().ttl = Some(ttl.into());
        self
    }

    /// What is loaded is [invalidated](crate::Space::invalidate_tag) with all others that have this tag.
    ///
    /// The tags of a call are read in the same round trip as the entry.
    pub fn tag(mut self, name: impl ToKey) -> Self {
        self.options_mut().tags.add(name);
        self
    }

    /// The source is asked, whatever stands at the key, which is replaced by what it gives. Shared only
    /// with loads that begin after this call.
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
        let Request { typed, key, options, .. } = self.request;
        let names = options.as_deref().unwrap_or(&typed.inner.options).tags.get()?;
        let found = lookup::find(&typed.inner.space, &key?, names, typed.expected()).await;
        Ok(match typed.counted(found)?.standing {
            Standing::Stale(entry) => typed.decode(entry).flatten(),
            standing => typed.value(standing),
        })
    }

    async fn answered(self) -> Answered<T, L::Error> {
        let Self { request, loader } = self;
        let key = request.key.as_ref().map_err(Clone::clone)?;
        let begun = request.typed.larder().inner.flights.now();
        let options = request.options();
        let names = options.tags.get()?;
        if options.ttl.is_none() && !L::NAMES_TAGS {
            return Err(no_lifetime().into());
        }
        let typed = &request.typed;
        let found = lookup::find(&typed.inner.space, key, names, typed.expected()).await;
        let found = match found {
            Ok(Found { standing: Standing::Fresh(entry), tags })
                if !request.forced
                    && options.refresh_ahead.is_none()
                    && entry.payload.is_some() =>
            {
                let stamp = entry.stamp;
                if let Some(value) = typed.decode(entry) {
                    count(&typed.counters().hits);
                    return Ok(Answer { value, origin: Origin::Store });
                }
                // It does not decode: it makes way.
                Ok(Found { standing: Standing::Open(stamp.condition()), tags })
            }
            found => found,
        };
        // Not a part of this future, which is made for hits.
        Box::pin(go_on(request, Own, begun, found, loader)).await
    }
}

/// Goes on where there was no fresh answer.
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
    let options = request.options().clone();
    let Request { typed, key, forced, .. } = request;
    let site = Site { space: typed.inner.space.clone(), key: key?, options };
    let call = Call {
        typed,
        site,
        hand,
        begun,
        forced,
        takes_nothing: L::TAKES_NOTHING,
        loader: Arc::new(Mutex::new(Some(loader.into_loader()))),
        names_tags: L::NAMES_TAGS,
    };
    call.go(found).await
}

pub(crate) fn no_lifetime() -> Error {
    Error::InvalidArgument {
        operation: "get_or_load",
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
