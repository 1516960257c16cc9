use std::{fmt, pin::Pin};

use cache_api::{Key, Result, SetItem, SetOptions, Ttl};

use super::Typed;
use crate::{
    codec::Codec, envelope::Draft, handle::count, load::Options, tags::TagNames, to_key::ToKey,
};

/// A write of several values, by [`Typed::set_many`]. Nothing happens until it is awaited.
///
/// ```
/// # use larder::prelude::*;
/// # use std::time::Duration;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), larder::Error> {
/// # let larder = Larder::new(backend_memory::MemoryCache::builder().build());
/// let prices = larder.namespace("prices")?.typed::<u64>();
/// prices.set_many([("tea", &3), ("coffee", &4)]).ttl(Duration::from_secs(60)).await?;
/// assert_eq!(prices.get_many(["coffee", "milk"]).await?, [Some(4), None]);
/// prices.delete_many(["tea", "coffee"]).await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is written until it is awaited"]
pub struct SetMany<T, C> {
    typed: Typed<T, C>,
    drafts: Result<Vec<(Key, Draft)>>,
    ttl: Option<Ttl>,
    tags: TagNames,
}

impl<T, C> SetMany<T, C> {
    pub(super) fn new(typed: Typed<T, C>, drafts: Result<Vec<(Key, Draft)>>) -> Self {
        let Options { ttl, ref tags, .. } = *typed.inner.options;
        let tags = tags.clone();
        Self { typed, drafts, ttl, tags }
    }

    /// They live this long: a `Duration` or a [`Ttl`]. Zero leaves no entries.
    pub fn ttl(mut self, ttl: impl Into<Ttl>) -> Self {
        self.ttl = Some(ttl.into());
        self
    }

    /// They live until they are deleted or evicted.
    pub fn forever(self) -> Self {
        self.ttl(Ttl::Never)
    }

    /// They are [invalidated](crate::Space::invalidate_tag) with all others that have this tag.
    pub fn tag(mut self, name: impl ToKey) -> Self {
        self.tags.add(name);
        self
    }
}

impl<T: 'static, C: Codec<T>> SetMany<T, C> {
    async fn write(self) -> Result<()> {
        let Self { typed, drafts, ttl, tags } = self;
        let drafts = drafts?;
        // Checked before anything is sent, and then made anew for each: a jitter is for each its own.
        typed.lifetime(ttl)?;
        let tags = typed.counted(typed.marks(&tags).await)?;
        let mut items = Vec::with_capacity(drafts.len());
        for (key, draft) in drafts {
            let lifetime = typed.lifetime(ttl)?;
            let value = draft.seal(&key, lifetime, &tags);
            items.push(SetItem { key, value, options: SetOptions::new(lifetime.ttl()) });
        }
        let keys: Vec<_> = items.iter().map(|item| item.key.clone()).collect();
        for _ in typed.counted(typed.store().set_many(items).await)? {
            count(&typed.counters().stored);
        }
        keys.iter().for_each(|key| typed.larder().inner.wake.changed(key));
        Ok(())
    }
}

impl<T: 'static, C: Codec<T>> IntoFuture for SetMany<T, C> {
    type Output = Result<()>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.write())
    }
}

/// Without the values.
impl<T, C> fmt::Debug for SetMany<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetMany")
            .field("values", &self.drafts.as_ref().map(Vec::len))
            .field("ttl", &self.ttl)
            .finish_non_exhaustive()
    }
}
