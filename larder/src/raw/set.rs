use std::{fmt, pin::Pin};

use bytes::Bytes;
use cache_api::{Condition, Error, Key, Result, SetOptions, Ttl};

use super::Raw;
use crate::handle::count;

/// A write of bytes, by [`Raw::set`]. Nothing happens until it is awaited.
#[must_use = "nothing is written until it is awaited"]
pub struct RawSet {
    raw: Raw,
    key: Result<Key>,
    value: Bytes,
    ttl: Option<Ttl>,
    condition: Condition,
}

impl RawSet {
    pub(super) const fn new(raw: Raw, key: Result<Key>, value: Bytes) -> Self {
        Self { raw, key, value, ttl: None, condition: Condition::Always }
    }

    /// Lives this long: a `Duration` or a [`Ttl`]. Zero leaves no entry.
    pub fn ttl(mut self, ttl: impl Into<Ttl>) -> Self {
        self.ttl = Some(ttl.into());
        self
    }

    /// Lives until it is deleted or evicted.
    pub fn forever(self) -> Self {
        self.ttl(Ttl::Never)
    }

    /// Only where nothing stands. Of several callers one stores.
    pub fn if_absent(self) -> Self {
        self.when(Condition::Absent)
    }

    /// Only where something stands.
    pub fn if_present(self) -> Self {
        self.when(Condition::Present)
    }

    /// Only when this holds.
    pub fn when(mut self, condition: Condition) -> Self {
        self.condition = condition;
        self
    }

    async fn write(self) -> Result<bool> {
        let Self { raw, key, value, ttl, condition } = self;
        let ttl = ttl.ok_or_else(|| Error::InvalidArgument {
            operation: "set",
            reason: "how long does the value live? Say `.ttl(..)` or `.forever()`".into(),
        })?;
        let options = SetOptions::new(ttl).when(condition);
        let stored = raw.counted(raw.store().set(&key?, value, options).await)?.is_stored();
        count(if stored { &raw.counters().stored } else { &raw.counters().refused });
        Ok(stored)
    }
}

impl IntoFuture for RawSet {
    type Output = Result<bool>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<bool>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.write())
    }
}

/// Without the value.
impl fmt::Debug for RawSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawSet")
            .field("key", &self.key)
            .field("bytes", &self.value.len())
            .field("ttl", &self.ttl)
            .field("condition", &self.condition)
            .finish_non_exhaustive()
    }
}
