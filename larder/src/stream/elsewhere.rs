//! Followers in another process than the writer's, and what the writer does for them.
//!
//! A short body stands in its manifest alone, and that may be gone (deleted, replaced) before a follower
//! has seen it. So who follows says so first, at a key of its own, and then looks whether the recording
//! still stands: if it does, the commit is yet to come. And the writer looks there after the commit: if
//! somebody has shown up it writes the body once more, as a chunk, with the end behind it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use cache_api::{Key, Remaining, SetItem, SetOptions, Ttl};
use serde::{Serialize, de::DeserializeOwned};

use crate::stream::{
    Reader, StreamError, Streams,
    body::Body,
    chunks::Chunks,
    follow::Follower,
    format::{ChunkKeys, Digest, End, Manifest, Recording, Span, build_chunk},
};

/// How a recording that is written elsewhere can be read.
pub(super) enum Elsewhere<H> {
    Followed(Box<dyn Body>),
    /// It was committed meanwhile.
    Committed(Reader<H>),
}

impl<H: Serialize + DeserializeOwned + Send + Sync + 'static> Streams<H> {
    /// `None` if its writer is not known to live, or something else stands there by now. Two round trips.
    pub(super) async fn follow_elsewhere(
        &self,
        key: &Key,
        recording: &Recording,
    ) -> Result<Option<Elsewhere<H>>, StreamError> {
        let Recording { generation, heartbeat, .. } = *recording;
        let chunks = self.chunks_of(ChunkKeys::new(self.space.namespace(), generation)?);
        let (store, beat) = (self.larder().store(), chunks.keys.beat());
        let (left, beat, ()) = tokio::try_join!(store.ttl(key), store.get(&beat), async {
            chunks.show_up(heartbeat).await;
            Ok(())
        })?;
        let Remaining::For(left) = left else { return Ok(None) };
        if left < heartbeat / 2 {
            // Not renewed for one and a half: it is about to vanish or to be renewed.
            return Ok(None);
        }
        // Where a beat would be there may be the notice that it has failed.
        let end = beat.and_then(|beat| End::parse(generation, &beat));
        if matches!(end, Some(End::Aborted { .. })) {
            return Ok(None);
        }
        let standing = store.get(key).await?;
        if let Some(manifest) = standing.as_ref().and_then(|record| Manifest::parse_at(key, record))
            && manifest.generation == generation
        {
            return Ok(self.open_manifest(&manifest, None).await?.map(Elsewhere::Committed));
        }
        let stands = Recording::parse_at(key, standing.as_ref());
        if stands.is_none_or(|recording| recording.generation != generation) {
            return Ok(None);
        }
        let clock = Arc::clone(self.larder().clock());
        let follower = Follower::new(chunks, key.clone(), clock, heartbeat);
        Ok(Some(Elsewhere::Followed(Box::new(follower))))
    }
}

impl Chunks {
    /// Tells the writer that someone follows: its own client may leave. What is missed is told again.
    pub(super) async fn show_up(&self, heartbeat: Duration) {
        let options = SetOptions::new(Ttl::After(heartbeat * 2));
        let _ = self.store.set(&self.keys.follower(), Bytes::from_static(b"1"), options).await;
    }

    /// Writes a body that stands in its manifest alone once more for those who follow, if anyone does. In
    /// the background: one round trip, two if someone does.
    pub(super) fn tell_followers(
        self,
        body: Bytes,
        digest: Digest,
        trailers: Option<Bytes>,
        grace: Duration,
    ) {
        tokio::spawn(async move {
            if !matches!(self.store.get(&self.keys.follower()).await, Ok(Some(_))) {
                return;
            }
            let generation = self.keys.generation;
            let length = body.len() as u32;
            let mut records = Vec::new();
            if length > 0 {
                let span = Span { index: 0, offset: 0, length };
                records.push(build_chunk(generation, span, &[body]));
            }
            let count = records.len() as u32;
            let end = End::Complete { count, length: length.into(), digest, trailers };
            records.push(end.encode(generation));
            let options = SetOptions::new(grace);
            let items = (0..).zip(records).map(|(index, value)| SetItem {
                key: self.keys.chunk(index),
                value,
                options,
            });
            // Who misses it gives up for want of a beat.
            let _ = self.store.set_many(items.collect()).await;
        });
    }
}

#[cfg(test)]
mod tests;
