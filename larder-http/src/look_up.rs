//! Asking the store, within a deadline: a store that is slow or broken has nothing.

use std::{
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::HeaderMap;
use larder::{
    Clock, Space,
    stream::{Begin, Claim, PassReason, Reader, Streams},
};

use crate::{
    head::{Head, since_1970},
    key::{Address, Index, Place},
    policy::Policy,
    rules::{cache_control::MOST_SECONDS, reuse::millis},
};

/// How long to wait for the head of an answer that someone else has asked the origin for.
pub(crate) const HEAD_WAIT: Duration = Duration::from_secs(1);

/// The longest deadline: far beyond what anybody waits, and sums with it are still durations.
const MOST: Duration = Duration::from_secs(24 * 3600);

/// How long an index lives, at least: it must not die before what is found through it.
const INDEX_LIFE: Duration = Duration::from_secs(24 * 3600);

/// How often what is of no use is removed in one look-up.
const ROUNDS: usize = 4;

/// What the store has.
pub(crate) enum Found {
    /// A response, whole or in the making, fresh or not.
    Stored(Stored),
    /// Nothing, and others wait for what we make of it.
    Claimed(Claim<Head>, Place),
    /// Nothing, or nothing in time.
    Nothing,
}

/// A response in the store.
pub(crate) struct Stored {
    pub(crate) reader: Reader<Head>,
    pub(crate) place: Place,
}

/// What whoever finds nothing does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Otherwise {
    Claims,
    Leaves,
}

/// Someone else is about to put something there.
struct Busy;

#[derive(Debug)]
pub(crate) struct LookUp {
    /// Waits for nobody.
    streams: Streams<Head>,
    clock: Arc<dyn Clock>,
    deadline: Duration,
    max_variants: NonZeroU32,
}

impl LookUp {
    pub(crate) fn new(space: &Space, policy: &Policy) -> Self {
        // A request line may be longer than a key; the whole of it is compared in the head.
        let streams = space.clone().hash_long_keys().streams::<Head>();
        let streams = streams.max_length(policy.max_length).head_wait(Duration::ZERO);
        let deadline = policy.lookup_deadline.min(MOST);
        let clock = Arc::clone(space.larder().clock());
        Self { streams, clock, deadline, max_variants: policy.max_variants }
    }

    /// How long the store may take for one request, in all.
    pub(crate) const fn deadline(&self) -> Duration {
        self.deadline
    }

    /// How many variants of an address are kept.
    pub(crate) const fn most_variants(&self) -> NonZeroU32 {
        self.max_variants
    }

    /// Where answers stand.
    pub(crate) const fn streams(&self) -> &Streams<Head> {
        &self.streams
    }

    fn now(&self) -> SystemTime {
        self.clock.system_time()
    }

    /// What stands there. Whoever finds nothing may fill it, and others wait for him.
    ///
    /// The deadline is the store's. That someone else has asked the origin and has no answer yet is no
    /// fault of the store, and is waited for longer.
    pub(crate) async fn begin_or_wait(&self, address: &Address, headers: &HeaderMap) -> Found {
        let look = self.walk(&self.streams, address, headers, Otherwise::Claims);
        match self.within(self.deadline, look).await {
            Some(Err(Busy)) => {
                let patient = self.streams.clone().head_wait(HEAD_WAIT);
                let look = self.walk(&patient, address, headers, Otherwise::Claims);
                found(self.within(HEAD_WAIT + self.deadline, look).await)
            }
            seen => found(seen),
        }
    }

    /// The same for whoever has an answer already: waits for nobody, and for the store for no longer than
    /// this.
    pub(crate) async fn begin(
        &self,
        address: &Address,
        headers: &HeaderMap,
        deadline: Duration,
    ) -> Found {
        let streams = self.streams.clone().over_marks(true);
        let look = self.walk(&streams, address, headers, Otherwise::Claims);
        found(self.within(deadline, look).await)
    }

    /// A claim at this very place, if nobody has one and nothing stands there.
    pub(crate) async fn claim(&self, place: &Place, deadline: Duration) -> Option<Claim<Head>> {
        let streams = self.streams.clone().over_marks(true);
        match self.within(deadline, streams.begin(&place.key)).await {
            Some(Begin::Claimed(claim)) => Some(claim),
            _ => None,
        }
    }

    /// What stands there. Nobody waits for whoever finds nothing.
    pub(crate) async fn follow(&self, address: &Address, headers: &HeaderMap) -> Found {
        let look = self.walk(&self.streams, address, headers, Otherwise::Leaves);
        found(self.within(self.deadline, look).await)
    }

    /// Looks at the root, and where an index stands there at the variant.
    async fn walk(
        &self,
        streams: &Streams<Head>,
        address: &Address,
        headers: &HeaderMap,
        otherwise: Otherwise,
    ) -> Result<Found, Busy> {
        let mut place = address.root();
        for _ in 0..ROUNDS {
            let begun = match otherwise {
                Otherwise::Claims => streams.begin(&place.key).await,
                Otherwise::Leaves => match streams.follow(&place.key).await {
                    Ok(Some(reader)) if reader.is_live() => Begin::Following(reader),
                    Ok(Some(reader)) => Begin::Ready(reader),
                    Ok(None) | Err(_) => return Ok(Found::Nothing),
                },
            };
            match begun {
                Begin::Ready(reader) | Begin::Following(reader) => {
                    if let Some(index) = reader.head().index(&place) {
                        place = address.variant(index, headers);
                        continue;
                    }
                    let (edition, tags) = (reader.edition(), reader.head().tags().clone());
                    let is_useless = edition.is_some() && reader.head().is_useless(self.now());
                    if !is_useless && (tags.is_empty() || self.hold(&place, &tags).await) {
                        return Ok(Found::Stored(Stored { reader, place }));
                    }
                    drop(reader);
                    // What is being recorded will be dead, too; it is in the way until then.
                    let Some(edition) = edition else { break };
                    // Makes way for a new recording: its key would be taken by what nobody may have.
                    let _ = streams.remove(&place.key, edition).await;
                }
                Begin::Claimed(claim) if address.is_varied() && place.index.is_none() => {
                    let Some(index) = self.found_index(claim, &place).await else { break };
                    place = address.variant(&index, headers);
                }
                Begin::Claimed(claim) => return Ok(Found::Claimed(claim, place)),
                Begin::Pass(PassReason::Busy) => return Err(Busy),
                Begin::Pass(_) => break,
            }
        }
        Ok(Found::Nothing)
    }

    /// Whether the tags of what stands there are what they were.
    async fn hold(&self, place: &Place, tags: &Bytes) -> bool {
        let space = self.streams.space();
        let Ok(key) = space.key(&place.key) else { return false };
        // Nobody knows: then nobody is given it.
        space.tags_hold(&key, tags).await.unwrap_or(false)
    }

    /// Puts an index where answers are always told apart, before any of them is there.
    async fn found_index(&self, claim: Claim<Head>, place: &Place) -> Option<Index> {
        let index = self.new_index(&[], Duration::ZERO);
        self.commit_index(claim, place, &index).await.then_some(index)
    }

    /// An index that outlives what lives for so long.
    pub(crate) fn new_index(&self, names: &[http::HeaderName], kept: Duration) -> Index {
        Index::new(names, self.until(kept))
    }

    fn until(&self, kept: Duration) -> u64 {
        // No stored response lives longer than the last of these, and no store keeps anything for much longer.
        let life = INDEX_LIFE.max(kept * 2).min(Duration::from_secs(MOST_SECONDS));
        since_1970(self.now()).saturating_add(millis(life))
    }

    /// Makes an index stand where a claim is. `false`: the claim was lost.
    pub(crate) async fn commit_index(
        &self,
        claim: Claim<Head>,
        place: &Place,
        index: &Index,
    ) -> bool {
        let left = index.until_ms.saturating_sub(since_1970(self.now()));
        let head = Head::of_index(place, index.clone());
        let recorder = claim.start(head).ttl(Duration::from_millis(left)).await;
        recorder.commit().await.is_ok_and(|committed| committed.stored)
    }

    /// Sees to it that an index tells answers apart by all that this one does, and outlives what lives for
    /// so long.
    pub(crate) async fn renew_index(&self, address: &Address, index: Index, kept: Duration) {
        let root = address.root();
        let Ok(Some(reader)) = self.streams.open(&root.key).await else { return };
        // Another epoch, or none: what was to be found through it is gone.
        if !reader.head().index(&root).is_some_and(|standing| standing.is_of(&index)) {
            return;
        }
        let index = index.until(self.until(kept));
        let life = Duration::from_millis(index.until_ms.saturating_sub(since_1970(self.now())));
        let head = Head::of_index(&root, index);
        let Some(edition) = reader.edition() else { return };
        drop(reader);
        if let Err(error) = self.streams.renew(&root.key, edition, &head, life).await {
            tracing::debug!(%error, "an index could not be renewed");
        }
    }

    /// Dropped at its deadline, a look-up leaves nothing behind: what it has yet to learn is undone.
    pub(crate) async fn within<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = T> + Send,
    ) -> Option<T> {
        match select(Box::pin(work), self.clock.sleep(limit)).await {
            Either::Left((done, _)) => Some(done),
            Either::Right(_) => None,
        }
    }
}

fn found(seen: Option<Result<Found, Busy>>) -> Found {
    match seen {
        Some(Ok(found)) => found,
        Some(Err(Busy)) | None => Found::Nothing,
    }
}
