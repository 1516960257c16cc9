use super::{IntoLoaded, LoadContext, fly::Loader, loaded::Given};

/// A loader in one of its forms: of [`get_or_load`](crate::Typed::get_or_load) or of
/// [`get_or_find`](crate::Typed::get_or_find). Made by those methods alone.
pub trait LoadWith<T>: Send + 'static {
    /// Its own error.
    type Error: Send + Sync + 'static;

    /// What a call with it resolves to: a value, or perhaps one.
    type Output: Send;

    /// Whether that there is none is an answer.
    #[doc(hidden)]
    const TAKES_NOTHING: bool;

    /// Whether what it gives may have tags and a lifetime of its own.
    #[doc(hidden)]
    const NAMES_TAGS: bool;

    #[doc(hidden)]
    fn into_loader(self) -> Loader<T, Self::Error>;

    #[doc(hidden)]
    fn output(value: Option<T>) -> Self::Output;
}

/// A loader that has a value, or fails.
#[derive(Debug)]
pub(crate) struct Loads<F>(pub(crate) F);

/// A loader that may find that there is none.
#[derive(Debug)]
pub(crate) struct Finds<F>(pub(crate) F);

impl<T, F, Fut, R, E> LoadWith<T> for Loads<F>
where
    T: Send + 'static,
    F: FnOnce(LoadContext) -> Fut + Send + 'static,
    Fut: Future<Output = Result<R, E>> + Send + 'static,
    R: IntoLoaded<T>,
    E: Send + Sync + 'static,
{
    type Error = E;
    type Output = T;
    const TAKES_NOTHING: bool = false;
    const NAMES_TAGS: bool = R::MAY_NAME_TAGS;

    fn into_loader(self) -> Loader<T, E> {
        Box::new(|context| {
            let loading = (self.0)(context);
            Box::pin(async move { loading.await.map(|given| Given::value(given.into_loaded())) })
        })
    }

    fn output(value: Option<T>) -> T {
        value.expect("a call that does not take it is never told that there is none")
    }
}

impl<T, F, Fut, R, E> LoadWith<T> for Finds<F>
where
    T: Send + 'static,
    F: FnOnce(LoadContext) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Option<R>, E>> + Send + 'static,
    R: IntoLoaded<T>,
    E: Send + Sync + 'static,
{
    type Error = E;
    type Output = Option<T>;
    const TAKES_NOTHING: bool = true;
    const NAMES_TAGS: bool = R::MAY_NAME_TAGS;

    fn into_loader(self) -> Loader<T, E> {
        Box::new(|context| {
            let loading = (self.0)(context);
            Box::pin(async move {
                let found = loading.await?;
                Ok(found.map_or_else(Given::nothing, |given| Given::value(given.into_loaded())))
            })
        })
    }

    fn output(value: Option<T>) -> Option<T> {
        value
    }
}
