//! A call for many keys: one look-up, then a [`Call`] for each key that is not simply there. What these
//! begin is gathered, and sent on its way together.

use std::{fmt, future::poll_fn, marker::PhantomData, pin::Pin, sync::Arc};

use cache_api::{Key, Result};
use futures_util::{StreamExt, stream};

use super::{
    Answer, LoadError, LoadForm, Options, WithAnswer,
    call::Call,
    flight::Moment,
    footing::Site,
    get_or_load::{Request, no_lifetime},
    hand::Own,
    options::{call_setters, setters},
    source::Source,
    with::Perhaps,
};
use crate::{
    codec::Codec,
    lookup::{self, Found},
    to_key::ToKey,
    typed::Typed,
};

/// A look-up of several keys that loads those it does not find. See [`Typed::get_or_load_many`] and
/// [`ReadThrough::get_many`](crate::ReadThrough::get_many). Nothing happens until it is awaited.
#[must_use = "nothing is looked up or loaded until it is awaited"]
pub struct GetOrLoadMany<T, C, K, E, M = Perhaps> {
    request: Request<T, C, Vec<Key>>,
    /// The keys, as they were asked for.
    asked: Vec<K>,
    loaders: Arc<dyn Loaders<T, K, E>>,
    form: PhantomData<fn() -> M>,
}

/// What loads the keys of a call that are not there.
pub(crate) trait Loaders<T: Send + 'static, K, E: Send + Sync + 'static>:
    Send + Sync + 'static
{
    /// Whether what is loaded may have tags and a lifetime of its own.
    fn names_tags(&self) -> bool;

    /// How many keys are seen to at a time.
    fn at_a_time(&self) -> usize;

    /// What loads this key.
    fn source(self: Arc<Self>, key: &Key, asked: K) -> Arc<dyn Source<T, E>>;

    /// Nothing more can be begun for now: loads that were gathered are sent on their way.
    fn depart(&self) {}
}

/// A key that is not simply there.
struct Missing<K> {
    /// Among all keys of the call.
    index: usize,
    asked: K,
    found: Result<Found>,
}

impl<T, C, K: ToKey, E, M> GetOrLoadMany<T, C, K, E, M> {
    pub(crate) fn new(
        typed: Typed<T, C>,
        keys: impl IntoIterator<Item = K>,
        loaders: Arc<dyn Loaders<T, K, E>>,
    ) -> Self {
        let asked: Vec<K> = keys.into_iter().collect();
        let keys = asked.iter().map(|key| typed.inner.space.key(key)).collect();
        Self { request: Request::new(typed, keys), asked, loaders, form: PhantomData }
    }
}

impl<T, C, K, E, M> GetOrLoadMany<T, C, K, E, M> {
    fn options_mut(&mut self) -> &mut Options {
        self.request.options_mut()
    }

    call_setters!();

    /// The source is asked for all keys, whatever stands there, which is replaced by what it gives. Shared
    /// only with loads that begin after this call.
    pub fn force_refresh(mut self) -> Self {
        self.request.forced = true;
        self
    }

    setters!();
}

impl<T, C, K, E, M> GetOrLoadMany<T, C, K, E, M>
where
    T: Send + 'static,
    C: Codec<T>,
    K: Send + 'static,
    E: Send + Sync + 'static,
    M: LoadForm,
{
    /// Resolves to [`Answer`]s, which say where each value came from.
    pub const fn answers(self) -> WithAnswer<Self> {
        WithAnswer(self)
    }

    /// What is there, or may be served although its time is past. The loader is not asked.
    ///
    /// # Errors
    ///
    /// As [`Typed::get_many`].
    pub async fn cache_only(self) -> Result<Vec<Option<T>>> {
        let Request { typed, key: keys, .. } = &self.request;
        let (keys, names) =
            (keys.as_ref().map_err(Clone::clone)?, self.request.options().tags.get()?);
        let found = lookup::find_many(&typed.inner.space, keys, names, typed.expected()).await;
        let (standing, _) = typed.counted(found)?;
        Ok(standing.into_iter().map(|standing| typed.stale_value(standing)).collect())
    }

    async fn answered(self) -> Result<impl Iterator<Item = Answer<M::Output<T>>>, LoadError<E>> {
        let Self { request, asked, loaders, .. } = self;
        let keys = request.key.as_ref().map_err(Clone::clone)?;
        let options = request.options();
        let names = options.tags.get()?;
        if options.ttl.is_none() && !loaders.names_tags() {
            return Err(no_lifetime("get_or_load_many").into());
        }
        let mut answers = Vec::with_capacity(keys.len());
        let mut missing = Vec::new();
        let typed = &request.typed;
        let begun = typed.larder().inner.flights.now();
        match typed
            .counted(lookup::find_many(&typed.inner.space, keys, names, typed.expected()).await)
        {
            Ok((standing, tags)) => {
                for ((index, asked), standing) in asked.into_iter().enumerate().zip(standing) {
                    let answer = request.take(standing, M::TAKES_NOTHING);
                    let answer = answer.map_err(|standing| {
                        let found = Ok(Found { standing, tags: tags.only(names) });
                        missing.push(Missing { index, asked, found });
                    });
                    answers.push(answer.ok());
                }
            }
            Err(error) => {
                answers.resize_with(keys.len(), || None);
                let all = asked.into_iter().enumerate();
                let failed = |(index, asked)| Missing { index, asked, found: Err(error.clone()) };
                missing.extend(all.map(failed));
            }
        }
        if !missing.is_empty() {
            // Not a part of this future, which is made for hits.
            Box::pin(load::<_, _, _, _, M>(request, loaders, begun, missing, &mut answers)).await?;
        }
        Ok(answers.into_iter().map(|answer| {
            let Answer { value, origin } = answer.expect("every key was answered");
            Answer { value: M::output(value), origin }
        }))
    }
}

/// Sees to the keys that are not simply there, side by side.
async fn load<T, C, K, E, M>(
    request: Request<T, C, Vec<Key>>,
    loaders: Arc<dyn Loaders<T, K, E>>,
    begun: Moment,
    missing: Vec<Missing<K>>,
    answers: &mut [Option<Answer<Option<T>>>],
) -> Result<(), LoadError<E>>
where
    T: Send + 'static,
    C: Codec<T>,
    K: Send + 'static,
    E: Send + Sync + 'static,
    M: LoadForm,
{
    let options = Arc::clone(request.options());
    let Request { typed, key: keys, forced, .. } = request;
    let keys = keys?;
    let calls = missing.into_iter().map(|Missing { index, asked, found }| {
        let key = keys[index].clone();
        let source = Arc::clone(&loaders).source(&key, asked);
        let site = Site { space: typed.inner.space.clone(), key, options: Arc::clone(&options) };
        let call = Call {
            typed: typed.clone(),
            site,
            hand: Own,
            begun,
            forced,
            trusts_marks: true,
            takes_nothing: M::TAKES_NOTHING,
            source,
        };
        async move { (index, call.go(found).await) }
    });
    let mut calls = stream::iter(calls).buffer_unordered(loaders.at_a_time());
    let answered = async {
        loop {
            let next = poll_fn(|context| {
                let next = calls.poll_next_unpin(context);
                if next.is_pending() {
                    loaders.depart();
                }
                next
            });
            match next.await {
                Some((index, answer)) => answers[index] = Some(answer?),
                None => return Ok(()),
            }
        }
    };
    // Without the bound that tokio puts on what a task does at a time: a caller that has used it up would
    // stop half way through the keys, and they would be loaded in pieces.
    let answered = tokio::task::unconstrained(answered).await;
    // What was begun by calls that did not wait for it.
    loaders.depart();
    answered
}

impl<T, C, K, E, M> IntoFuture for GetOrLoadMany<T, C, K, E, M>
where
    T: Send + 'static,
    C: Codec<T>,
    K: Send + 'static,
    E: Send + Sync + 'static,
    M: LoadForm,
{
    type Output = Result<Vec<M::Output<T>>, LoadError<E>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { Ok(self.answered().await?.map(|answer| answer.value).collect()) })
    }
}

impl<T, C, K, E, M> IntoFuture for WithAnswer<GetOrLoadMany<T, C, K, E, M>>
where
    T: Send + 'static,
    C: Codec<T>,
    K: Send + 'static,
    E: Send + Sync + 'static,
    M: LoadForm,
{
    type Output = Result<Vec<Answer<M::Output<T>>>, LoadError<E>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { Ok(self.0.answered().await?.collect()) })
    }
}

impl<T, C, K, E, M> fmt::Debug for GetOrLoadMany<T, C, K, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetOrLoadMany")
            .field("namespace", self.request.typed.space().namespace())
            .field("keys", &self.asked.len())
            .field("forced", &self.request.forced)
            .finish_non_exhaustive()
    }
}
