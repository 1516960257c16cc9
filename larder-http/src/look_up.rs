//! Asking the store, within a deadline: a store that is slow or broken has nothing.

use std::{sync::Arc, time::Duration};

use futures_util::future::{Either, select};
use larder::{
    Clock, Space,
    stream::{Begin, Claim, PassReason, Reader, Streams},
};

use crate::{head::Head, key::RequestKey};

/// How long to wait for the head of an answer that someone else has asked the origin for.
const HEAD_WAIT: Duration = Duration::from_secs(1);

/// What the store has.
pub(crate) enum Found {
    /// A response, whole or in the making.
    Reader(Reader<Head>),
    /// Nothing, and others wait for what we make of it.
    Claimed(Claim<Head>),
    /// Nothing, or nothing in time.
    Nothing,
}

#[derive(Debug)]
pub(crate) struct LookUp {
    /// Waits for nobody.
    streams: Streams<Head>,
    clock: Arc<dyn Clock>,
    deadline: Duration,
}

impl LookUp {
    pub(crate) fn new(space: &Space, max_length: u64, deadline: Duration) -> Self {
        // A request line may be longer than a key; the whole of it is compared in the head.
        let streams = space.clone().hash_long_keys().streams::<Head>();
        let streams = streams.max_length(max_length).head_wait(Duration::ZERO);
        Self { streams, clock: Arc::clone(space.larder().clock()), deadline }
    }

    /// What stands there. Whoever finds nothing may fill it, and others wait for him.
    ///
    /// The deadline is the store's. That someone else has asked the origin and has no answer yet is no
    /// fault of the store, and is waited for longer.
    pub(crate) async fn begin_or_wait(&self, key: &RequestKey) -> Found {
        match self.begun(&self.streams, key, self.deadline).await {
            Some(Begin::Pass(PassReason::Busy)) => {
                let patient = self.streams.clone().head_wait(HEAD_WAIT);
                found(self.begun(&patient, key, HEAD_WAIT + self.deadline).await)
            }
            begun => found(begun),
        }
    }

    /// The same, waiting for nobody.
    pub(crate) async fn begin(&self, key: &RequestKey) -> Found {
        found(self.begun(&self.streams, key, self.deadline).await)
    }

    /// What stands there. Nobody waits for whoever finds nothing.
    pub(crate) async fn follow(&self, key: &RequestKey) -> Found {
        match self.within(self.deadline, self.streams.follow(key.as_bytes())).await {
            Some(Ok(Some(reader))) => Found::Reader(reader),
            Some(Ok(None) | Err(_)) | None => Found::Nothing,
        }
    }

    async fn begun(
        &self,
        streams: &Streams<Head>,
        key: &RequestKey,
        deadline: Duration,
    ) -> Option<Begin<Head>> {
        self.within(deadline, streams.begin(key.as_bytes())).await
    }

    /// Dropped at its deadline, a look-up leaves nothing behind: what it has yet to learn is undone.
    async fn within<T>(&self, limit: Duration, work: impl Future<Output = T> + Send) -> Option<T> {
        match select(Box::pin(work), self.clock.sleep(limit)).await {
            Either::Left((done, _)) => Some(done),
            Either::Right(_) => None,
        }
    }
}

fn found(begun: Option<Begin<Head>>) -> Found {
    match begun {
        Some(Begin::Ready(reader) | Begin::Following(reader)) => Found::Reader(reader),
        Some(Begin::Claimed(claim)) => Found::Claimed(claim),
        Some(Begin::Pass(_)) | None => Found::Nothing,
    }
}
