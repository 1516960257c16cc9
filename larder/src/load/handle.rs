use super::{
    GetOrLoad, IntoLoaded, LoadContext,
    with::{Finds, InContext, Loads, Plain},
};
use crate::{codec::Codec, to_key::ToKey, typed::Typed};

impl<T: Send + 'static, C: Codec<T>> Typed<T, C> {
    /// The value of a key, or what `loader` gives, which is stored.
    ///
    /// Of all callers in the whole fleet one asks its loader; the others wait for it, for no longer than
    /// [`wait`](Self::wait). The loader runs in a task of its own: a caller that gives up stops nothing,
    /// and an error, a panic or a timeout reaches everyone who waits, once, without anyone loading again.
    ///
    /// **An invalidation always wins.** A mark stands at the key before the source is asked, and what was
    /// loaded replaces exactly that mark: a delete, a clear or a new version of a tag in between keeps it
    /// from being stored. Whoever calls after the invalidation loads anew.
    ///
    /// **A store in trouble is never an error.** The loader is asked then, by one caller of this process at
    /// a time, and the value is not stored.
    ///
    /// A hit is one round trip; a miss three, two of them before the loader is asked.
    ///
    /// ```
    /// # use larder::prelude::*;
    /// # use std::{io, time::Duration};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let larder = Larder::new(backend_memory::MemoryCache::builder().build());
    /// # async fn from_database(id: u64) -> io::Result<String> { Ok(format!("user {id}")) }
    /// let users = larder.namespace("users")?.typed::<String>();
    /// let user = users
    ///     .get_or_load(42, async move || from_database(42).await)
    ///     .ttl(Duration::from_secs(3600))
    ///     .await?;
    /// assert_eq!(user, "user 42");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`LoadError`](crate::LoadError): the loader's own, or what became of it.
    pub fn get_or_load<K, F, Fut, R, E>(
        &self,
        key: K,
        loader: F,
    ) -> GetOrLoad<T, C, Loads<Plain<F>>>
    where
        K: ToKey,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<R, E>> + Send + 'static,
        R: IntoLoaded<T>,
        E: Send + Sync + 'static,
    {
        GetOrLoad::new(self.clone(), self.inner.space.key(key), Loads::new(Plain(loader)))
    }

    /// As [`get_or_load`](Self::get_or_load), with a loader that names tags before it asks its source.
    ///
    /// See [`LoadContext`].
    pub fn get_or_load_with<K, F, Fut, R, E>(
        &self,
        key: K,
        loader: F,
    ) -> GetOrLoad<T, C, Loads<InContext<F>>>
    where
        K: ToKey,
        F: FnOnce(LoadContext) -> Fut + Send + 'static,
        Fut: Future<Output = Result<R, E>> + Send + 'static,
        R: IntoLoaded<T>,
        E: Send + Sync + 'static,
    {
        GetOrLoad::new(self.clone(), self.inner.space.key(key), Loads::new(InContext(loader)))
    }

    /// As [`get_or_load`](Self::get_or_load), of a source that may have nothing under the key.
    ///
    /// That there is nothing is kept if [`negative_ttl`](Self::negative_ttl) says for how long. Whoever
    /// creates it in the source then deletes the key here.
    ///
    /// ```
    /// # use larder::{prelude::*, Origin};
    /// # use std::{convert::Infallible, time::Duration};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let larder = Larder::new(backend_memory::MemoryCache::builder().build());
    /// let users = larder
    ///     .namespace("users")?
    ///     .typed::<String>()
    ///     .default_ttl(Duration::from_secs(3600))
    ///     .negative_ttl(Duration::from_secs(10));
    /// let find = || async { Ok::<Option<String>, Infallible>(None) };
    /// assert_eq!(users.get_or_find("nobody", find).await?, None);
    /// assert_eq!(users.get_or_find("nobody", find).answer().await?.origin, Origin::Negative);
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_or_find<K, F, Fut, R, E>(
        &self,
        key: K,
        loader: F,
    ) -> GetOrLoad<T, C, Finds<Plain<F>>>
    where
        K: ToKey,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<Option<R>, E>> + Send + 'static,
        R: IntoLoaded<T>,
        E: Send + Sync + 'static,
    {
        GetOrLoad::new(self.clone(), self.inner.space.key(key), Finds::new(Plain(loader)))
    }

    /// As [`get_or_find`](Self::get_or_find), with a loader that names tags before it asks its source.
    ///
    /// See [`LoadContext`].
    pub fn get_or_find_with<K, F, Fut, R, E>(
        &self,
        key: K,
        loader: F,
    ) -> GetOrLoad<T, C, Finds<InContext<F>>>
    where
        K: ToKey,
        F: FnOnce(LoadContext) -> Fut + Send + 'static,
        Fut: Future<Output = Result<Option<R>, E>> + Send + 'static,
        R: IntoLoaded<T>,
        E: Send + Sync + 'static,
    {
        GetOrLoad::new(self.clone(), self.inner.space.key(key), Finds::new(InContext(loader)))
    }
}
