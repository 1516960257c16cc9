use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use cache_api::{Error, Ttl};

use crate::{
    lease::Place,
    stream::{
        Recorder, Streams,
        chunks::Chunks,
        format::ChunkKeys,
        live::Live,
        storer::{Footing, Storer},
    },
};

/// A recording about to begin.
pub(crate) struct Launch<'a, H> {
    pub(crate) streams: &'a Streams<H>,
    pub(crate) head: Arc<H>,
    pub(crate) length: Option<u64>,
}

impl<H> Launch<'_, H> {
    /// One that is written to the store.
    pub(crate) fn stored(
        self,
        place: Place,
        keys: ChunkKeys,
        footing: Footing,
        ttl: Duration,
        head: Bytes,
    ) -> Recorder<H> {
        let chunks = self.streams.chunks_of(keys);
        let live = self.live(Some(chunks.clone()));
        let larder = self.streams.larder().clone();
        larder.inner.streams.register(chunks.keys.generation, &live);
        let storer = Storer {
            chunks,
            live: Arc::clone(&live),
            place,
            larder: larder.clone(),
            options: self.streams.options,
            ttl,
            head,
            footing,
        };
        Recorder::new(larder, live, self.head, Some(storer), self.length)
    }

    /// One that is handed on and not kept.
    pub(crate) fn transient(self) -> Recorder<H> {
        let live = self.live(None);
        Recorder::new(self.streams.larder().clone(), live, self.head, None, self.length)
    }

    fn live(&self, chunks: Option<Chunks>) -> Arc<Live> {
        let larder = self.streams.larder();
        let budget = Arc::clone(&larder.inner.streams.budget);
        Live::new(chunks, Arc::clone(larder.clock()), budget, &self.streams.options)
    }
}

/// The lifetime of a stream, which has an end.
pub(crate) fn lifetime(ttl: Ttl) -> Result<Duration, Error> {
    match ttl.millis() {
        Some(0) => Err(invalid("a stream with a lifetime of zero would never be seen")),
        Some(millis) => Ok(Duration::from_millis(millis)),
        None => Err(invalid("a stream cannot live for ever: give it a `ttl` of up to 100 years")),
    }
}

fn invalid(reason: &'static str) -> Error {
    Error::InvalidArgument { operation: "record", reason: reason.into() }
}
