use std::fmt;

use cache_api::{Result, Ttl};

use super::{NearGet, NearGetOrLoad};
use crate::{
    IntoLoaded, Invalidate, LoadContext, Set,
    codec::{Codec, MessagePack},
    load::{Finds, InContext, Loads, Plain},
    to_key::ToKey,
    typed::Typed,
};

/// The values of a [`Typed`], shared as `Arc`s and kept in the memory of this process. Cheap to clone.
///
/// Read here what is read often; a hit costs less than half of a look-up in a concurrent map. Whatever
/// changes an entry, here, on another server or in another language, drops the copy: see the crate's
/// [guarantees](crate#guarantees). A [`Typed`] of the same space reads past the copies.
///
/// How many bytes all copies may take is said once, by [`LarderBuilder::near`](crate::LarderBuilder::near);
/// without it nothing is kept, and this handle reads the store each time.
///
/// ```
/// # use larder::{prelude::*, Near, Origin};
/// # use std::{convert::Infallible, sync::Arc, time::Duration};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let store = backend_memory::MemoryCache::builder().build();
/// let larder = Larder::builder(store).near(64 << 20).build();
/// let users: Near<String> = larder
///     .namespace("users")?
///     .typed()
///     .default_ttl(Duration::from_secs(3600))
///     .near();
/// let user: Arc<String> = users
///     .get_or_load(42, || async { Ok::<_, Infallible>("Ada".to_owned()) })
///     .await?;
/// # assert_eq!(*user, "Ada");
/// users.get(42).await?; // from the store, and kept
/// users.get(42).await?; // from memory
/// # while larder.stats().near.hits == 0 {
/// #     users.get(42).await?;
/// #     tokio::task::yield_now().await;
/// # }
/// # Ok(())
/// # }
/// ```
pub struct Near<T, C = MessagePack> {
    typed: Typed<T, C>,
}

impl<T: Send + Sync + 'static, C: Codec<T>> Typed<T, C> {
    /// These values, shared as `Arc`s and kept in the memory of this process.
    ///
    /// The first handle of a space makes the larder listen to its changes, which empties the tier for a
    /// moment: make the handles once, at start-up.
    #[must_use]
    pub fn near(&self) -> Near<T, C> {
        let near = Near { typed: self.clone() };
        near.listen();
        near
    }
}

impl<T: Send + Sync + 'static, C: Codec<T>> Near<T, C> {
    /// The values of the store, past what is kept here.
    #[must_use]
    pub const fn typed(&self) -> &Typed<T, C> {
        &self.typed
    }

    /// The value of a key. See [`Typed::get`].
    ///
    /// A hit in memory waits for nothing; a miss costs one round trip.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidKey`](cache_api::Error::InvalidKey), or the store's. A miss is no error.
    pub fn get(&self, key: impl ToKey) -> NearGet<T, C> {
        NearGet::new(self.typed.clone(), self.typed.inner.space.key(key))
    }

    /// The value of a key, or what `loader` gives. See [`Typed::get_or_load`].
    pub fn get_or_load<K, F, Fut, R, E>(
        &self,
        key: K,
        loader: F,
    ) -> NearGetOrLoad<T, C, Loads<Plain<F>>>
    where
        K: ToKey,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<R, E>> + Send + 'static,
        R: IntoLoaded<T>,
        E: Send + Sync + 'static,
    {
        NearGetOrLoad::new(self.typed.get_or_load(key, loader))
    }

    /// See [`Typed::get_or_load_with`].
    pub fn get_or_load_with<K, F, Fut, R, E>(
        &self,
        key: K,
        loader: F,
    ) -> NearGetOrLoad<T, C, Loads<InContext<F>>>
    where
        K: ToKey,
        F: FnOnce(LoadContext) -> Fut + Send + 'static,
        Fut: Future<Output = Result<R, E>> + Send + 'static,
        R: IntoLoaded<T>,
        E: Send + Sync + 'static,
    {
        NearGetOrLoad::new(self.typed.get_or_load_with(key, loader))
    }

    /// The value of a key, or what `loader` gives, which may be none. See [`Typed::get_or_find`].
    pub fn get_or_find<K, F, Fut, R, E>(
        &self,
        key: K,
        loader: F,
    ) -> NearGetOrLoad<T, C, Finds<Plain<F>>>
    where
        K: ToKey,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<Option<R>, E>> + Send + 'static,
        R: IntoLoaded<T>,
        E: Send + Sync + 'static,
    {
        NearGetOrLoad::new(self.typed.get_or_find(key, loader))
    }

    /// See [`Typed::get_or_find_with`].
    pub fn get_or_find_with<K, F, Fut, R, E>(
        &self,
        key: K,
        loader: F,
    ) -> NearGetOrLoad<T, C, Finds<InContext<F>>>
    where
        K: ToKey,
        F: FnOnce(LoadContext) -> Fut + Send + 'static,
        Fut: Future<Output = Result<Option<R>, E>> + Send + 'static,
        R: IntoLoaded<T>,
        E: Send + Sync + 'static,
    {
        NearGetOrLoad::new(self.typed.get_or_find_with(key, loader))
    }

    /// See [`Typed::set`]. What is written is kept here once it was read.
    pub fn set(&self, key: impl ToKey, value: &T) -> Set<T, C> {
        self.typed.set(key, value)
    }

    /// See [`Typed::delete`].
    pub fn delete<K: ToKey>(
        &self,
        key: K,
    ) -> impl Future<Output = Result<bool>> + Send + use<T, C, K> {
        self.typed.delete(key)
    }

    /// See [`Typed::expire`].
    pub fn expire<K: ToKey, L: Into<Ttl>>(
        &self,
        key: K,
        ttl: L,
    ) -> impl Future<Output = Result<bool>> + Send + use<T, C, K, L> {
        self.typed.expire(key, ttl)
    }

    /// See [`Space::invalidate`](crate::Space::invalidate).
    pub fn invalidate(&self, key: impl ToKey) -> Invalidate {
        self.typed.invalidate(key)
    }

    /// See [`Space::invalidate_tag`](crate::Space::invalidate_tag).
    pub fn invalidate_tag(&self, name: impl ToKey) -> Invalidate {
        self.typed.invalidate_tag(name)
    }

    /// See [`Space::invalidate_all`](crate::Space::invalidate_all).
    pub fn invalidate_all(&self) -> Invalidate {
        self.typed.invalidate_all()
    }

    /// Hears of changes in the space and of its tags.
    fn listen(&self) {
        let inner = &self.typed.larder().inner;
        if let (Some(_), Some(feed)) = (&inner.near, &inner.feed) {
            let namespace = self.typed.inner.space.namespace();
            match namespace.reserved("tag") {
                Ok(tags) => feed.want(&[namespace, &tags]),
                // No entry of a space with so long a name has tags.
                Err(_) => feed.want(&[namespace]),
            }
        }
    }
}

impl<T, C> Clone for Near<T, C> {
    fn clone(&self) -> Self {
        Self { typed: self.typed.clone() }
    }
}

impl<T, C> fmt::Debug for Near<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Near").field("typed", &self.typed).finish()
    }
}
