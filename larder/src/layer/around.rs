//! One place through which every call to a store goes, for layers that treat all calls alike.

use std::{fmt, pin::Pin, sync::Arc};

use bytes::Bytes;
use cache_api::{
    Cache, Capabilities, Condition, Key, Namespace, Op, Remaining, Result, Scan, SetItem,
    SetOptions, SetOutcome, Ttl, Watch,
};

use super::outcome::Answered;

/// What an `async fn` of [`Cache`] is, written out: a layer that has nothing to add hands on what the
/// store gives, without a box of its own.
pub(super) type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// What a layer does with every call. Streams of keys and of changes go past it.
pub(super) trait Around: fmt::Debug + Send + Sync + 'static {
    /// Sends the call, by its clones as often as it likes, and makes of the answer what it likes.
    fn around<'a, T: Answered>(
        &'a self,
        call: Call<'a>,
        send: impl FnOnce() -> Answer<'a, T> + Clone + Send + 'a,
    ) -> Answer<'a, T>;
}

/// A call, as far as a layer has to know it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<'a> {
    /// The name of the store it goes to.
    pub(super) store: &'static str,
    pub(super) op: Op,
    pub(super) subject: Subject<'a>,
    /// Under which condition it writes. Of a bulk call: `Always`, or any other that an item has.
    pub(super) condition: Condition,
    /// How many bytes of values it writes.
    pub(super) bytes: usize,
}

/// What a call is about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Subject<'a> {
    Key(&'a Key),
    Keys(usize),
    Namespace(&'a Namespace),
}

/// A store with something around its calls.
#[derive(Debug)]
struct Wrapped<A> {
    store: Arc<dyn Cache>,
    around: A,
}

/// The store with this around its calls.
pub(super) fn wrap(store: Arc<dyn Cache>, around: impl Around) -> Arc<dyn Cache> {
    Arc::new(Wrapped { store, around })
}

impl<A: Around> Wrapped<A> {
    fn call<'a>(&self, op: Op, subject: Subject<'a>) -> Call<'a> {
        let store = self.store.name();
        Call { store, op, subject, condition: Condition::Always, bytes: 0 }
    }
}

#[deny(clippy::missing_trait_methods, reason = "no call goes past a layer")]
impl<A: Around> Cache for Wrapped<A> {
    fn name(&self) -> &'static str {
        self.store.name()
    }

    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    fn get<'s: 'a, 'k: 'a, 'a>(&'s self, key: &'k Key) -> Answer<'a, Option<Bytes>> {
        let call = self.call(Op::Get, Subject::Key(key));
        self.around.around(call, move || self.store.get(key))
    }

    fn set<'s: 'a, 'k: 'a, 'a>(
        &'s self,
        key: &'k Key,
        value: Bytes,
        options: SetOptions,
    ) -> Answer<'a, SetOutcome> {
        let call = self.call(Op::Set, Subject::Key(key));
        let call = Call { condition: options.condition, bytes: value.len(), ..call };
        self.around.around(call, move || self.store.set(key, value, options))
    }

    fn delete_if<'s: 'a, 'k: 'a, 'a>(
        &'s self,
        key: &'k Key,
        condition: Condition,
    ) -> Answer<'a, bool> {
        let call = Call { condition, ..self.call(Op::DeleteIf, Subject::Key(key)) };
        self.around.around(call, move || self.store.delete_if(key, condition))
    }

    fn take<'s: 'a, 'k: 'a, 'a>(&'s self, key: &'k Key) -> Answer<'a, Option<Bytes>> {
        let call = self.call(Op::Take, Subject::Key(key));
        self.around.around(call, move || self.store.take(key))
    }

    fn ttl<'s: 'a, 'k: 'a, 'a>(&'s self, key: &'k Key) -> Answer<'a, Remaining> {
        let call = self.call(Op::Ttl, Subject::Key(key));
        self.around.around(call, move || self.store.ttl(key))
    }

    fn expire<'s: 'a, 'k: 'a, 'a>(
        &'s self,
        key: &'k Key,
        ttl: Ttl,
        condition: Condition,
    ) -> Answer<'a, bool> {
        let call = Call { condition, ..self.call(Op::Expire, Subject::Key(key)) };
        self.around.around(call, move || self.store.expire(key, ttl, condition))
    }

    fn increment<'s: 'a, 'k: 'a, 'a>(&'s self, key: &'k Key, by: i64, ttl: Ttl) -> Answer<'a, i64> {
        let call = self.call(Op::Increment, Subject::Key(key));
        self.around.around(call, move || self.store.increment(key, by, ttl))
    }

    fn clear<'s: 'a, 'k: 'a, 'a>(&'s self, namespace: &'k Namespace) -> Answer<'a, ()> {
        let call = self.call(Op::Clear, Subject::Namespace(namespace));
        self.around.around(call, move || self.store.clear(namespace))
    }

    fn delete<'s: 'a, 'k: 'a, 'a>(&'s self, key: &'k Key) -> Answer<'a, bool> {
        let call = self.call(Op::DeleteIf, Subject::Key(key));
        self.around.around(call, move || self.store.delete(key))
    }

    fn get_many<'s: 'a, 'k: 'a, 'a>(&'s self, keys: &'k [Key]) -> Answer<'a, Vec<Option<Bytes>>> {
        let call = self.call(Op::GetMany, Subject::Keys(keys.len()));
        self.around.around(call, move || self.store.get_many(keys))
    }

    fn set_many<'s: 'a, 'a>(&'s self, items: Vec<SetItem>) -> Answer<'a, Vec<SetOutcome>> {
        let mut call = self.call(Op::SetMany, Subject::Keys(items.len()));
        for item in &items {
            call.bytes += item.value.len();
            if item.options.condition != Condition::Always {
                call.condition = item.options.condition;
            }
        }
        self.around.around(call, move || self.store.set_many(items))
    }

    fn delete_many<'s: 'a, 'k: 'a, 'a>(&'s self, keys: &'k [Key]) -> Answer<'a, u64> {
        let call = self.call(Op::DeleteMany, Subject::Keys(keys.len()));
        self.around.around(call, move || self.store.delete_many(keys))
    }

    fn scan(&self) -> Option<&dyn Scan> {
        self.store.scan()
    }

    fn watch(&self) -> Option<&dyn Watch> {
        self.store.watch()
    }
}
