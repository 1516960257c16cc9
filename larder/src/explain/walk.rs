use bytes::Bytes;
use cache_api::{Key, Remaining, Result};
use futures_util::{StreamExt, TryStreamExt, future::try_join};

use super::{Survey, record::Record};
use crate::handle::Space;

/// How many entries are looked at at a time: so many values are in memory, and no more.
const AT_ONCE: usize = 16;

impl Space {
    /// Counts all entries of this space and of the spaces inside it, by what they are, and names the
    /// largest: at most so many.
    ///
    /// Walks over the [keys](Self::keys) of the store and reads every entry, 16 at a time: two calls to the
    /// store for each. Its memory is bounded by that, whatever the number of entries; the store works as
    /// for reading all of them, so ask seldom. What comes and goes meanwhile is counted or not, and a key
    /// that the store tells twice is counted twice. Nothing is changed, and no value is decoded.
    ///
    /// ```
    /// # use larder::{Larder, explain::Sort};
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), larder::Error> {
    /// # let larder = Larder::new(backend_memory::MemoryCache::builder().build());
    /// let users = larder.namespace("users")?;
    /// users.typed::<String>().set(42, &"Ada".into()).ttl(Duration::from_secs(600)).await?;
    /// users.raw().increment("visits", 1, Duration::from_secs(60)).await?;
    ///
    /// let survey = users.survey(10).await?;
    /// assert_eq!((survey.of(Sort::Value).entries, survey.of(Sort::Raw).entries), (1, 1));
    /// assert_eq!(survey.largest[0].key.user(), b"42");
    /// assert_eq!((survey.lifetimes.ending.minute, survey.lifetimes.ending.hour), (1, 1));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`](cache_api::Error::Unsupported) if the store cannot list its keys, or the
    /// store's.
    pub fn survey(&self, largest: usize) -> impl Future<Output = Result<Survey>> + Send + use<> {
        let space = self.clone();
        async move {
            let mut survey = Survey::default();
            let look = |key| async { look(&space, key?).await };
            let mut looked = space.keys()?.map(look).buffer_unordered(AT_ONCE);
            while let Some((key, found, remaining)) = looked.try_next().await? {
                let Some(bytes) = found else {
                    survey.vanished += 1;
                    continue;
                };
                let larder = space.larder();
                let record = Record::read(&bytes, &key, larder.inner.max_value);
                let length = bytes.len() as u64;
                survey.add(key, &record, length, remaining, larder.now_ms(), largest);
            }
            Ok(survey)
        }
    }
}

async fn look(space: &Space, key: Key) -> Result<(Key, Option<Bytes>, Remaining)> {
    let store = space.store();
    let (found, remaining) = try_join(store.get(&key), store.ttl(&key)).await?;
    Ok((key, found, remaining))
}
