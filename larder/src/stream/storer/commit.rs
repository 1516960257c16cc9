use bytes::Bytes;
use cache_api::{SetItem, SetOptions, Ttl};

use super::{
    Footing, Storer,
    writing::{Writing, put},
};
use crate::{
    lease::{Written, write},
    stream::{
        Committed, StreamError, Unstored,
        chunks::Chunks,
        format::{End, Manifest, Table},
    },
};

impl Storer {
    /// Makes the recording visible, if what it stands on is still there.
    pub(super) async fn commit(
        self,
        mut writing: Writing,
        trailers: Option<Bytes>,
    ) -> Result<Committed, StreamError> {
        let manifest = self.manifest(&mut writing, trailers);
        let sent = writing.into_sent();
        let end = End::Complete {
            count: sent,
            length: manifest.length,
            digest: manifest.digest,
            trailers: manifest.trailers.clone(),
        };
        let Some(against) = self.condition() else {
            self.write_end(sent, &end).await;
            self.tell_followers(sent, &manifest);
            self.retire_own(sent);
            return Ok(self.unstored(sent, Unstored::Displaced));
        };
        let record = manifest.encode();
        let ttl = Ttl::After(self.ttl);
        let patience = self.options.terms().patience;
        let ((), written) = tokio::join!(
            self.write_end(sent, &end),
            write(&self.place, &record, ttl, against, patience),
        );
        self.larder.inner.wake.changed(&self.place.key);
        // Not before: who shows up later finds the manifest, or nothing that he would follow.
        self.tell_followers(sent, &manifest);
        match written {
            Written::Applied => {
                if let Footing::Over { old: Some(old), .. } = &self.footing {
                    self.retire_old(old);
                }
                if manifest.body.is_some() {
                    // What was cut for followers is read by nobody who comes later.
                    self.retire_own(sent);
                }
                Ok(Committed {
                    stored: true,
                    length: manifest.length,
                    chunks: manifest.table.count(),
                    reason: None,
                })
            }
            Written::Refused { .. } => {
                self.retire_own(sent);
                Ok(self.unstored(sent, Unstored::Displaced))
            }
            Written::Failed(error) => {
                tracing::debug!(key = self.place.shown(), %error, "a stream could not be committed");
                self.release().await;
                self.retire_own(sent);
                Ok(self.unstored(sent, Unstored::StoreFailed))
            }
            // It may stand: its chunks stay, and die of age if it does not.
            Written::Unknown(error) => Err(error.into()),
        }
    }

    /// Says to those who follow that there is no more, and gives the key free.
    pub(super) async fn abandon(&self, sent: u32, reason: String) {
        let end = End::Aborted { reason };
        tokio::join!(self.write_end(sent, &end), self.write_last_beat(&end), self.release());
        self.larder.inner.wake.changed(&self.place.key);
        self.retire_own(sent);
    }

    fn manifest(&self, writing: &mut Writing, trailers: Option<Bytes>) -> Manifest {
        let expire = self.options.chunk_life(self.ttl);
        // First, for it takes in what was not sent.
        let body = writing.short_body();
        let table = if body.is_some() { Table::default() } else { writing.table.clone() };
        Manifest {
            generation: self.chunks.keys.generation,
            key: Bytes::copy_from_slice(self.place.key.as_bytes()),
            head: self.head.clone(),
            table,
            length: self.live.produced(),
            digest: writing.digest(),
            trailers,
            chunks_expire_at: self.place.clock.system_time() + expire,
            body,
        }
    }

    /// Those who follow a body of which no chunk was written.
    fn tell_followers(&self, sent: u32, manifest: &Manifest) {
        let could_be_followed = matches!(self.footing, Footing::Placed | Footing::Lost);
        if let Some(body) = manifest.body.clone().filter(|_| sent == 0 && could_be_followed) {
            let Manifest { digest, trailers, .. } = manifest;
            let grace = self.options.read_grace;
            self.chunks.clone().tell_followers(body, *digest, trailers.clone(), grace);
        }
    }

    /// Where there are no chunks the manifest says it all, or [`tell_followers`](Self::tell_followers).
    async fn write_end(&self, sent: u32, end: &End) {
        let placed = matches!(self.footing, Footing::Placed);
        let aborted = matches!(end, End::Aborted { .. });
        if sent == 0 && !(placed && aborted) {
            return;
        }
        let keys = &self.chunks.keys;
        let value = end.encode(keys.generation);
        let options = SetOptions::new(self.options.read_grace);
        let item = SetItem { key: keys.chunk(sent), value, options };
        let Self { place, .. } = self;
        // Followers who miss it find the manifest, or give up for want of a beat.
        let _ = put(place.store.as_ref(), place.clock.as_ref(), vec![item]).await;
    }

    /// A chunk that is still on its way may never arrive: who waits for it reads the end here.
    async fn write_last_beat(&self, end: &End) {
        let keys = &self.chunks.keys;
        let options = SetOptions::new(self.options.read_grace);
        let record = end.encode(keys.generation);
        let _ = self.place.store.set(&keys.beat(), record, options).await;
    }

    async fn release(&self) {
        if matches!(self.footing, Footing::Placed) {
            let _ = self.place.store.delete_if(&self.place.key, self.placeholder()).await;
        }
    }

    fn retire_own(&self, sent: u32) {
        self.chunks.clone().retire(sent, self.options.read_grace);
    }

    fn retire_old(&self, old: &Manifest) {
        let Chunks { store, keys } = self.chunks.clone();
        let keys = keys.of(old.generation);
        Chunks { store, keys }.retire(old.table.count(), self.options.read_grace);
    }
}
