//! One loader of many keys, for the calls that want it to load one of them each.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use cache_api::Key;

use super::{
    GetOrLoadMany, IntoLoaded,
    context::Chain,
    fly::{Departure, Job, Loader, fly},
    loaded::Given,
    many::Loaders,
    readings::Readings,
    source::Source,
};
use crate::{codec::Codec, handle::Space, tags::View, to_key::ToKey, typed::Typed};

/// Gathers the loads that the calls for single keys begin, and loads their keys together.
struct Batch<T: Send + 'static, C, K, E: Send + Sync + 'static, F> {
    typed: Typed<T, C>,
    names_tags: bool,
    gathered: Mutex<Gathered<T, K, E, F>>,
}

struct Gathered<T: Send + 'static, K, E: Send + Sync + 'static, F> {
    loader: F,
    /// What the keys are called that may have to be loaded.
    asked: HashMap<Key, K>,
    departures: Vec<Departure<T, E>>,
    /// Those of the first departure are good enough for all: they were read before the source is asked.
    tags: View,
    /// The same for all of a call.
    chain: Option<Arc<Chain>>,
}

impl<T: Send + 'static, C: Codec<T>> Typed<T, C> {
    /// The values of several keys, in their order, of a source that is asked for all that are missing at
    /// once. A key that it does not return is not there: `None`, kept as such if
    /// [`negative_ttl`](Self::negative_ttl) says for how long.
    ///
    /// All that [`get_or_load`](Self::get_or_load) guarantees holds for each key: of all callers in the
    /// whole fleet, with one key or with many, one asks for it; an invalidation keeps what was loaded before
    /// it from being stored, and of no other key. A stale value is served while it is refreshed, by the same
    /// question to the source. The keys that nobody else loads are loaded and stored first, and only then
    /// is there any waiting for others: two calls never wait for each other.
    ///
    /// The loader is asked once, or not at all: with the keys, each once, that are neither in the store nor
    /// being loaded. It is asked again only for keys that somebody else loaded for whom it failed or was
    /// not to be stored, or who took too long: so it is a closure that can be cloned.
    ///
    /// Hits are one round trip. Misses are three, two of them before the loader is asked, however many keys
    /// there are: what is done for each of them is done side by side. An error is one for all: it reaches
    /// everyone who waits for one of the keys.
    ///
    /// ```
    /// # use larder::prelude::*;
    /// # use std::{collections::HashMap, io, time::Duration};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let larder = Larder::new(backend_memory::MemoryCache::builder().build());
    /// # async fn from_database(ids: &[u64]) -> io::Result<HashMap<u64, String>> {
    /// #     Ok(ids.iter().filter(|id| **id < 100).map(|id| (*id, format!("user {id}"))).collect())
    /// # }
    /// let users = larder.namespace("users")?.typed::<String>();
    /// users.set(1, &"Ada".into()).forever().await?;
    /// let found = users
    ///     .get_or_load_many([1, 2, 777], async |missing: Vec<u64>| {
    ///         assert_eq!(missing, [2, 777]);
    ///         from_database(&missing).await
    ///     })
    ///     .ttl(Duration::from_secs(3600))
    ///     .await?;
    /// assert_eq!(found, [Some("Ada".into()), Some("user 2".into()), None]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`LoadError`](crate::LoadError): the loader's own, or what became of it. What else was begun goes on.
    pub fn get_or_load_many<K, F, Fut, I, R, E>(
        &self,
        keys: impl IntoIterator<Item = K>,
        loader: F,
    ) -> GetOrLoadMany<T, C, K, E>
    where
        K: ToKey + Clone + Send + 'static,
        F: FnOnce(Vec<K>) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = Result<I, E>> + Send + 'static,
        I: IntoIterator<Item = (K, R)>,
        R: IntoLoaded<T>,
        E: Send + Sync + 'static,
    {
        let gathered = Gathered {
            loader,
            asked: HashMap::new(),
            departures: Vec::new(),
            tags: View::default(),
            chain: None,
        };
        let batch = Batch {
            typed: self.clone(),
            names_tags: R::MAY_NAME_TAGS,
            gathered: Mutex::new(gathered),
        };
        GetOrLoadMany::new(self.clone(), keys, Arc::new(batch))
    }
}

impl<T: Send + 'static, C, K, E: Send + Sync + 'static, F> Batch<T, C, K, E, F> {
    fn gathered(&self) -> MutexGuard<'_, Gathered<T, K, E, F>> {
        // What is done under this lock leaves nothing half done.
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T, C, K, E, F, Fut, I, R> Loaders<T, K, E> for Batch<T, C, K, E, F>
where
    T: Send + 'static,
    C: Codec<T>,
    K: ToKey + Clone + Send + 'static,
    F: FnOnce(Vec<K>) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Result<I, E>> + Send + 'static,
    I: IntoIterator<Item = (K, R)>,
    R: IntoLoaded<T>,
    E: Send + Sync + 'static,
{
    fn names_tags(&self) -> bool {
        self.names_tags
    }

    fn at_a_time(&self) -> usize {
        usize::MAX
    }

    fn source(self: Arc<Self>, key: &Key, asked: K) -> Arc<dyn Source<T, E>> {
        self.gathered().asked.insert(key.clone(), asked);
        self
    }

    fn depart(&self) {
        let mut gathered = self.gathered();
        if gathered.departures.is_empty() {
            return;
        }
        let departures = mem::take(&mut gathered.departures);
        let keys = departures.iter().map(|departure| &departure.site.key);
        let asked = keys.filter_map(|key| Some((key.clone(), gathered.asked.get(key)?.clone())));
        let asked = asked.collect();
        let loader = loader(gathered.loader.clone(), self.typed.space().clone(), asked);
        let job = Job {
            typed: self.typed.clone(),
            loader: Box::new(|| Some(loader)),
            readings: Readings::new(mem::take(&mut gathered.tags), self.names_tags),
            chain: gathered.chain.take(),
        };
        tokio::spawn(fly(departures, job));
    }
}

impl<T, C, K, E, F> Source<T, E> for Batch<T, C, K, E, F>
where
    T: Send + 'static,
    C: Codec<T>,
    K: Send + 'static,
    F: Send + 'static,
    E: Send + Sync + 'static,
{
    fn send(self: Arc<Self>, departure: Departure<T, E>, tags: View, chain: Option<Arc<Chain>>) {
        let mut gathered = self.gathered();
        if gathered.departures.is_empty() {
            (gathered.tags, gathered.chain) = (tags, chain);
        }
        gathered.departures.push(departure);
    }
}

/// A loader of those keys whose marks stand, which are called so.
fn loader<T, K, F, Fut, I, R, E>(load: F, space: Space, mut asked: HashMap<Key, K>) -> Loader<T, E>
where
    T: Send + 'static,
    K: ToKey + Send + 'static,
    F: FnOnce(Vec<K>) -> Fut + Send + 'static,
    Fut: Future<Output = Result<I, E>> + Send + 'static,
    I: IntoIterator<Item = (K, R)>,
    R: IntoLoaded<T>,
    E: Send + Sync + 'static,
{
    Box::new(move |contexts| {
        let keys = contexts.iter().filter_map(|context| asked.remove(context.key())).collect();
        let loading = load(keys);
        Box::pin(async move {
            // What was not asked for, and what is no key, is let go.
            let pairs = loading.await?.into_iter();
            let found = pairs.filter_map(|(key, found)| Some((space.key(key).ok()?, found)));
            let mut found: HashMap<Key, R> = found.collect();
            let given = contexts.iter().map(|context| Given::perhaps(found.remove(context.key())));
            Ok(given.collect())
        })
    })
}
