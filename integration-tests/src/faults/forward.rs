//! Every call passes one place on its way to the store, as something that can be kept, sent later, and
//! sent twice.

use std::{slice::from_ref, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use cache_api::{
    Cache, Capabilities, Condition, Key, Namespace, Op, Remaining, Result, Scan, SetItem,
    SetOptions, SetOutcome, Ttl, Watch,
};

use super::{Faulty, Scripted};

/// A call that can be sent to a store at any time, and by its clones again.
pub(super) trait Call<T>: FnOnce(Store) -> Self::Sent + Clone + Send + 'static {
    type Sent: Future<Output = Result<T>> + Send + 'static;
}

impl<T, F, Sent> Call<T> for F
where
    F: FnOnce(Store) -> Sent + Clone + Send + 'static,
    Sent: Future<Output = Result<T>> + Send + 'static,
{
    type Sent = Sent;
}

/// The store to send it to. A type with a name: a closure that is given a bare `dyn` is not known to
/// take it for any lifetime, once it is kept across an await.
#[derive(Clone)]
pub(super) struct Store(pub(super) Arc<dyn Cache>);

macro_rules! forward {
    ($($faults:ident),*) => {$(
        #[async_trait]
        #[deny(clippy::missing_trait_methods, reason = "no call goes past the faults")]
        impl Cache for $faults {
            fn name(&self) -> &'static str {
                self.store().name()
            }
            fn capabilities(&self) -> Capabilities {
                self.facts()
            }
            async fn get(&self, key: &Key) -> Result<Option<Bytes>> {
                let own = key.clone();
                let call = async move |to: Store| to.0.get(&own).await;
                self.pass(Op::Get, from_ref(key), call).await
            }
            async fn set(&self, key: &Key, value: Bytes, options: SetOptions) -> Result<SetOutcome> {
                let own = key.clone();
                let call = async move |to: Store| to.0.set(&own, value, options).await;
                self.pass(Op::Set, from_ref(key), call).await
            }
            async fn delete_if(&self, key: &Key, condition: Condition) -> Result<bool> {
                let own = key.clone();
                let call = async move |to: Store| to.0.delete_if(&own, condition).await;
                self.pass(Op::DeleteIf, from_ref(key), call).await
            }
            async fn take(&self, key: &Key) -> Result<Option<Bytes>> {
                let own = key.clone();
                let call = async move |to: Store| to.0.take(&own).await;
                self.pass(Op::Take, from_ref(key), call).await
            }
            async fn ttl(&self, key: &Key) -> Result<Remaining> {
                let own = key.clone();
                let call = async move |to: Store| to.0.ttl(&own).await;
                self.pass(Op::Ttl, from_ref(key), call).await
            }
            async fn expire(&self, key: &Key, ttl: Ttl, condition: Condition) -> Result<bool> {
                let own = key.clone();
                let call = async move |to: Store| to.0.expire(&own, ttl, condition).await;
                self.pass(Op::Expire, from_ref(key), call).await
            }
            async fn increment(&self, key: &Key, by: i64, ttl: Ttl) -> Result<i64> {
                let own = key.clone();
                let call = async move |to: Store| to.0.increment(&own, by, ttl).await;
                self.pass(Op::Increment, from_ref(key), call).await
            }
            async fn clear(&self, namespace: &Namespace) -> Result<()> {
                let (own, key) = (namespace.clone(), namespace.key("")?);
                let call = async move |to: Store| to.0.clear(&own).await;
                self.pass(Op::Clear, &[key], call).await
            }
            async fn delete(&self, key: &Key) -> Result<bool> {
                let own = key.clone();
                let call = async move |to: Store| to.0.delete(&own).await;
                self.pass(Op::DeleteIf, from_ref(key), call).await
            }
            async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>> {
                let own = keys.to_vec();
                let call = async move |to: Store| to.0.get_many(&own).await;
                self.pass(Op::GetMany, keys, call).await
            }
            async fn set_many(&self, items: Vec<SetItem>) -> Result<Vec<SetOutcome>> {
                let keys: Vec<_> = items.iter().map(|item| item.key.clone()).collect();
                let call = async move |to: Store| to.0.set_many(items).await;
                self.pass(Op::SetMany, &keys, call).await
            }
            async fn delete_many(&self, keys: &[Key]) -> Result<u64> {
                let own = keys.to_vec();
                let call = async move |to: Store| to.0.delete_many(&own).await;
                self.pass(Op::DeleteMany, keys, call).await
            }
            fn scan(&self) -> Option<&dyn Scan> {
                self.store().scan()
            }
            fn watch(&self) -> Option<&dyn Watch> {
                self.watched()
            }
        }
    )*};
}

forward!(Scripted, Faulty);
