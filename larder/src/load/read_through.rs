use std::{fmt, marker::PhantomData, pin::Pin, sync::Arc};

use cache_api::Key;

use super::{
    GetOrLoad, GetOrLoadMany, IntoLoaded, LoadForm, LoadWith,
    fly::Loader,
    loaded::Given,
    many::Loaders,
    source::{OneKey, Source},
    with::{Always, Closure, Perhaps, of_one},
};
use crate::{
    codec::{Codec, MessagePack},
    invalidate::Invalidate,
    to_key::ToKey,
    typed::Typed,
};

/// How many keys of one call are loaded at a time if nothing is said.
const AT_A_TIME: usize = 16;

/// Values with the loader that has them, given once at start-up. By [`Typed::read_through`]. Cheap to
/// clone.
///
/// `K` is the key, `T` the value, `E` the loader's error: `ReadThrough<u64, User, sqlx::Error>` is the type
/// of a field.
///
/// ```
/// # use larder::{prelude::*, ReadThrough};
/// # use std::{io, sync::Arc, time::Duration};
/// # struct Database;
/// # impl Database { async fn user(&self, id: u64) -> io::Result<String> { Ok(format!("user {id}")) } }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let larder = Larder::new(backend_memory::MemoryCache::builder().build());
/// # let db = Arc::new(Database);
/// struct App { users: ReadThrough<u64, String, io::Error> }
///
/// let users = larder.namespace("users")?.typed().default_ttl(Duration::from_secs(3600));
/// let users = users.read_through(move |id: u64| {
///     let db = db.clone();
///     async move { db.user(id).await }
/// });
/// let app = App { users };
///
/// assert_eq!(app.users.get(42).await?, "user 42");
/// assert_eq!(app.users.get_many([42, 7]).await?, ["user 42", "user 7"]);
/// app.users.invalidate(42).await.applied()?;
/// # Ok(())
/// # }
/// ```
pub struct ReadThrough<K, T, E, C = MessagePack, M = Always> {
    typed: Typed<T, C>,
    read: Read<K, T, E>,
    at_a_time: usize,
    form: PhantomData<fn() -> M>,
}

/// A [`ReadThrough`] whose source may have nothing under a key. By [`Typed::find_through`].
pub type FindThrough<K, T, E, C = MessagePack> = ReadThrough<K, T, E, C, Perhaps>;

/// A loader that is there for good.
struct Read<K, T, E> {
    load: Arc<dyn Fn(K) -> Reading<T, E> + Send + Sync>,
    /// Whether what it gives may have tags and a lifetime of its own.
    names_tags: bool,
}

type Reading<T, E> = Pin<Box<dyn Future<Output = Result<Given<T>, E>> + Send>>;

impl<T: Send + 'static, C: Codec<T>> Typed<T, C> {
    /// These values, with the loader that has them.
    ///
    /// ```
    /// # use larder::prelude::*;
    /// # use std::{convert::Infallible, time::Duration};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let larder = Larder::new(backend_memory::MemoryCache::builder().build());
    /// let squares = larder.namespace("squares")?.typed::<u64>().default_ttl(Ttl::Never);
    /// let squares = squares.read_through(|n: u64| async move { Ok::<_, Infallible>(n * n) });
    /// assert_eq!(squares.get(12).await?, 144);
    /// # Ok(())
    /// # }
    /// ```
    pub fn read_through<K, F, Fut, R, E>(&self, loader: F) -> ReadThrough<K, T, E, C>
    where
        K: ToKey + Send + 'static,
        F: Fn(K) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, E>> + Send + 'static,
        R: IntoLoaded<T>,
        E: Send + Sync + 'static,
    {
        let load = move |key| -> Reading<T, E> {
            let loading = loader(key);
            Box::pin(async move { Ok(Given::value(loading.await?.into_loaded())) })
        };
        ReadThrough::new(self, Read { load: Arc::new(load), names_tags: R::MAY_NAME_TAGS })
    }

    /// As [`read_through`](Self::read_through), of a source that may have nothing under a key.
    ///
    /// ```
    /// # use larder::prelude::*;
    /// # use std::{convert::Infallible, time::Duration};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let larder = Larder::new(backend_memory::MemoryCache::builder().build());
    /// let halves = larder.namespace("halves")?.typed::<u64>();
    /// let halves = halves.default_ttl(Ttl::Never).negative_ttl(Duration::from_secs(60));
    /// let halves = halves.find_through(|n: u64| async move {
    ///     Ok::<_, Infallible>((n % 2 == 0).then_some(n / 2))
    /// });
    /// assert_eq!(halves.get_many([8, 9]).await?, [Some(4), None]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn find_through<K, F, Fut, R, E>(&self, loader: F) -> FindThrough<K, T, E, C>
    where
        K: ToKey + Send + 'static,
        F: Fn(K) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Option<R>, E>> + Send + 'static,
        R: IntoLoaded<T>,
        E: Send + Sync + 'static,
    {
        let load = move |key| -> Reading<T, E> {
            let loading = loader(key);
            Box::pin(async move { Ok(Given::perhaps(loading.await?)) })
        };
        ReadThrough::new(self, Read { load: Arc::new(load), names_tags: R::MAY_NAME_TAGS })
    }
}

impl<K, T, E, C, M> ReadThrough<K, T, E, C, M> {
    fn new(typed: &Typed<T, C>, read: Read<K, T, E>) -> Self {
        Self { typed: typed.clone(), read, at_a_time: AT_A_TIME, form: PhantomData }
    }

    /// The values, without the loader.
    #[must_use]
    pub const fn typed(&self) -> &Typed<T, C> {
        &self.typed
    }

    /// So many keys of one [`get_many`](Self::get_many) are loaded at a time. Default: 16; at least 1.
    #[must_use]
    pub fn at_a_time(mut self, keys: usize) -> Self {
        self.at_a_time = keys.max(1);
        self
    }
}

impl<K, T, E, C, M> ReadThrough<K, T, E, C, M>
where
    K: ToKey + Send + 'static,
    T: Send + 'static,
    E: Send + Sync + 'static,
    C: Codec<T>,
    M: LoadForm,
{
    /// The value of a key, or what the loader gives, which is stored. As
    /// [`get_or_load`](Typed::get_or_load), whose options it has.
    ///
    /// # Errors
    ///
    /// [`LoadError`](crate::LoadError): the loader's own, or what became of it.
    pub fn get(&self, key: K) -> GetOrLoad<T, C, Closure<ReadOne<K, T, E>, M>> {
        let own = self.typed.space().key(&key);
        GetOrLoad::new(self.typed.clone(), own, self.one(key))
    }

    /// The values of several keys, in their order: one look-up, and then a load of each key that is
    /// missing, so many [at a time](Self::at_a_time). Each is shared with all others who want that key.
    ///
    /// A source that can be asked for many keys at once is better asked by
    /// [`get_or_load_many`](Typed::get_or_load_many).
    ///
    /// # Errors
    ///
    /// [`LoadError`](crate::LoadError), the first of them: what was begun goes on, no other load begins.
    pub fn get_many(&self, keys: impl IntoIterator<Item = K>) -> GetOrLoadMany<T, C, K, E, M> {
        GetOrLoadMany::new(self.typed.clone(), keys, Arc::new(self.clone()))
    }

    /// Loads the value of a key, whatever stands there. As [`get`](Self::get) with
    /// [`force_refresh`](GetOrLoad::force_refresh).
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn refresh(&self, key: K) -> GetOrLoad<T, C, Closure<ReadOne<K, T, E>, M>> {
        self.get(key).force_refresh()
    }

    /// See [`Space::invalidate`](crate::Space::invalidate).
    pub fn invalidate(&self, key: K) -> Invalidate {
        self.typed.invalidate(key)
    }
}

impl<K, T, E, C, M> Loaders<T, K, E> for ReadThrough<K, T, E, C, M>
where
    K: Send + 'static,
    T: Send + 'static,
    E: Send + Sync + 'static,
    C: Codec<T>,
    M: LoadForm,
{
    fn names_tags(&self) -> bool {
        self.read.names_tags
    }

    fn at_a_time(&self) -> usize {
        self.at_a_time
    }

    fn source(self: Arc<Self>, _: &Key, asked: K) -> Arc<dyn Source<T, E>> {
        Arc::new(OneKey::new(self.typed.clone(), self.one(asked)))
    }
}

/// The loader, with the key that it is to load.
pub struct ReadOne<K, T, E> {
    read: Read<K, T, E>,
    key: K,
}

impl<K, T, E, M> LoadWith<T> for Closure<ReadOne<K, T, E>, M>
where
    K: Send + 'static,
    T: Send + 'static,
    E: Send + Sync + 'static,
    M: LoadForm,
{
    type Error = E;

    fn names_tags(&self) -> bool {
        self.ask.read.names_tags
    }

    fn into_loader(self) -> Loader<T, E> {
        let ReadOne { read, key } = self.ask;
        of_one(move |_| (read.load)(key))
    }
}

impl<K, T, E, C, M> ReadThrough<K, T, E, C, M> {
    fn one(&self, key: K) -> Closure<ReadOne<K, T, E>, M> {
        Closure::new(ReadOne { read: self.read.clone(), key })
    }
}

impl<K, T, E> Clone for Read<K, T, E> {
    fn clone(&self) -> Self {
        Self { load: Arc::clone(&self.load), names_tags: self.names_tags }
    }
}

impl<K, T, E, C, M> Clone for ReadThrough<K, T, E, C, M> {
    fn clone(&self) -> Self {
        let Self { typed, read, at_a_time, .. } = self;
        let (typed, read) = (typed.clone(), read.clone());
        Self { typed, read, at_a_time: *at_a_time, form: PhantomData }
    }
}

impl<K, T, E, C, M> fmt::Debug for ReadThrough<K, T, E, C, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadThrough")
            .field("typed", &self.typed)
            .field("at_a_time", &self.at_a_time)
            .finish_non_exhaustive()
    }
}

impl<K, T, E> fmt::Debug for ReadOne<K, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadOne").finish_non_exhaustive()
    }
}
