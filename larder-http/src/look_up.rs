//! Asking the store, within a deadline: a store that is slow or broken has nothing.

use std::{sync::Arc, time::Duration};

use futures_util::future::{Either, select};
use larder::{
    Clock, Condition, Space,
    envelope::{Kind, Stamp},
    stream::{Begin, Claim, PassReason, Reader, Streams},
};

use crate::{BoxError, head::Head, key::RequestKey};

/// How long to wait for the head of an answer that someone else has asked the origin for.
const HEAD_WAIT: Duration = Duration::from_secs(1);

/// The longest deadline: far beyond what anybody waits, and sums with it are still durations.
const MOST: Duration = Duration::from_secs(24 * 3600);

/// What the store has.
pub(crate) enum Found {
    /// A response, whole or in the making, that is still fresh.
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
        Self { streams, clock: Arc::clone(space.larder().clock()), deadline: deadline.min(MOST) }
    }

    /// How long the store may take for one request, in all.
    pub(crate) const fn deadline(&self) -> Duration {
        self.deadline
    }

    /// What stands there. Whoever finds nothing may fill it, and others wait for him.
    ///
    /// The deadline is the store's. That someone else has asked the origin and has no answer yet is no
    /// fault of the store, and is waited for longer.
    pub(crate) async fn begin_or_wait(&self, key: &RequestKey) -> Found {
        match self.begun(&self.streams, key, self.deadline).await {
            Some(Begin::Pass(PassReason::Busy)) => {
                let patient = self.streams.clone().head_wait(HEAD_WAIT);
                self.found(self.begun(&patient, key, HEAD_WAIT + self.deadline).await)
            }
            begun => self.found(begun),
        }
    }

    /// The same, waiting for nobody, and for the store for no longer than this.
    pub(crate) async fn begin(&self, key: &RequestKey, deadline: Duration) -> Found {
        self.found(self.begun(&self.streams, key, deadline).await)
    }

    /// What stands there. Nobody waits for whoever finds nothing.
    pub(crate) async fn follow(&self, key: &RequestKey) -> Found {
        match self.within(self.deadline, self.streams.follow(key.as_bytes())).await {
            Some(Ok(Some(reader))) => self.fresh(reader),
            Some(Ok(None) | Err(_)) | None => Found::Nothing,
        }
    }

    async fn begun(
        &self,
        streams: &Streams<Head>,
        key: &RequestKey,
        deadline: Duration,
    ) -> Option<Begin<Head>> {
        let begin = async {
            match streams.begin(key.as_bytes()).await {
                Begin::Ready(reader) if !self.is_fresh(&reader) => {
                    // Whatever comes of it, what stands there then is the answer.
                    let _ = self.remove_expired(key).await;
                    streams.begin(key.as_bytes()).await
                }
                begun => begun,
            }
        };
        self.within(deadline, begin).await
    }

    /// Makes way for a new recording: the store keeps an answer for its lifetime from the end of the
    /// body on, and without this its key would be taken for so long by what nobody may have.
    ///
    /// By its stamp, so that what someone else has put there since is not touched.
    async fn remove_expired(&self, key: &RequestKey) -> Result<(), BoxError> {
        let space = self.streams.space();
        let (store, at) = (space.larder().store(), space.key(key.as_bytes())?);
        let stamp = store.get(&at).await?.as_deref().and_then(Stamp::parse);
        let Some(stamp) = stamp.filter(|stamp| stamp.kind == Kind::Manifest) else { return Ok(()) };
        // Read after its stamp: if this one has expired, the one with the stamp has, or is gone.
        let standing = self.streams.open(key.as_bytes()).await?;
        if standing.is_some_and(|reader| !self.is_fresh(&reader)) {
            store.delete_if(&at, Condition::StartsWith(stamp.prefix())).await?;
        }
        Ok(())
    }

    fn is_fresh(&self, reader: &Reader<Head>) -> bool {
        reader.head().is_fresh(self.clock.system_time())
    }

    /// What has expired is no answer, not even while it is still being recorded.
    fn fresh(&self, reader: Reader<Head>) -> Found {
        if self.is_fresh(&reader) { Found::Reader(reader) } else { Found::Nothing }
    }

    fn found(&self, begun: Option<Begin<Head>>) -> Found {
        match begun {
            Some(Begin::Ready(reader) | Begin::Following(reader)) => self.fresh(reader),
            Some(Begin::Claimed(claim)) => Found::Claimed(claim),
            Some(Begin::Pass(_)) | None => Found::Nothing,
        }
    }

    /// Dropped at its deadline, a look-up leaves nothing behind: what it has yet to learn is undone.
    async fn within<T>(&self, limit: Duration, work: impl Future<Output = T> + Send) -> Option<T> {
        match select(Box::pin(work), self.clock.sleep(limit)).await {
            Either::Left((done, _)) => Some(done),
            Either::Right(_) => None,
        }
    }
}
