//! What is done about a committed stream by whoever reads it: renewed, replaced, removed. Each touches that
//! very recording and no other that may stand there by now.

use cache_api::Ttl;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    ToKey,
    lease::{Written, write},
    stream::{
        Claim, Edition, StreamError, Streams,
        format::{ChunkKeys, Manifest},
        head,
        launch::lifetime,
    },
};

impl<H: Serialize + DeserializeOwned + Send + Sync + 'static> Streams<H> {
    /// The right to record in the place of a stream that was opened under this key. Until the new one
    /// [starts](Claim::start) the old one stands as it is, and where something else stands by then the
    /// new one is handed on and not stored. No round trip.
    ///
    /// # Errors
    ///
    /// A key that no store takes.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use futures_util::stream;
    /// # use larder::{Bytes, stream::Part};
    /// # let larder = larder::Larder::new(backend_memory::MemoryCache::builder().build());
    /// # let reports = larder.namespace("reports")?.streams::<u32>();
    /// let mut recorder = reports.record("2024", 1).await?;
    /// recorder.write("old".into()).await?;
    /// recorder.commit().await?;
    ///
    /// let old = reports.open("2024").await?.expect("it was just committed");
    /// let claim = reports.claim_over("2024", old.edition().expect("it is committed"))?;
    /// let mut recorder = claim.start(2).await;
    /// recorder.write("new".into()).await?;
    /// recorder.commit().await?;
    /// let new = reports.open("2024").await?.expect("it was just committed");
    /// assert_eq!((*new.head(), new.collect().await?), (2, Bytes::from("new")));
    /// # Ok(())
    /// # }
    /// ```
    pub fn claim_over(&self, key: impl ToKey, old: Edition) -> Result<Claim<H>, StreamError> {
        let place = self.space.place(self.space.key(key)?);
        Ok(Claim::over(self.clone(), place, old)?)
    }

    /// Gives a stream that was opened under this key another head, and its lifetime anew: the source has
    /// said that its body is still good. `false`: it does not stand there any more, or a part of it is
    /// gone.
    ///
    /// Two round trips for a body that stands in its manifest. For others the chunks' lives are lengthened
    /// first, if they would end before the manifest's.
    ///
    /// # Errors
    ///
    /// The store's; a head that is too long. It may be renewed then, or not.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use std::time::Duration;
    /// # let larder = larder::Larder::new(backend_memory::MemoryCache::builder().build());
    /// # let reports = larder.namespace("reports")?.streams::<u32>();
    /// let mut recorder = reports.record("2024", 1).ttl(Duration::from_secs(1)).await?;
    /// recorder.write("a,b".into()).await?;
    /// recorder.commit().await?;
    /// let report = reports.open("2024").await?.expect("it was just committed");
    /// let edition = report.edition().expect("it is committed");
    /// assert!(reports.renew("2024", edition, &2, Duration::from_secs(60)).await?);
    /// let report = reports.open("2024").await?.expect("it lives for a minute");
    /// assert_eq!((*report.head(), report.collect().await?), (2, "a,b".into()));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn renew(
        &self,
        key: impl ToKey,
        edition: Edition,
        head: &H,
        ttl: impl Into<Ttl>,
    ) -> Result<bool, StreamError> {
        let key = self.space.key(key)?;
        let ttl = lifetime(ttl.into())?;
        let record = self.larder().store().get(&key).await?;
        let Some(mut manifest) = record
            .and_then(|record| Manifest::parse_at(&key, &record))
            .filter(|manifest| manifest.generation == edition.generation)
        else {
            return Ok(false);
        };
        let now = self.larder().clock().system_time();
        if manifest.chunks_expire_at < now + ttl + self.options.read_grace {
            let life = self.options.chunk_life(ttl);
            if !self.chunks(&manifest)?.lengthen(manifest.table.count(), life).await? {
                return Ok(false);
            }
            manifest.chunks_expire_at = now + life;
        }
        manifest.head = head::encode(head)?;
        let place = self.space.place(key);
        let (record, against) = (manifest.encode(), Manifest::stamp(manifest.generation));
        let patience = self.options.terms().patience;
        let written = write(&place, &record, Ttl::After(ttl), against.condition(), patience).await;
        self.larder().inner.wake.changed(&place.key);
        match written {
            Written::Applied => Ok(true),
            Written::Refused { .. } => Ok(false),
            Written::Failed(error) | Written::Unknown(error) => Err(error.into()),
        }
    }

    /// Removes a stream that was opened under this key, if it still stands there. Who reads it reads on.
    /// One round trip.
    ///
    /// # Errors
    ///
    /// The store's. It may be gone then, or not.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let larder = larder::Larder::new(backend_memory::MemoryCache::builder().build());
    /// # let reports = larder.namespace("reports")?.streams::<u32>();
    /// reports.record("2024", 1).await?.commit().await?;
    /// let report = reports.open("2024").await?.expect("it was just committed");
    /// let edition = report.edition().expect("it is committed");
    /// assert!(reports.remove("2024", edition).await?);
    /// assert!(!reports.remove("2024", edition).await?);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn remove(&self, key: impl ToKey, edition: Edition) -> Result<bool, StreamError> {
        let key = self.space.key(key)?;
        let mine = Manifest::stamp(edition.generation).condition();
        let removed = self.larder().store().delete_if(&key, mine).await?;
        if removed {
            self.larder().inner.wake.changed(&key);
            let namespace = self.space.namespace();
            let keys = ChunkKeys::new(namespace, edition.generation)?;
            self.chunks_of(keys).retire(edition.chunks, self.options.read_grace);
        }
        Ok(removed)
    }
}

#[cfg(test)]
mod tests;
