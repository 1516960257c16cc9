use std::{fmt, marker::PhantomData, sync::Arc};

use cache_api::{Key, Remaining, Result, Ttl};

use super::{Set, SetMany, Value};
use crate::{
    codec::{Codec, MessagePack},
    envelope::{Draft, Expected},
    handle::{Space, count},
    invalidate::Invalidate,
    load::{Options, setters},
    tags::TagName,
    to_key::ToKey,
};

/// The values of one type in a [`Space`]. Cheap to clone.
///
/// Each call is one round trip to the store, unless it says otherwise. A call's future owns what it
/// needs: it can be spawned, joined and timed out. A dropped write may still be applied, late, whole
/// or not at all.
///
/// What stands at a key and is no value of this type and codec, because it is damaged, another
/// program's, or a mark of work in progress, is a miss to every call here and blocks none. Damage is
/// counted in [`Stats`](crate::Stats).
///
/// ```
/// use larder::prelude::*;
/// use serde::{Deserialize, Serialize};
/// use std::time::Duration;
///
/// #[derive(Serialize, Deserialize, Debug, PartialEq)]
/// struct User { name: String }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), larder::Error> {
/// # let larder = Larder::new(backend_memory::MemoryCache::builder().build());
/// let users = larder.namespace("users")?.typed::<User>();
/// let ada = User { name: "Ada".into() };
/// users.set(42, &ada).ttl(Duration::from_secs(3600)).await?;
/// assert_eq!(users.get("42").await?, Some(ada));
/// assert!(users.delete(42).await?);
/// # Ok(())
/// # }
/// ```
pub struct Typed<T, C = MessagePack> {
    pub(crate) inner: Arc<Inner<C>>,
    value: PhantomData<fn() -> T>,
}

#[derive(Clone)]
pub(crate) struct Inner<C> {
    pub(crate) space: Space,
    pub(crate) codec: C,
    pub(crate) schema: u32,
    pub(crate) options: Arc<Options>,
}

impl Space {
    /// The values of a type in this space, as MessagePack.
    #[must_use]
    pub fn typed<T: Value>(&self) -> Typed<T> {
        self.typed_with(MessagePack)
    }

    /// The values of a type in this space, in another codec.
    #[must_use]
    pub fn typed_with<T, C: Codec<T>>(&self, codec: C) -> Typed<T, C> {
        let mut options = Options::default();
        if self.has_generations() {
            options.tags.insert(TagName::GENERATION);
        }
        let options = Arc::new(options);
        Typed::new(Inner { space: self.clone(), codec, schema: 0, options })
    }
}

impl<T, C> Typed<T, C> {
    fn new(inner: Inner<C>) -> Self {
        Self { inner: Arc::new(inner), value: PhantomData }
    }

    /// The same values in another codec. Entries of one codec are misses to the other.
    #[must_use]
    pub fn codec<D: Codec<T>>(&self, codec: D) -> Typed<T, D> {
        let Inner { space, schema, options, .. } = &*self.inner;
        Typed::new(Inner {
            space: space.clone(),
            codec,
            schema: *schema,
            options: Arc::clone(options),
        })
    }

    /// The space they lie in.
    #[must_use]
    pub fn space(&self) -> &Space {
        &self.inner.space
    }
}

impl<T: 'static, C: Codec<T>> Typed<T, C> {
    /// Values live this long if a [`set`](Self::set) or a load says nothing: a `Duration`, or
    /// [`Ttl::Never`].
    #[must_use]
    pub fn default_ttl(&self, ttl: impl Into<Ttl>) -> Self {
        let mut typed = self.clone();
        typed.options_mut().ttl = Some(ttl.into());
        typed
    }

    /// All that is written or loaded through this handle has this tag, besides those of its own.
    #[must_use]
    pub fn tag(mut self, name: impl ToKey) -> Self {
        self.options_mut().tags.add(name);
        self
    }

    setters!(#[must_use]);

    fn options_mut(&mut self) -> &mut Options {
        Arc::make_mut(&mut Arc::make_mut(&mut self.inner).options)
    }

    /// A number to change when the meaning of the type changes in a way that its fields do not show,
    /// seconds that become milliseconds. Entries of another schema are misses. Default: 0.
    #[must_use]
    pub fn schema(&self, schema: u32) -> Self {
        let mut typed = self.clone();
        Arc::make_mut(&mut typed.inner).schema = schema;
        typed
    }

    /// The value of a key. One that is past its time is none, although
    /// [`get_or_load`](Self::get_or_load) might serve it.
    ///
    /// A value with tags that were not named for [the handle](Self::tag) costs a second round trip.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidKey`](cache_api::Error::InvalidKey), or the store's. A miss is no error.
    pub fn get<K: ToKey>(
        &self,
        key: K,
    ) -> impl Future<Output = Result<Option<T>>> + Send + use<T, C, K> {
        let (typed, key) = (self.clone(), self.inner.space.key(key));
        async move {
            let found = typed.find(&key?).await;
            Ok(typed.value(typed.counted(found)?.standing))
        }
    }

    /// Writes a value, which is encoded at once: the future does not borrow it.
    ///
    /// How long it lives must be said: here with [`ttl`](Set::ttl) or [`forever`](Set::forever), or
    /// for the handle with [`default_ttl`](Self::default_ttl). Resolves to whether it was stored,
    /// which without a condition it always is.
    ///
    /// A plain `set` overwrites whatever stands there. It knows nothing of what happened to the
    /// source since the value was read from it: to fill a key after a miss, [`reserve`](Self::reserve) it.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`](cache_api::Error::InvalidArgument) without a lifetime or when the
    /// value does not encode, [`Error::TooLarge`](cache_api::Error::TooLarge),
    /// [`Error::InvalidKey`](cache_api::Error::InvalidKey), or the store's: after one of these
    /// that [may have been applied](cache_api::Error::may_have_applied), the value may stand.
    pub fn set(&self, key: impl ToKey, value: &T) -> Set<T, C> {
        let draft = self.inner.space.key(key).and_then(|key| Ok((key, self.draft(value)?)));
        Set::new(self.clone(), draft)
    }

    /// Removes what stands at a key. `true` if it was a value, whether or not its tags still held.
    ///
    /// Marks of work in progress are removed too: what is being loaded meanwhile is not kept. To
    /// learn that, the old value comes back over the wire; [`delete_many`](Self::delete_many) does
    /// not ask.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidKey`](cache_api::Error::InvalidKey), or the store's.
    pub fn delete<K: ToKey>(
        &self,
        key: K,
    ) -> impl Future<Output = Result<bool>> + Send + use<T, C, K> {
        let (typed, key) = (self.clone(), self.inner.space.key(key));
        async move {
            let key = key?;
            let taken = typed.counted(typed.store().take(&key).await)?;
            typed.larder().inner.wake.changed(&key);
            Ok(taken.is_some_and(|record| typed.is_value(&key, record)))
        }
    }

    /// Removes a value and returns it, in one atomic step: of several callers one gets it.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidKey`](cache_api::Error::InvalidKey), or the store's.
    pub fn take<K: ToKey>(
        &self,
        key: K,
    ) -> impl Future<Output = Result<Option<T>>> + Send + use<T, C, K> {
        let (typed, key) = (self.clone(), self.inner.space.key(key));
        async move {
            let key = key?;
            typed.counted(typed.larder().settle(&key, &[], &[]).await)?;
            let taken = typed.counted(typed.store().take(&key).await)?;
            typed.larder().inner.wake.changed(&key);
            let standing = typed.judge(&key, taken).await;
            Ok(typed.value(typed.counted(standing)?))
        }
    }

    /// How long a value has left before it is past its time. Two calls to the store, side by side.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidKey`](cache_api::Error::InvalidKey), or the store's.
    pub fn ttl<K: ToKey>(
        &self,
        key: K,
    ) -> impl Future<Output = Result<Remaining>> + Send + use<T, C, K> {
        let (typed, key) = (self.clone(), self.inner.space.key(key));
        async move {
            let key = key?;
            typed.counted(typed.larder().settle(&key, &[], &[]).await)?;
            let store = typed.store();
            let answers = futures_util::future::try_join(store.get(&key), store.ttl(&key)).await;
            let (found, remaining) = typed.counted(answers)?;
            let standing = typed.judge(&key, found).await;
            Ok(typed.remaining(&typed.counted(standing)?, remaining))
        }
    }

    /// Gives a value a new lifetime, counted from now. `true` if one stood there.
    ///
    /// The lifetime is part of what is stored, so this reads the value and writes it anew, if it is still
    /// the same: two round trips, more when others change it meanwhile.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidKey`](cache_api::Error::InvalidKey), or the store's.
    pub fn expire<K: ToKey, L: Into<Ttl>>(
        &self,
        key: K,
        ttl: L,
    ) -> impl Future<Output = Result<bool>> + Send + use<T, C, K, L> {
        let (typed, key, ttl) = (self.clone(), self.inner.space.key(key), ttl.into());
        async move {
            let renewed = typed.renew(key?, ttl).await;
            typed.counted(renewed)
        }
    }

    /// The values of several keys, in their order. One call to the store.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidKey`](cache_api::Error::InvalidKey) if one of them is none, or the store's.
    pub fn get_many<K: ToKey, I: IntoIterator<Item = K>>(
        &self,
        keys: I,
    ) -> impl Future<Output = Result<Vec<Option<T>>>> + Send + use<T, C, K, I> {
        let (typed, keys) = (self.clone(), self.keys(keys));
        async move {
            let found = typed.find_many(&keys?).await;
            let (standing, _) = typed.counted(found)?;
            Ok(standing.into_iter().map(|standing| typed.value(standing)).collect())
        }
    }

    /// Writes several values, all with one lifetime. One call to the store.
    ///
    /// Each is atomic, the batch is not: after an error any of them may be stored.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    pub fn set_many<'a, K: ToKey>(
        &self,
        values: impl IntoIterator<Item = (K, &'a T)>,
    ) -> SetMany<T, C>
    where
        T: 'a,
    {
        let drafts = values.into_iter();
        let drafts =
            drafts.map(|(key, value)| Ok((self.inner.space.key(key)?, self.draft(value)?)));
        SetMany::new(self.clone(), drafts.collect())
    }

    /// Removes what stands at several keys, whatever it is. One call to the store.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidKey`](cache_api::Error::InvalidKey) if one of them is none, or the store's:
    /// then any of them may be gone.
    pub fn delete_many<K: ToKey, I: IntoIterator<Item = K>>(
        &self,
        keys: I,
    ) -> impl Future<Output = Result<()>> + Send + use<T, C, K, I> {
        let (typed, keys) = (self.clone(), self.keys(keys));
        async move {
            let keys = keys?;
            typed.counted(typed.store().delete_many(&keys).await)?;
            keys.iter().for_each(|key| typed.larder().inner.wake.changed(key));
            Ok(())
        }
    }

    /// See [`Space::invalidate`].
    pub fn invalidate(&self, key: impl ToKey) -> Invalidate {
        self.inner.space.invalidate(key)
    }

    /// See [`Space::invalidate_tag`].
    pub fn invalidate_tag(&self, name: impl ToKey) -> Invalidate {
        self.inner.space.invalidate_tag(name)
    }

    /// See [`Space::invalidate_all`].
    pub fn invalidate_all(&self) -> Invalidate {
        self.inner.space.invalidate_all()
    }

    fn keys<K: ToKey>(&self, keys: impl IntoIterator<Item = K>) -> Result<Vec<Key>> {
        keys.into_iter().map(|key| self.inner.space.key(key)).collect()
    }

    pub(super) fn draft(&self, value: &T) -> Result<Draft> {
        let Inner { space, codec, schema, .. } = &*self.inner;
        Draft::encode(codec, *schema, space.larder().inner.max_value, value)
    }

    pub(crate) fn expected(&self) -> Expected {
        let limit = self.inner.space.larder().inner.max_value;
        Expected { codec: C::ID, schema: self.inner.schema, limit }
    }
}

impl<T, C> Typed<T, C> {
    /// The answer of a store, whose error is counted.
    pub(crate) fn counted<A>(&self, answer: Result<A>) -> Result<A> {
        if answer.is_err() {
            count(&self.inner.space.larder().inner.counters.errors);
        }
        answer
    }
}

impl<T, C> Clone for Typed<T, C> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), value: PhantomData }
    }
}

impl<T, C> fmt::Debug for Typed<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Typed")
            .field("namespace", self.inner.space.namespace())
            .field("type", &std::any::type_name::<T>())
            .field("default_ttl", &self.inner.options.ttl)
            .finish_non_exhaustive()
    }
}
