//! The forms of a loader: with or without a context, of a value or perhaps none.

use super::{IntoLoaded, LoadContext, fly::Loader, loaded::Given};

/// A loader in one of its forms. Made by [`get_or_load`](crate::Typed::get_or_load) and its neighbours.
pub trait LoadWith<T>: Send + 'static {
    /// Its own error.
    type Error: Send + Sync + 'static;

    /// What a call with it resolves to: a value, or perhaps one.
    type Output<V>;

    /// Whether that there is none is an answer.
    #[doc(hidden)]
    const TAKES_NOTHING: bool;

    /// Whether what it gives may have tags and a lifetime of its own.
    #[doc(hidden)]
    const NAMES_TAGS: bool;

    #[doc(hidden)]
    fn into_loader(self) -> Loader<T, Self::Error>;

    #[doc(hidden)]
    fn output<V>(value: Option<V>) -> Self::Output<V>;
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

/// A loader that has a value, or fails.
#[derive(Debug)]
pub struct Loads<A>(pub(crate) A);

/// A loader that may find that there is none.
#[derive(Debug)]
pub struct Finds<A>(pub(crate) A);

impl<T, A, R, E> LoadWith<T> for Loads<A>
where
    T: Send + 'static,
    A: Ask<Asked: Future<Output = Result<R, E>>>,
    R: IntoLoaded<T>,
    E: Send + Sync + 'static,
{
    type Error = E;
    type Output<V> = V;
    const TAKES_NOTHING: bool = false;
    const NAMES_TAGS: bool = R::MAY_NAME_TAGS;

    fn into_loader(self) -> Loader<T, E> {
        Box::new(|context| {
            let asked = self.0.ask(context);
            Box::pin(async move { asked.await.map(|given| Given::value(given.into_loaded())) })
        })
    }

    fn output<V>(value: Option<V>) -> V {
        value.expect("a call that does not take it is never told that there is none")
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
    type Output<V> = Option<V>;
    const TAKES_NOTHING: bool = true;
    const NAMES_TAGS: bool = R::MAY_NAME_TAGS;

    fn into_loader(self) -> Loader<T, E> {
        Box::new(|context| {
            let asked = self.0.ask(context);
            Box::pin(async move {
                let found = asked.await?;
                Ok(found.map_or_else(Given::nothing, |given| Given::value(given.into_loaded())))
            })
        })
    }

    fn output<V>(value: Option<V>) -> Option<V> {
        value
    }
}
