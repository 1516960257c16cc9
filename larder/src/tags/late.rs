//! Tags of what has no place for them in its envelope: whoever records a stream keeps them in its head.

use bytes::Bytes;
use cache_api::{Key, Result};

use super::{Sequence, TagName, Verdict, View};
use crate::{
    Space, ToKey,
    envelope::{Kind, Stamp, read_work, write_work},
};

/// A moment before a source is asked, for tags that are known only once it has answered. See
/// [`Space::before_tags`].
#[derive(Debug)]
pub struct BeforeTags {
    space: Space,
    sequence: Sequence,
}

impl Space {
    /// Takes note of the moment before a source is asked, if its answer may name tags: typed values do so
    /// by themselves, streams keep them in their heads. One round trip, two the first time in a space.
    ///
    /// ```
    /// # use larder::Larder;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), larder::Error> {
    /// # let larder = Larder::new(backend_memory::MemoryCache::builder().build());
    /// let pages = larder.namespace("pages")?;
    /// let key = pages.key("/tea")?;
    /// let before = pages.before_tags().await?;
    /// // The source is asked here, and names the tag.
    /// let seen = before.seen(["prices"]).await?.expect("nothing was invalidated meanwhile");
    /// // They are kept with the answer, and looked at before it is served.
    /// assert!(pages.tags_hold(&key, &seen).await?);
    /// pages.invalidate_tag("prices").await.applied()?;
    /// assert!(!pages.tags_hold(&key, &seen).await?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The store's.
    pub async fn before_tags(&self) -> Result<BeforeTags> {
        let sequence = Sequence::read(self.store().as_ref(), self.namespace()).await?;
        Ok(BeforeTags { space: self.clone(), sequence })
    }

    /// Whether tags are still what they were [when they were seen](BeforeTags::seen) for the answer under
    /// this key. What cannot be read does not hold. One round trip.
    ///
    /// # Errors
    ///
    /// The store's.
    pub async fn tags_hold(&self, key: &Key, seen: &Bytes) -> Result<bool> {
        let Some(marks) = read_work(seen) else { return Ok(false) };
        let names: Vec<_> =
            marks.iter().map(|mark| TagName::from_bytes(mark.name.clone())).collect();
        self.larder().settle(key, &names, &marks).await?;
        let view = View::read(self.store().as_ref(), self.namespace(), &names).await?;
        Ok(view.judge(&marks) == Verdict::Holds)
    }
}

impl BeforeTags {
    /// The tags as they were before the source was asked, in bytes to be kept with its answer. `None`: one
    /// may have been invalidated since, and the answer must not be kept. Two round trips, and one for each
    /// tag that nobody has used yet.
    ///
    /// # Errors
    ///
    /// The store's; a tag whose name is too long.
    pub async fn seen<K: ToKey>(
        &self,
        names: impl IntoIterator<Item = K>,
    ) -> Result<Option<Bytes>> {
        let names = names.into_iter().map(TagName::new).collect::<Result<Vec<_>>>()?;
        let (store, namespace) = (self.space.store().as_ref(), self.space.namespace());
        let mut view = View::read(store, namespace, &names).await?;
        let marks = view.marks(store, namespace, &names).await?;
        if !self.sequence.holds(store, namespace).await? {
            return Ok(None);
        }
        Ok(Some(write_work(Stamp::new(Kind::Tag), &marks)))
    }
}
