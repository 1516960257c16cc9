//! What a load stands on: the mark at the key that its answer replaces, and nothing else. An invalidation
//! takes that mark away, and the answer is not kept.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use cache_api::{Condition, Error, Key, Result, SetOptions, SetOutcome, Ttl};

use super::{Options, context::Noted, loaded::LoadedTerms, readings::Readings};
use crate::{
    envelope::{Kind, Lifetime, Mark, Stamp},
    handle::Space,
    lease::{self, Held, Taken, Terms, Written},
    switches::Rule,
    tags::{Sequence, TagName, TagNames, View},
};

/// A lease lives for two of these, and is renewed after two thirds of one.
const HEARTBEAT: Duration = Duration::from_millis(1500);

/// So long the store may take before the source is asked; after that it is asked without the store.
pub(super) const PATIENCE: Duration = Duration::from_millis(500);

/// Where a load is made, and how its answer is kept.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    pub(crate) space: Space,
    pub(crate) key: Key,
    pub(crate) options: Arc<Options>,
}

/// What was found at the key.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ground {
    /// Nothing that counts: under this condition a lease is put there.
    Open(Condition),
    /// Something to be replaced by the answer and left alone until then.
    Over(Stamp),
    /// An answer to be refreshed by one in the fleet. Making it took so long.
    Refresh(Stamp, Duration),
    /// The store does not answer, or others take too long.
    None,
}

/// What the answer replaces.
#[derive(Debug)]
pub(crate) enum Footing {
    Lease(Held),
    Refresh(Stamp),
    Over(Stamp),
    None,
}

/// A load that may begin.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) footing: Footing,
    /// The tags of the call, as they were before the source is asked.
    pub(crate) noted: Noted,
    /// To find out whether tags that the loader names were invalidated during the load.
    pub(crate) sequence: Option<Sequence>,
}

/// Puts the mark there. `None`: somebody else is at work, or was faster.
///
/// One call to the store, beside the [`Readings`] of the load. `hurried`: whoever waits has no patience
/// with the store.
pub(crate) async fn establish(
    site: &Site,
    ground: Ground,
    readings: &Readings,
    hurried: impl Future<Output = ()>,
) -> Option<Start> {
    if matches!(ground, Ground::None) {
        return Some(Start::bare());
    }
    tokio::select! {
        start = site.start(ground, readings) => start,
        () = hurried => Some(Start::bare()),
        () = site.space.larder().clock().sleep(PATIENCE) => Some(Start::bare()),
    }
}

impl Start {
    /// On nothing: what is loaded will not be stored.
    const fn bare() -> Self {
        Self { footing: Footing::None, noted: Noted::unknown(), sequence: None }
    }
}

impl Site {
    async fn start(&self, ground: Ground, readings: &Readings) -> Option<Start> {
        let Some(marks) = readings.marks(self).await else { return Some(Start::bare()) };
        let (footing, sequence) =
            tokio::join!(self.footing(ground, marks), readings.sequence(self));
        Some(Start { footing: footing?, noted: Noted::of(marks.to_vec()), sequence })
    }

    async fn footing(&self, ground: Ground, marks: &[Mark]) -> Option<Footing> {
        match ground {
            Ground::Open(_) if !self.keeps(Rule::LeaseBeforeSource) => Some(Footing::None),
            Ground::Open(against) => {
                let place = self.space.place(self.key.clone());
                match lease::take_at_once(place, against, self.terms(), marks).await {
                    Taken::Held(held) => Some(Footing::Lease(held)),
                    Taken::Refused => None,
                    Taken::Failed(error) => {
                        tracing::debug!(%error, "a lease could not be placed");
                        Some(Footing::None)
                    }
                }
            }
            Ground::Refresh(stamp, cost) => {
                self.elect(stamp, cost).await.then_some(Footing::Refresh(stamp))
            }
            Ground::Over(stamp) => Some(Footing::Over(stamp)),
            Ground::None => Some(Footing::None),
        }
    }

    pub(crate) fn terms(&self) -> Terms {
        Terms { heartbeat: HEARTBEAT, renew_for: self.options.hard_timeout, patience: PATIENCE }
    }

    /// Whether we are the one who refreshes this answer. The election is never taken back: its lifetime is
    /// the time for which the fleet leaves a source alone that has failed.
    pub(crate) async fn elect(&self, stamp: Stamp, cost: Duration) -> bool {
        let rest = self.options.backoff.max(cost * 2);
        let larder = self.space.larder();
        larder.inner.rests.note(&self.key, stamp, larder.clock().now(), rest);
        match self.try_elect(stamp, rest).await {
            Ok(SetOutcome::Stored) => true,
            Ok(SetOutcome::Refused { .. }) => !self.keeps(Rule::RefresherElected),
            Err(error) => {
                tracing::debug!(%error, "the store did not say who is to refresh");
                false
            }
        }
    }

    async fn try_elect(&self, stamp: Stamp, rest: Duration) -> Result<SetOutcome> {
        let version = u64::from_be_bytes(*stamp.version.as_bytes());
        let key = self.space.namespace().reserved("refresh")?.key(format!("{version:016x}"))?;
        let options = SetOptions::new(rest).when(Condition::Absent);
        self.space.store().set(&key, Bytes::new(), options).await
    }

    /// How long an answer lives, if it is to be kept at all.
    pub(crate) fn lifetime(
        &self,
        is_found: bool,
        terms: &LoadedTerms,
        took: Duration,
    ) -> Option<Lifetime> {
        if terms.not_stored {
            return None;
        }
        let ttl = if is_found { terms.ttl.or(self.options.ttl) } else { self.options.negative_ttl };
        let ttl = self.options.jittered(ttl?);
        if ttl.is_zero() {
            return None;
        }
        // That there is nothing has its own time, and none after it.
        let stale_for = if is_found { self.options.stale_for } else { Duration::ZERO };
        let lifetime = Lifetime::new(self.space.larder().now_ms(), ttl, stale_for);
        let millis = u32::try_from(took.as_millis()).unwrap_or(u32::MAX);
        Some(Lifetime { load_cost_ms: millis.max(1), ..lifetime })
    }

    /// All tags of an answer as they were before its source was asked. `None` if that is not known.
    pub(crate) async fn marks(
        &self,
        noted: Noted,
        late: &TagNames,
        sequence: Option<&Sequence>,
    ) -> Option<Vec<Mark>> {
        let mut marks = noted.known()?;
        if !self.keeps(Rule::TagsBeforeLoad) {
            let (store, namespace) = (self.space.store().as_ref(), self.space.namespace());
            let names = marks.iter().map(|mark| TagName::from_bytes(mark.name.clone()));
            let names: Vec<_> = names.collect();
            let mut now = View::read(store, namespace, &names).await.ok()?;
            marks = now.marks(store, namespace, &names).await.ok()?;
        }
        if late.is_empty() {
            return room_for(marks);
        }
        let late = tokio::select! {
            late = self.late_marks(late, sequence?) => late?,
            () = self.space.larder().clock().sleep(PATIENCE) => return None,
        };
        for mark in late {
            if !marks.iter().any(|known| known.name == mark.name) {
                marks.push(mark);
            }
        }
        room_for(marks)
    }

    /// Tags that the loader named, as they were before its source was asked.
    async fn late_marks(&self, names: &TagNames, sequence: &Sequence) -> Option<Vec<Mark>> {
        let (store, namespace) = (self.space.store().as_ref(), self.space.namespace());
        let names = names.get().ok()?;
        let mut tags = View::read(store, namespace, names).await.ok()?;
        let marks = tags.marks(store, namespace, names).await.ok()?;
        // Last: unless it changed, none of them was invalidated since before the load.
        let holds = sequence.holds(store, namespace).await.ok()?;
        (holds || !self.keeps(Rule::LateTagsChecked)).then_some(marks)
    }

    fn keeps(&self, rule: Rule) -> bool {
        self.space.larder().keeps(rule)
    }
}

/// A record has room for so many tags. One that is left out would never invalidate it.
fn room_for(marks: Vec<Mark>) -> Option<Vec<Mark>> {
    let most = Mark::MAX;
    let fits = marks.len() <= most;
    if !fits {
        tracing::debug!(
            tags = marks.len(),
            most,
            "too many tags: what is loaded will not be stored"
        );
    }
    fits.then_some(marks)
}

impl Footing {
    /// What stands at the key while the load goes on.
    pub(crate) const fn token(&self) -> Option<Stamp> {
        match self {
            Self::Lease(held) => Some(held.stamp()),
            Self::Refresh(stamp) | Self::Over(stamp) => Some(*stamp),
            Self::None => None,
        }
    }

    /// What an answer must replace: exactly what it stands on.
    fn against(&self, site: &Site, record: &Bytes) -> Option<Condition> {
        let rule = match self {
            Self::Lease(_) => Rule::CommitIsConditional,
            Self::Refresh(_) | Self::Over(_) => Rule::RefreshIsConditional,
            Self::None => Rule::LeaseBeforeSource,
        };
        let is_fenced = site.keeps(Rule::NegativesFenced) || !Kind::Absent.begins(record);
        if site.keeps(rule) && is_fenced {
            self.token().map(|stamp| stamp.condition())
        } else {
            Some(Condition::Always)
        }
    }

    /// Puts the answer in its place. Whether it stands there now. As soon as the store lets a request go
    /// unanswered, `doubted` is told.
    pub(crate) async fn keep(
        self,
        site: &Site,
        record: &Bytes,
        ttl: Ttl,
        doubted: impl FnMut(&Error),
    ) -> bool {
        self.write(site, record, ttl, doubted).await.unwrap_or(false)
    }

    /// The same, and what the store has to say if it is not known, or if the store did not take it.
    pub(crate) async fn commit(self, site: &Site, record: &Bytes, ttl: Ttl) -> Result<bool> {
        self.write(site, record, ttl, |_| {}).await
    }

    async fn write(
        self,
        site: &Site,
        record: &Bytes,
        ttl: Ttl,
        doubted: impl FnMut(&Error),
    ) -> Result<bool> {
        let Some(against) = self.against(site, record) else { return Ok(false) };
        let place = site.space.place(site.key.clone());
        let written = lease::write_in_doubt(&place, record, ttl, against, PATIENCE, doubted);
        let committed = match written.await {
            Written::Applied => Ok(true),
            Written::Refused { .. } => Ok(false),
            Written::Failed(error) | Written::Unknown(error) => Err(error),
        };
        if let Self::Lease(held) = self {
            match committed {
                Ok(true) => drop(held.hand_over()),
                // What is left of the lease is removed.
                Ok(false) | Err(_) => held.release().await,
            }
        }
        site.space.larder().inner.wake.changed(&site.key);
        committed
    }

    /// There is an answer, and it is not to be kept: nobody should queue for it, and what it would have
    /// replaced is no longer true.
    pub(crate) async fn pass(self, site: &Site) {
        if let Self::Refresh(stamp) | Self::Over(stamp) = &self
            && stamp.kind != Kind::Pass
        {
            let _ = site.space.store().delete_if(&site.key, stamp.condition()).await;
        }
        self.fail(site).await;
    }

    /// There is an answer, and it is not known whether its tags hold. What it was to refresh is judged by its
    /// own, and may stay.
    pub(crate) async fn doubt(self, site: &Site) {
        match self {
            Self::Refresh(_) => self.fail(site).await,
            Self::Lease(_) | Self::Over(_) | Self::None => self.pass(site).await,
        }
    }

    /// There is no answer: nobody should queue for it. What stood there before may stay.
    pub(crate) async fn fail(self, site: &Site) {
        if let Self::Lease(held) = self {
            if !site.keeps(Rule::PassAfterFailure) {
                held.release().await;
                return site.space.larder().inner.wake.changed(&site.key);
            }
            let place = site.space.place(site.key.clone());
            held.pass(&place, site.options.backoff, PATIENCE).await;
        }
        site.space.larder().inner.wake.changed(&site.key);
    }
}
