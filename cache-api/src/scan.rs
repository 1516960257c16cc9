use std::{fmt, pin::Pin};

use futures_core::Stream;

use crate::{Key, Namespace, Result};

/// Keys, one by one. Ends after the first error.
pub type KeyStream = Pin<Box<dyn Stream<Item = Result<Key>> + Send>>;

/// The keys of a store, for people and tools. Correctness never rests on it.
///
/// # Contract
///
/// - Yields the keys of the namespace and of its descendants: what [`clear`](crate::Cache::clear)
///   would remove, the library's own (`ns/.chunk`) included.
/// - A key that stood there the whole time is yielded; one that came or went may be. Unordered, and a
///   key may be yielded twice.
/// - Bounded in memory, whatever the number of keys; other callers are served in between.
pub trait Scan: fmt::Debug + Send + Sync {
    /// The keys of a namespace and of its descendants. Does nothing until it is polled.
    fn keys(&self, namespace: &Namespace) -> KeyStream;
}
