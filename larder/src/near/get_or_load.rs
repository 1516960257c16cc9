use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use super::{
    ReadToken,
    read::{Facts, Look, Takes, key},
};
use crate::{
    Answer, GetOrLoad, LoadError, LoadWith, Origin, WithAnswer,
    codec::Codec,
    handle::count,
    load::{Answered, One, Options, call_setters, go_on, no_lifetime, setters},
    lookup::{Found, Standing},
};

/// A look-up that loads what it does not find, by [`Near::get_or_load`](crate::Near::get_or_load).
/// Nothing happens until it is awaited; a hit on the near tier waits for nothing and allocates nothing.
#[must_use = "nothing is looked up or loaded until it is awaited"]
pub struct NearGetOrLoad<T, C, L> {
    call: GetOrLoad<T, C, L>,
    takes: Takes,
}

impl<T, C, L> NearGetOrLoad<T, C, L> {
    pub(super) const fn new(call: GetOrLoad<T, C, L>) -> Self {
        Self { call, takes: Takes::Any }
    }

    fn options_mut(&mut self) -> &mut Options {
        self.call.request.options_mut()
    }

    call_setters!();

    /// See [`GetOrLoad::force_refresh`].
    pub const fn force_refresh(mut self) -> Self {
        self.call.request.forced = true;
        self
    }

    /// Reads the store, whatever is kept in this process.
    pub const fn fresh(mut self) -> Self {
        self.takes = Takes::None;
        self
    }

    /// Sees at least this write: takes no older copy. See [`ReadToken`].
    pub const fn after(mut self, token: &ReadToken) -> Self {
        self.takes = Takes::Of(*token);
        self
    }

    setters!();
}

impl<T, C, L> NearGetOrLoad<T, C, L> {
    /// Resolves to an [`Answer`], which says where the value came from.
    pub const fn answer(self) -> WithAnswer<Self> {
        WithAnswer(self)
    }
}

/// A call under way. `E` is the error of the loader `L`, and is told apart from it: a future that names it
/// as `L`'s is not `Send` to the compiler, within another, where the error is a `Box<dyn Error + Send>`.
pub struct NearLoad<T, C, L, E, const ANSWER: bool> {
    stage: Stage<T, C, L, E>,
}

type Asking<T, E> = Pin<Box<dyn Future<Output = Answered<Arc<T>, E>> + Send>>;

enum Stage<T, C, L, E> {
    Ready(NearGetOrLoad<T, C, L>),
    Asking(Asking<T, E>),
    Done,
}

impl<T, C, L, E, const ANSWER: bool> NearLoad<T, C, L, E, ANSWER>
where
    T: Send + Sync + 'static,
    C: Codec<T>,
    L: LoadWith<T, Error = E>,
    E: Send + Sync + 'static,
{
    fn answered(&mut self, context: &mut Context<'_>) -> Poll<Answered<Arc<T>, E>> {
        if let Stage::Ready(call) = &self.stage {
            let request = &call.call.request;
            let takes = if request.forced { Takes::None } else { call.takes };
            let look = key(&request.key).map(|key| request.typed.look_near(key, takes));
            let copy = match look {
                Ok(Look::Hit(value)) if value.is_some() || L::TAKES_NOTHING => {
                    count(&request.typed.counters().near_hits);
                    self.stage = Stage::Done;
                    return Poll::Ready(Ok(Answer { value, origin: Origin::Near }));
                }
                Ok(Look::Tagged(copy)) => Some(copy),
                Ok(Look::Hit(_) | Look::Miss) | Err(_) => None,
            };
            let Stage::Ready(call) = std::mem::replace(&mut self.stage, Stage::Done) else {
                return Poll::Pending;
            };
            self.stage = Stage::Asking(Box::pin(async move {
                if let Some(copy) = copy
                    && let Look::Hit(value) =
                        call.call.request.typed.look_with_tags(copy, takes).await
                    && (value.is_some() || L::TAKES_NOTHING)
                {
                    count(&call.call.request.typed.counters().near_hits);
                    return Ok(Answer { value, origin: Origin::Near });
                }
                call.ask(takes).await
            }));
        }
        match &mut self.stage {
            Stage::Asking(asking) => asking.as_mut().poll(context),
            Stage::Ready(_) | Stage::Done => Poll::Pending,
        }
    }
}

impl<T, C, L> NearGetOrLoad<T, C, L>
where
    T: Send + Sync + 'static,
    C: Codec<T>,
    L: LoadWith<T>,
{
    /// Asks the store, keeps what it says, and goes on from there.
    async fn ask(self, takes: Takes) -> Answered<Arc<T>, L::Error> {
        let GetOrLoad { request, loader } = self.call;
        count(&request.typed.counters().near_misses);
        let key = key(&request.key)?;
        let begun = request.typed.larder().inner.flights.now();
        let options = request.options();
        if options.ttl.is_none() && !loader.names_tags() {
            return Err(no_lifetime("get_or_load").into());
        }
        let (found, mut copying) = request.typed.fetch(key, options.tags.get()?, takes).await;
        let found = match request.typed.counted(found) {
            Ok(Found { standing: Standing::Fresh(entry), tags })
                if !request.forced && (entry.payload.is_some() || L::TAKES_NOTHING) =>
            {
                match request.typed.decode(entry.clone()) {
                    Some(value) => {
                        let value = value.map(Arc::new);
                        if let Some(copying) = copying.take() {
                            let facts = Facts::of(&entry);
                            copying.keep(&request.typed, key, value.as_ref(), facts, options);
                        }
                        if options.refresh_ahead.is_none() {
                            count(&request.typed.counters().hits);
                            let origin =
                                if value.is_some() { Origin::Store } else { Origin::Negative };
                            return Ok(Answer { value, origin });
                        }
                        // Perhaps it is to be refreshed.
                        Ok(Found { standing: Standing::Fresh(entry), tags })
                    }
                    // It does not decode: it makes way.
                    None => Ok(Found { standing: Standing::Open(entry.stamp.condition()), tags }),
                }
            }
            found => found,
        };
        drop(copying);
        go_on(request, One, begun, found, loader).await
    }
}

impl<T, C, L, E> Future for NearLoad<T, C, L, E, false>
where
    T: Send + Sync + 'static,
    C: Codec<T>,
    L: LoadWith<T, Error = E>,
    E: Send + Sync + 'static,
{
    type Output = Result<L::Output<Arc<T>>, LoadError<E>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.answered(context).map_ok(|answer| L::output(answer.value))
    }
}

impl<T, C, L, E> Future for NearLoad<T, C, L, E, true>
where
    T: Send + Sync + 'static,
    C: Codec<T>,
    L: LoadWith<T, Error = E>,
    E: Send + Sync + 'static,
{
    type Output = Result<Answer<L::Output<Arc<T>>>, LoadError<E>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.answered(context)
            .map_ok(|Answer { value, origin }| Answer { value: L::output(value), origin })
    }
}

/// Nothing in it is pinned: what is awaited is in a box.
impl<T, C, L, E, const ANSWER: bool> Unpin for NearLoad<T, C, L, E, ANSWER> {}

impl<T, C, L> IntoFuture for NearGetOrLoad<T, C, L>
where
    T: Send + Sync + 'static,
    C: Codec<T>,
    L: LoadWith<T>,
{
    type Output = Result<L::Output<Arc<T>>, LoadError<L::Error>>;
    type IntoFuture = NearLoad<T, C, L, L::Error, false>;

    fn into_future(self) -> Self::IntoFuture {
        NearLoad { stage: Stage::Ready(self) }
    }
}

impl<T, C, L> IntoFuture for WithAnswer<NearGetOrLoad<T, C, L>>
where
    T: Send + Sync + 'static,
    C: Codec<T>,
    L: LoadWith<T>,
{
    type Output = Result<Answer<L::Output<Arc<T>>>, LoadError<L::Error>>;
    type IntoFuture = NearLoad<T, C, L, L::Error, true>;

    fn into_future(self) -> Self::IntoFuture {
        NearLoad { stage: Stage::Ready(self.0) }
    }
}

impl<T, C, L> fmt::Debug for NearGetOrLoad<T, C, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NearGetOrLoad")
            .field("call", &self.call)
            .field("takes", &self.takes)
            .finish()
    }
}

impl<T, C, L, E, const ANSWER: bool> fmt::Debug for NearLoad<T, C, L, E, ANSWER> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NearLoad").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{error, time::Duration};

    use backend_memory::MemoryCache;

    use crate::{Larder, Near};

    type Boxed = Box<dyn error::Error + Send + Sync>;

    async fn read(near: &Near<String>) -> Result<String, Boxed> {
        let load = || async { Ok::<_, Boxed>("Ada".to_owned()) };
        let value = near.get_or_load(42, load).ttl(Duration::from_secs(60)).await;
        Ok(value.map_err(|error| error.to_string())?.as_ref().clone())
    }

    #[tokio::test]
    async fn a_call_within_another_future_can_be_spawned_whatever_the_error_of_its_loader() {
        let larder = Larder::builder(MemoryCache::new()).near(1 << 20).build();
        let near = larder.namespace("users").unwrap().typed().near();
        let value = tokio::spawn(async move { read(&near).await }).await.unwrap();
        assert_eq!(value.unwrap(), "Ada");
    }
}
