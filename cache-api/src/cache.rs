use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;

use crate::{
    Capabilities, Condition, Key, Namespace, Remaining, Result, Scan, SetItem, SetOptions,
    SetOutcome, Ttl, Watch,
};

/// A store of bytes under keys, each entry with a lifetime.
///
/// Values are the caller's bytes, unwrapped: what `set` wrote under `users:42` is what any other
/// client of the same store reads there.
///
/// # Contract
///
/// Binding for every implementation; the conformance kit has a test for each rule.
///
/// **Entries**
/// - [`set`](Self::set) replaces value *and* lifetime. Nothing of the old entry's lifetime survives.
/// - An empty value is a value. Any bytes are legal in a value and in the user part of a key.
/// - A value over [`Capabilities::max_value`] is [`Error::TooLarge`](crate::Error::TooLarge) and
///   changes nothing.
///
/// **Lifetimes**
/// - [`Ttl::millis`] is the one normalisation: zero leaves no entry, under a millisecond rounds up,
///   over 100 years is for ever.
/// - An expired entry is missing for every operation at once, [`Condition::Absent`] included.
///
/// **Conditions**
/// - A [`Condition`] is judged and its write applied in one atomic step.
/// - `Absent` raced by any number of callers has one winner while the entry lives. A store never
///   answers "already equal, so stored".
/// - A refusal says [what stood there](SetOutcome::Refused).
///
/// **Bulk calls** keep the order of what they were given, allow duplicates and an empty list. Each
/// item is atomic, the batch is not; after an error any subset may have been applied.
///
/// **Cancellation.** Any future may be dropped at any await. An abandoned write may still be applied,
/// late, whole or not at all; it never breaks a condition. No answer ever reaches the wrong caller.
///
/// **Errors.** A miss is never an error. Every wait is bounded. An error of a write says whether the
/// write [may have been applied](crate::Error::may_have_applied).
///
/// # Handles
///
/// A store is shared as `Arc<dyn Cache>`; `Arc<T>` and `Box<T>` are caches themselves. A wrapper
/// forwards *every* method, defaulted ones too, and carries `#[deny(clippy::missing_trait_methods)]`
/// so that one added later is not forgotten.
#[async_trait]
pub trait Cache: fmt::Debug + Send + Sync + 'static {
    /// A short name for messages: `"memory"`, `"redis"`, `"sled"`.
    fn name(&self) -> &'static str;

    /// Facts and limits of this store.
    fn capabilities(&self) -> Capabilities;

    /// The value of an entry, or `None` where nothing stands.
    async fn get(&self, key: &Key) -> Result<Option<Bytes>>;

    /// Writes value and lifetime if the condition holds.
    ///
    /// With a lifetime of zero the entry is gone afterwards, and the outcome is `Stored`.
    async fn set(&self, key: &Key, value: Bytes, options: SetOptions) -> Result<SetOutcome>;

    /// Removes an entry if the condition holds. `true` if one was removed.
    ///
    /// With [`Condition::Absent`] there is nothing to remove: always `false`.
    async fn delete_if(&self, key: &Key, condition: Condition) -> Result<bool>;

    /// Removes an entry and returns what stood there, in one atomic step.
    async fn take(&self, key: &Key) -> Result<Option<Bytes>>;

    /// How long an entry has left.
    async fn ttl(&self, key: &Key) -> Result<Remaining>;

    /// Gives an entry a new lifetime, counted from now, if the condition holds. `true` if it did.
    ///
    /// A lifetime of zero removes the entry (`true` if one stood there and the condition held).
    /// With [`Condition::Absent`] there is nothing to extend: always `false`.
    async fn expire(&self, key: &Key, ttl: Ttl, condition: Condition) -> Result<bool>;

    /// Adds to a counter and returns the sum.
    ///
    /// A counter is an entry whose value is a canonical decimal `i64`: `0`, or an optional `-` and
    /// digits without a leading zero. A missing one counts from zero and is given `ttl`, in the same
    /// atomic step; an existing one keeps its lifetime.
    ///
    /// # Errors
    ///
    /// [`Error::NotANumber`](crate::Error::NotANumber) for any other value,
    /// [`Error::Overflow`](crate::Error::Overflow) when the sum does not fit,
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for a lifetime of zero. Each leaves
    /// the entry as it was.
    async fn increment(&self, key: &Key, by: i64, ttl: Ttl) -> Result<i64>;

    /// Removes the entries of a namespace and of its descendants.
    ///
    /// What was set before the call began is gone when it returns; what is set after it returned
    /// stays; between the two either may happen. `clear` of `users` reaches `users` and `users/eu`,
    /// not `users2`, and only keys that [parse](Key::parse) as ours. It never empties a database.
    async fn clear(&self, namespace: &Namespace) -> Result<()>;

    /// Removes an entry. `true` if one stood there.
    async fn delete(&self, key: &Key) -> Result<bool> {
        self.delete_if(key, Condition::Always).await
    }

    /// The values of several entries, in the order of `keys`.
    ///
    /// The default makes one call per key.
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>> {
        let mut values = Vec::with_capacity(keys.len());
        for key in keys {
            values.push(self.get(key).await?);
        }
        Ok(values)
    }

    /// Writes several entries, in order, each under its own condition.
    ///
    /// The default makes one call per item.
    async fn set_many(&self, items: Vec<SetItem>) -> Result<Vec<SetOutcome>> {
        let mut outcomes = Vec::with_capacity(items.len());
        for SetItem { key, value, options } in items {
            outcomes.push(self.set(&key, value, options).await?);
        }
        Ok(outcomes)
    }

    /// Removes several entries and counts those that stood there.
    ///
    /// The default makes one call per key.
    async fn delete_many(&self, keys: &[Key]) -> Result<u64> {
        let mut removed = 0;
        for key in keys {
            removed += u64::from(self.delete(key).await?);
        }
        Ok(removed)
    }

    /// The keys of a namespace, if this store can list them.
    fn scan(&self) -> Option<&dyn Scan> {
        None
    }

    /// The changes made by anyone, if this store can report them.
    fn watch(&self) -> Option<&dyn Watch> {
        None
    }
}

/// The trait stays usable as `dyn Cache`: this does not compile otherwise.
const _: fn(&dyn Cache) = |_| {};
