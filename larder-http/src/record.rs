//! Passing the origin's answer on, and recording it while it passes.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::Body;
use larder::{BeforeTags, stream::Claim};

use crate::{
    BoxError, CacheBody, Control,
    exchange::{Answer, give_up},
    head::{Head, since_1970},
    key::{Address, Index, Place},
    look_up::Found,
    ring::Variant,
    rules::{
        request::Asked,
        response::{self, Refusal, Storable},
        reuse::millis,
        tags,
    },
    shared::Shared,
    source::Source,
    status::Outcome,
};

/// What was asked of the origin.
pub(crate) struct Asking<'a> {
    pub(crate) asked: Asked,
    pub(crate) address: &'a Address,
    /// As the client sent them.
    pub(crate) headers: &'a HeaderMap,
    /// How long the store may still hold the answer up.
    pub(crate) left: Duration,
    /// How long the origin took.
    pub(crate) delay: Duration,
    /// The moment before it was asked, if tags count.
    pub(crate) before: Option<BeforeTags>,
    /// Something stale is to be replaced.
    pub(crate) refreshes: bool,
}

/// Where an answer is recorded, and what is to be done once others can follow it.
struct Ground {
    claim: Claim<Head>,
    place: Place,
    then: Then,
}

/// What is to be done about the index through which an answer is found.
pub(crate) enum Then {
    Nothing,
    /// An index takes the place of this claim.
    Commit(Claim<Head>, Place, Index),
    /// The index tells answers apart by more, or lives longer.
    Renew(Index),
}

impl Shared {
    /// Passes the origin's answer on, recording it if it may be stored.
    pub(crate) async fn record<B>(
        self: &Arc<Self>,
        asking: &Asking<'_>,
        claim: Option<(Claim<Head>, Place)>,
        response: Response<B>,
    ) -> Answer<B>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let (mut parts, body) = response.into_parts();
        // What was asked for a part, or about a copy, may be answered in part, whatever it says.
        let in_full = !asking.asked.particular || asking.refreshes || self.is_standard();
        if !asking.asked.may_fill() || !in_full {
            self.report(&mut parts.headers, Outcome::Missed);
            return Response::from_parts(parts, CacheBody::passed(body));
        }
        let now = self.clock.system_time();
        let length = body.size_hint().exact();
        let control = parts.extensions.get::<Control>();
        let came = (now, asking.delay);
        let storable =
            self.storable(parts.status, &parts.headers, length, asking.asked, came, control);
        let storable = match storable {
            Ok(storable) => storable,
            Err(refusal) => {
                tracing::debug!(reason = refusal.as_str(), "not stored");
                if refusal == Refusal::Failure && asking.refreshes {
                    // What is stale may still be of use.
                    drop(claim);
                } else {
                    give_up(claim, refusal);
                }
                self.report(&mut parts.headers, Outcome::NotStored(refusal));
                return Response::from_parts(parts, CacheBody::passed(body));
            }
        };
        let tags = match tags::of(&parts.headers, control) {
            Some(names) if self.policy.tags => self.tags_before(asking, names).await,
            Some(_) => Some(Bytes::new()),
            None => None,
        };
        let Some(tags) = tags else {
            drop(claim);
            self.report(&mut parts.headers, Outcome::NotStored(Refusal::Tags));
            return Response::from_parts(parts, CacheBody::passed(body));
        };
        let Some(Ground { claim, place, then }) = self.ground(asking, claim, &storable).await
        else {
            self.report(&mut parts.headers, Outcome::Missed);
            return Response::from_parts(parts, CacheBody::passed(body));
        };
        let length = response::declared_length(&parts.headers).ok().flatten().or(length);
        let head = Head::new(&place, parts.status, &parts.headers, length, now, &storable);
        let mut start = claim.start(head.tagged(tags)).ttl(storable.kept);
        if let Some(length) = length {
            // Any other length is an error to the client, and is not stored.
            start = start.length(length);
        }
        let reader = start.await.fill(Source::new(body));
        self.settle(then, asking.address.clone(), place, now, storable.kept);
        let outcome = if asking.refreshes { Outcome::Refreshed } else { Outcome::Recorded };
        self.report(&mut parts.headers, outcome);
        Response::from_parts(parts, CacheBody::recorded(reader, length))
    }

    /// Tags as they were before the origin was asked. `None`: one may have been invalidated since, or nobody
    /// knows.
    async fn tags_before(&self, asking: &Asking<'_>, names: Vec<String>) -> Option<Bytes> {
        if names.is_empty() {
            return Some(Bytes::new());
        }
        let seen = asking.before.as_ref()?.seen(names);
        self.look_up.within(self.look_up.deadline(), seen).await?.ok()?
    }

    /// The moment before the origin is asked, if tags count. `None`: they do not, or nobody knows.
    pub(crate) async fn before_tags(&self, asked: Asked) -> Option<BeforeTags> {
        if !self.policy.tags || !asked.may_fill() {
            return None;
        }
        let before = self.look_up.streams().space().before_tags();
        self.look_up.within(self.look_up.deadline(), before).await?.ok()
    }

    /// Where the answer goes: where it was claimed, or to a place of its own if it depends on more of the
    /// request than was known.
    ///
    /// A claim for an answer that is already there is made now, if nobody else has recorded it meanwhile.
    /// The client waits for it, so a store that has used up its time for this request is not asked again.
    async fn ground(
        &self,
        asking: &Asking<'_>,
        claim: Option<(Claim<Head>, Place)>,
        storable: &Storable,
    ) -> Option<Ground> {
        let (address, headers, left) = (asking.address, asking.headers, asking.left);
        let (claim, place) = match claim {
            Some(claimed) => claimed,
            None if left.is_zero() => return None,
            None => match self.look_up.begin(address, headers, left).await {
                Found::Claimed(claim, place) => (claim, place),
                Found::Stored(_) | Found::Nothing => return None,
            },
        };
        let kept = storable.kept;
        if place.covers(&storable.vary) {
            let then = self.outlived(&place, kept);
            return Some(Ground { claim, place, then });
        }
        let index = match &place.index {
            Some(index) => index.with(&storable.vary),
            None => self.look_up.new_index(&storable.vary, kept),
        };
        if index.is_full() {
            give_up(Some((claim, place)), Refusal::Vary);
            return None;
        }
        let variant = address.variant(&index, headers);
        let own = self.look_up.claim(&variant, self.look_up.deadline()).await?;
        let then = match &place.index {
            Some(_) => Then::Renew(index),
            None => Then::Commit(claim, place, index),
        };
        Some(Ground { claim: own, place: variant, then })
    }

    /// An index must not die before what is found through it.
    pub(crate) fn outlived(&self, place: &Place, kept: Duration) -> Then {
        let soon = since_1970(self.clock.system_time()).saturating_add(millis(kept));
        match &place.index {
            Some(index) if index.until_ms < soon => Then::Renew(index.clone()),
            _ => Then::Nothing,
        }
    }

    /// Once the answer can be followed in its place, others are shown the way there, and it takes its slot
    /// among the variants. In the background.
    pub(crate) fn settle(
        self: &Arc<Self>,
        then: Then,
        address: Address,
        place: Place,
        received: SystemTime,
        kept: Duration,
    ) {
        if place.index.is_none() {
            return;
        }
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            let look_up = &shared.look_up;
            match then {
                Then::Nothing => {}
                Then::Commit(claim, root, index) => {
                    look_up.commit_index(claim, &root, &index).await;
                }
                Then::Renew(index) => look_up.renew_index(&address, index, kept).await,
            }
            let variant = Variant::new(&place.key, received);
            if let Err(error) = look_up.take_slot(&address, &variant, kept).await {
                tracing::debug!(%error, "a variant is not counted");
            }
        });
    }
}
