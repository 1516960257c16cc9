use std::fmt;

use cache_api::Ttl;

use crate::{tags::TagNames, to_key::ToKey};

/// What a loader returns that has more to say than the value: how long it lives, its tags, or that it
/// is not to be stored.
///
/// ```
/// use larder::{Loaded, Origin};
/// use std::{convert::Infallible, time::Duration};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let larder = larder::Larder::new(backend_memory::MemoryCache::builder().build());
/// let pages = larder.namespace("pages")?.typed::<String>();
/// let load = || async {
///     let page = Loaded::new("<html>".to_owned()).ttl(Duration::from_secs(10)).tag("site:1");
///     Ok::<_, Infallible>(page)
/// };
/// pages.get_or_load("/", load).await?;
/// assert_eq!(pages.get_or_load("/", load).answer().await?.origin, Origin::Store);
///
/// pages.invalidate_tag("site:1").await.applied()?;
/// assert_eq!(pages.get_or_load("/", load).answer().await?.origin, Origin::Loaded);
/// # Ok(())
/// # }
/// ```
#[must_use = "it does nothing until a loader returns it"]
pub struct Loaded<T> {
    value: T,
    terms: LoadedTerms,
}

/// What a loader says besides the value.
#[derive(Debug, Clone, Default)]
pub(crate) struct LoadedTerms {
    pub(crate) ttl: Option<Ttl>,
    pub(crate) tags: TagNames,
    pub(crate) not_stored: bool,
}

impl<T> Loaded<T> {
    /// A value, with nothing more to say.
    pub fn new(value: T) -> Self {
        Self { value, terms: LoadedTerms::default() }
    }

    /// It lives this long, whatever the call says: a `Duration` or a [`Ttl`].
    pub fn ttl(mut self, ttl: impl Into<Ttl>) -> Self {
        self.terms.ttl = Some(ttl.into());
        self
    }

    /// It has this tag, besides those of the call.
    ///
    /// It is named after the source was asked. To keep an invalidation in between from being lost, all
    /// invalidations of the namespace are watched during the load (two calls to the store more), and if
    /// there was one the value is not stored. A tag that is known before the source is asked is better
    /// named [at the call](crate::GetOrLoad::tag) or by [`LoadContext::tag`](crate::LoadContext::tag).
    pub fn tag(mut self, name: impl ToKey) -> Self {
        self.terms.tags.add(name);
        self
    }

    /// It is given to those who wait for it and not stored.
    pub fn do_not_store(mut self) -> Self {
        self.terms.not_stored = true;
        self
    }
}

impl<T> From<T> for Loaded<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

/// Without the value.
impl<T> fmt::Debug for Loaded<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded").field("terms", &self.terms).finish_non_exhaustive()
    }
}

/// What a loader may return: a value, or a [`Loaded`] one.
///
/// ```
/// fn is_loaded<T, R: larder::IntoLoaded<T>>() {}
/// is_loaded::<String, String>();
/// is_loaded::<String, larder::Loaded<String>>();
/// ```
#[diagnostic::on_unimplemented(
    message = "this loader returns `{Self}`, but the values of this handle are `{T}`",
    label = "neither `{T}` nor `Loaded<{T}>`",
    note = "a loader returns `Result<T, E>` or `Result<Loaded<T>, E>`; for `Result<Option<T>, E>` use `get_or_find`"
)]
pub trait IntoLoaded<T>: Send + 'static {
    /// Whether it may name tags: their invalidations must then be watched from before the load.
    #[doc(hidden)]
    const MAY_NAME_TAGS: bool;

    #[doc(hidden)]
    fn into_loaded(self) -> Loaded<T>;
}

#[diagnostic::do_not_recommend]
impl<T: Send + 'static> IntoLoaded<T> for T {
    const MAY_NAME_TAGS: bool = false;

    fn into_loaded(self) -> Loaded<T> {
        Loaded::new(self)
    }
}

impl<T: Send + 'static> IntoLoaded<T> for Loaded<T> {
    const MAY_NAME_TAGS: bool = true;

    fn into_loaded(self) -> Self {
        self
    }
}

/// What a loader gave: a value, or that there is none, and what is to be done with it.
#[derive(Debug)]
#[doc(hidden)]
pub struct Given<T> {
    pub(crate) value: Option<T>,
    pub(crate) terms: LoadedTerms,
}

impl<T> Given<T> {
    pub(crate) fn value(loaded: Loaded<T>) -> Self {
        Self { value: Some(loaded.value), terms: loaded.terms }
    }

    pub(crate) fn perhaps(found: Option<impl IntoLoaded<T>>) -> Self {
        found.map_or_else(Self::nothing, |found| Self::value(found.into_loaded()))
    }

    pub(crate) fn nothing() -> Self {
        Self { value: None, terms: LoadedTerms::default() }
    }
}
