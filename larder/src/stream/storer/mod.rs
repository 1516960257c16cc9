//! What writes a recording to the store, in a task of its own: nobody who reads waits for it.
//!
//! 1. A [`Recording`] is placed at the entry's key, against what was seen there before the source was
//!    asked. From now on others can follow.
//! 2. The bytes are cut into chunks and written, several at a time. A pause in the source flushes what
//!    there is. Every two thirds of a heartbeat the placeholder is renewed, and a beat says that the
//!    writer lives.
//! 3. The end record follows the last chunk, and one conditional write puts the manifest in the place
//!    of the placeholder. That is the commit. A short body stands in the manifest itself.
//!
//! Each conditional write names the record that it replaces. If that is there no more (deleted, evicted,
//! replaced by another writer) the recording is never committed, whatever comes later. It is still
//! written to its end for those who follow it.
//!
//! Where an old recording stands it is left for its readers, and the commit replaces it in one step;
//! only when it is about to die of age the placeholder is put in its place, for a commit could not tell
//! an entry that died from one that was deleted.

mod commit;
mod cutter;
mod footing;
mod upkeep;
mod writing;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use cache_api::Ttl;

pub(crate) use self::footing::Footing;
use self::writing::{Stopped, Writing};
use crate::{
    Larder,
    lease::Place,
    stream::{
        Committed, StreamError, Unstored, chunks::Chunks, format::Recording, live::Live,
        options::Options,
    },
};

/// Everything that is needed to store one recording.
#[derive(Debug)]
pub(crate) struct Storer {
    pub(crate) live: Arc<Live>,
    pub(crate) place: Place,
    pub(crate) chunks: Chunks,
    pub(crate) larder: Larder,
    pub(crate) options: Options,
    pub(crate) ttl: Duration,
    pub(crate) head: Bytes,
    pub(crate) footing: Footing,
}

impl Storer {
    /// Stores the recording, to its commit or to the end of its being stored.
    ///
    /// # Errors
    ///
    /// How the source failed; or the store's, where nobody knows whether the commit stands.
    pub(crate) async fn run(mut self) -> Result<Committed, StreamError> {
        // A panic here must not leave the source waiting for room.
        let _goes_on = GoesOnWithout(Arc::clone(&self.live));
        if let Err(why) = self.establish().await {
            self.live.stop_storing(why);
        }
        let larder = self.larder.clone();
        let mut writing = Writing::new(&self);
        let outcome = match writing.run(&mut self).await {
            Stopped::Complete { trailers } => self.commit(writing, trailers).await,
            Stopped::Failed(error) => {
                let sent = writing.into_sent();
                self.abandon(sent, error.told()).await;
                Err(error)
            }
            Stopped::Unstored(why) => {
                let sent = writing.into_sent();
                self.abandon(sent, why.to_string()).await;
                Ok(self.unstored(sent, why))
            }
        };
        larder.inner.streams.count_outcome(&outcome);
        outcome
    }

    fn unstored(&self, chunks: u32, why: Unstored) -> Committed {
        Committed { stored: false, length: self.live.produced(), chunks, reason: Some(why) }
    }

    fn recording(&self) -> Recording {
        Recording {
            generation: self.chunks.keys.generation,
            heartbeat: self.options.heartbeat,
            key: Bytes::copy_from_slice(self.place.key.as_bytes()),
            head: self.head.clone(),
        }
    }

    /// The lifetime of the placeholder.
    fn placeholder_ttl(&self) -> Ttl {
        self.options.terms().ttl()
    }
}

struct GoesOnWithout(Arc<Live>);

impl Drop for GoesOnWithout {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop_storing(Unstored::StoreFailed);
        }
    }
}
