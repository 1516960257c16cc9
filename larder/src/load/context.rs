use std::{
    collections::HashSet,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use cache_api::{Error, Key, Result};

use super::{
    Flights,
    footing::{PATIENCE, Site},
};
use crate::{
    envelope::Mark,
    handle::Space,
    tags::{TagName, ensure},
    to_key::ToKey,
};

tokio::task_local! {
    /// The keys that this task loads, outermost first: a loader may ask for other entries.
    static LOADING: Arc<Chain>;
}

/// Keys that are being loaded together, and the load that asked for them.
#[derive(Debug)]
pub(crate) struct Chain {
    /// Of which larder: another one's entry of the same name is another entry.
    flights: Arc<Flights>,
    keys: HashSet<Key>,
    outer: Option<Arc<Chain>>,
}

impl Chain {
    /// Whether this task is in the middle of a load.
    pub(crate) fn is_loading() -> bool {
        LOADING.try_with(|_| ()).is_ok()
    }

    /// The loads that this task is in the middle of.
    pub(crate) fn current() -> Option<Arc<Self>> {
        LOADING.try_with(Arc::clone).ok()
    }

    /// Whether one of them is of this key.
    pub(crate) fn holds(chain: Option<&Arc<Self>>, flights: &Arc<Flights>, key: &Key) -> bool {
        let mut next = chain;
        while let Some(link) = next {
            if Arc::ptr_eq(&link.flights, flights) && link.keys.contains(key) {
                return true;
            }
            next = link.outer.as_ref();
        }
        false
    }

    /// Runs a loader as one more of them.
    pub(crate) async fn load<F: Future>(
        flights: Arc<Flights>,
        keys: HashSet<Key>,
        outer: Option<Arc<Self>>,
        loader: F,
    ) -> F::Output {
        LOADING.scope(Arc::new(Self { flights, keys, outer }), loader).await
    }
}

/// What a loader can do besides loading: name tags before it asks its source.
///
/// ```
/// # use std::{convert::Infallible, time::Duration};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let larder = larder::Larder::new(backend_memory::MemoryCache::builder().build());
/// let users = larder.namespace("users")?.typed::<String>();
/// let name = users
///     .get_or_load_with(42, |load| async move {
///         load.tag("team:7").await;
///         Ok::<_, Infallible>("Ada".to_owned())
///     })
///     .ttl(Duration::from_secs(60))
///     .await?;
/// # assert_eq!(name, "Ada");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct LoadContext {
    inner: Arc<Inner>,
}

struct Inner {
    space: Space,
    key: Key,
    /// How long the store may take for a tag.
    patience: Duration,
    noted: Mutex<Noted>,
}

/// The tags of a load so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Noted {
    marks: Vec<Mark>,
    /// A tag could not be read: what was loaded must not be stored.
    unknown: bool,
}

impl Noted {
    pub(crate) const fn of(marks: Vec<Mark>) -> Self {
        Self { marks, unknown: false }
    }

    /// What is loaded now is not to be stored anyhow.
    pub(crate) const fn unknown() -> Self {
        Self { marks: Vec::new(), unknown: true }
    }

    /// All of them, if all could be read.
    pub(crate) fn known(self) -> Option<Vec<Mark>> {
        (!self.unknown).then_some(self.marks)
    }
}

impl LoadContext {
    pub(crate) fn new(site: &Site, noted: Noted) -> Self {
        let (space, key) = (site.space.clone(), site.key.clone());
        // The loader's time is for its source.
        let patience = PATIENCE.min(site.options.hard_timeout / 4);
        Self { inner: Arc::new(Inner { space, key, patience, noted: Mutex::new(noted) }) }
    }

    /// The key that is loaded.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.inner.key
    }

    /// The value has this tag. To be awaited **before the source is asked**: an invalidation after that
    /// makes the value dead, however late it is stored.
    ///
    /// One round trip. If the store does not answer, within half a second and a quarter of the
    /// [hard timeout](crate::Typed::hard_timeout), the value is loaded all the same and not stored.
    pub fn tag<K: ToKey>(&self, name: K) -> impl Future<Output = ()> + Send + use<K> {
        let (context, name) = (self.clone(), TagName::new(name));
        async move {
            let Inner { space, patience, .. } = &*context.inner;
            let name = match name {
                Ok(name) => name,
                Err(mistake) => return context.note(Err(mistake)),
            };
            let read = ensure(space.store().as_ref(), space.namespace(), &name);
            let read = tokio::select! {
                read = read => read,
                () = space.larder().clock().sleep(*patience) => Err(Error::Timeout {
                    backend: space.store().name(),
                    operation: "tag",
                    after: *patience,
                    may_have_applied: false,
                }),
            };
            context.note(read.map(|seen| Mark { name: name.as_bytes().clone(), seen }));
        }
    }

    fn note(&self, mark: Result<Mark>) {
        let mut noted = self.inner.noted.lock().unwrap_or_else(PoisonError::into_inner);
        match mark {
            // The first reading counts: something may have been asked of the source since.
            Ok(mark) if noted.marks.iter().any(|known| known.name == mark.name) => {}
            Ok(mark) => noted.marks.push(mark),
            Err(error) => {
                tracing::debug!(%error, "a tag could not be read: what is loaded will not be stored");
                noted.unknown = true;
            }
        }
    }

    /// The tags that were named.
    pub(crate) fn noted(&self) -> Noted {
        self.inner.noted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for LoadContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadContext").finish_non_exhaustive()
    }
}
