//! The forms of a loader: with or without a context, of a value or perhaps none.

use std::marker::PhantomData;

use super::{IntoLoaded, LoadContext, fly::Loader, loaded::Given};

/// A loader in one of its forms. Made by [`get_or_load`](crate::Typed::get_or_load) and its neighbours.
pub trait LoadWith<T>: LoadForm {
    /// Its own error.
    type Error: Send + Sync + 'static;

    /// Whether what it gives may have tags and a lifetime of its own.
    #[doc(hidden)]
    fn names_tags(&self) -> bool;

    #[doc(hidden)]
    fn into_loader(self) -> Loader<T, Self::Error>;
}

/// What a call resolves to: a value, or perhaps one.
pub trait LoadForm: Send + 'static {
    /// What it resolves to.
    type Output<V>;

    /// Whether that there is none is an answer.
    #[doc(hidden)]
    const TAKES_NOTHING: bool;

    #[doc(hidden)]
    fn output<V>(value: Option<V>) -> Self::Output<V>;
}

/// Of a source that has every key: a call resolves to a value.
#[derive(Debug)]
pub enum Always {}

/// Of a source that may have nothing under a key: a call resolves to perhaps a value.
#[derive(Debug)]
pub enum Perhaps {}

impl LoadForm for Always {
    type Output<V> = V;
    const TAKES_NOTHING: bool = false;

    fn output<V>(value: Option<V>) -> V {
        value.expect("a call that does not take it is never told that there is none")
    }
}

impl LoadForm for Perhaps {
    type Output<V> = Option<V>;
    const TAKES_NOTHING: bool = true;

    fn output<V>(value: Option<V>) -> Option<V> {
        value
    }
}

/// A closure that is asked.
pub trait Ask: Send + 'static {
    /// What it returns.
    type Asked: Future + Send + 'static;

    #[doc(hidden)]
    fn ask(self, context: LoadContext) -> Self::Asked;
}

/// A closure without arguments.
#[derive(Debug)]
pub struct Plain<F>(pub(crate) F);

/// A closure that takes a [`LoadContext`].
#[derive(Debug)]
pub struct InContext<F>(pub(crate) F);

impl<F, Fut> Ask for Plain<F>
where
    F: FnOnce() -> Fut + Send + 'static,
    Fut: Future + Send + 'static,
{
    type Asked = Fut;

    fn ask(self, _: LoadContext) -> Fut {
        (self.0)()
    }
}

impl<F, Fut> Ask for InContext<F>
where
    F: FnOnce(LoadContext) -> Fut + Send + 'static,
    Fut: Future + Send + 'static,
{
    type Asked = Fut;

    fn ask(self, context: LoadContext) -> Fut {
        (self.0)(context)
    }
}

/// A loader that is a closure, of a source of this form.
#[derive(Debug)]
pub struct Closure<A, M> {
    pub(super) ask: A,
    form: PhantomData<fn() -> M>,
}

/// A loader that has a value, or fails.
pub(crate) type Loads<A> = Closure<A, Always>;

/// A loader that may find that there is none.
pub(crate) type Finds<A> = Closure<A, Perhaps>;

impl<A, M> Closure<A, M> {
    pub(crate) const fn new(ask: A) -> Self {
        Self { ask, form: PhantomData }
    }
}

impl<A: Send + 'static, M: LoadForm> LoadForm for Closure<A, M> {
    type Output<V> = M::Output<V>;
    const TAKES_NOTHING: bool = M::TAKES_NOTHING;

    fn output<V>(value: Option<V>) -> M::Output<V> {
        M::output(value)
    }
}

impl<T, A, R, E> LoadWith<T> for Loads<A>
where
    T: Send + 'static,
    A: Ask<Asked: Future<Output = Result<R, E>>>,
    R: IntoLoaded<T>,
    E: Send + Sync + 'static,
{
    type Error = E;

    fn names_tags(&self) -> bool {
        R::MAY_NAME_TAGS
    }

    fn into_loader(self) -> Loader<T, E> {
        of_one(|context| {
            let asked = self.ask.ask(context);
            async move { asked.await.map(|given| Given::value(given.into_loaded())) }
        })
    }
}

impl<T, A, R, E> LoadWith<T> for Finds<A>
where
    T: Send + 'static,
    A: Ask<Asked: Future<Output = Result<Option<R>, E>>>,
    R: IntoLoaded<T>,
    E: Send + Sync + 'static,
{
    type Error = E;

    fn names_tags(&self) -> bool {
        R::MAY_NAME_TAGS
    }

    fn into_loader(self) -> Loader<T, E> {
        of_one(|context| {
            let asked = self.ask.ask(context);
            async move { asked.await.map(Given::perhaps) }
        })
    }
}

/// A loader of one key, for a load of one key.
pub(super) fn of_one<T, E, Fut>(
    load: impl FnOnce(LoadContext) -> Fut + Send + 'static,
) -> Loader<T, E>
where
    T: Send + 'static,
    Fut: Future<Output = Result<Given<T>, E>> + Send + 'static,
{
    Box::new(|mut contexts| {
        let loading = load(contexts.pop().expect("no load is without a key"));
        Box::pin(async move { Ok(vec![loading.await?]) })
    })
}
