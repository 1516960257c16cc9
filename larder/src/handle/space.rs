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

    pub(crate) const fn generations(&self) -> bool {
        self.generations
    }

    pub(crate) fn store(&self) -> &Arc<dyn Cache> {
        self.larder.store()
    }

    /// A place of this space, where conditional writes go.
    pub(crate) fn place(&self, key: Key) -> Place {
        let (store, clock) = (Arc::clone(self.larder.store()), Arc::clone(self.larder.clock()));
        Place { store, clock, key }
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
