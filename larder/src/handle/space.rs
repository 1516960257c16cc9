use std::sync::Arc;

use cache_api::{Cache, Error, Key, KeyStream, Namespace, Result};

use crate::{
    handle::Larder,
    lease::Place,
    to_key::{self, ToKey},
};

/// The entries under one name. Cheap to clone.
///
/// A space does not say what its entries are: [`typed`](Self::typed) values, [`raw`](Self::raw) bytes
/// or [`streams`](Self::streams). Give each sort of value a space of its own: two of them under one
/// key overwrite each other.
#[derive(Debug, Clone)]
pub struct Space {
    larder: Larder,
    namespace: Namespace,
    hash_long_keys: bool,
    generations: bool,
}

impl Space {
    pub(crate) const fn new(larder: Larder, namespace: Namespace) -> Self {
        Self { larder, namespace, hash_long_keys: false, generations: false }
    }

    /// Its name.
    #[must_use]
    pub const fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The cache it is a part of.
    #[must_use]
    pub const fn larder(&self) -> &Larder {
        &self.larder
    }

    /// A space inside this one: [`clear`](Self::clear) of this one empties it too.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidNamespace`] if the name is none, or the two together are too long.
    pub fn child(&self, name: &str) -> Result<Self> {
        Ok(Self { namespace: self.namespace.child(name)?, ..self.clone() })
    }

    /// Keys over 1 KiB are replaced by their BLAKE3 hash, instead of being refused.
    #[must_use]
    pub const fn hash_long_keys(mut self) -> Self {
        self.hash_long_keys = true;
        self
    }

    /// The library's own entries of this space.
    pub(crate) fn reserved(&self, name: &str) -> Result<Self> {
        Ok(Self { namespace: self.namespace.reserved(name)?, ..self.clone() })
    }

    /// Every entry that is read and written through this has the generation of the space, which
    /// [`invalidate_all`](Self::invalidate_all) then changes instead of walking over all keys.
    ///
    /// Each look-up reads the generation too, in the same round trip: the reads double, and its key is a
    /// hot one. All programs that share the space must agree on it: an entry that was written without a
    /// generation is none to this handle, and one that was written with it is read by others as long as
    /// its generation holds.
    ///
    /// ```
    /// # use larder::Larder;
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), larder::Error> {
    /// # let larder = Larder::new(backend_memory::MemoryCache::builder().build());
    /// let prices = larder.namespace("prices")?.with_generations().typed::<u32>();
    /// prices.set("tea", &3).ttl(Duration::from_secs(60)).await?;
    /// prices.invalidate_all().await.applied()?;
    /// assert_eq!(prices.get("tea").await?, None);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub const fn with_generations(mut self) -> Self {
        self.generations = true;
        self
    }

    pub(crate) const fn has_generations(&self) -> bool {
        self.generations
    }

    pub(crate) fn store(&self) -> &Arc<dyn Cache> {
        self.larder.store()
    }

    /// A place of this space, where conditional writes go.
    pub(crate) fn place(&self, key: Key) -> Place {
        let (store, clock) = (Arc::clone(self.larder.store()), Arc::clone(self.larder.clock()));
        let given_up = Arc::clone(&self.larder.inner.given_up);
        Place { store, clock, key, switches: self.larder.inner.switches, given_up }
    }

    /// The key of an entry of this space.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidKey`] over 1 KiB, unless [`hash_long_keys`](Self::hash_long_keys).
    pub fn key(&self, key: impl ToKey) -> Result<Key> {
        to_key::key(&self.namespace, key, self.hash_long_keys)
    }

    /// Removes every entry of this space and of the spaces inside it.
    ///
    /// What was there before the call is gone when it returns, and what is being loaded or recorded
    /// meanwhile is not kept. Costs a walk over the keys of the store.
    ///
    /// # Errors
    ///
    /// The store's. Some entries may be gone then, others not.
    pub async fn clear(&self) -> Result<()> {
        self.larder.store().clear(&self.namespace).await
    }

    /// The keys of this space and of the spaces inside it, as they stand in the store: those that
    /// belong to work in progress and to streams included. For people and tools.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] if the store cannot list its keys.
    pub fn keys(&self) -> Result<KeyStream> {
        let store = self.larder.store();
        let scan = store
            .scan()
            .ok_or_else(|| Error::Unsupported { backend: store.name(), operation: "scan" })?;
        Ok(scan.keys(&self.namespace))
    }
}
