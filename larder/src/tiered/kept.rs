//! What is known of the copies in a front: whether one may be looked for, and whether it may be served.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use cache_api::{Cache, Clock, Key, Remaining};

use super::{
    builder::Limits,
    copy::{Copy, Owner},
    namespaces::Namespaces,
    under_way::UnderWay,
};
use crate::{
    layer::{Layer, Timeout},
    near::{
        tokens::Tokens,
        trust::{Mode, Trust},
    },
};

/// How long a front that failed is left alone.
const REST: Duration = Duration::from_secs(1);

/// How long the front may take for what nobody waits for.
const PATIENCE: Duration = Duration::from_secs(30);

/// A front and what is known of it.
pub(super) struct Kept {
    /// The front, for those who wait.
    pub(super) quick: Arc<dyn Cache>,
    /// The front, for what nobody waits for.
    pub(super) patient: Arc<dyn Cache>,
    pub(super) longest_value: usize,
    pub(super) namespaces: Namespaces,
    pub(super) tokens: Arc<Tokens>,
    pub(super) trust: Trust,
    pub(super) owner: Owner,
    clock: Arc<dyn Clock>,
    begin: Instant,
    unwatched_ttl: Duration,
    /// Until when the front is left alone, in nanoseconds since `begin`.
    rests_until: AtomicU64,
    pub(super) under_way: UnderWay,
}

/// A copy that may be served now.
#[derive(Debug)]
pub(super) struct Hit {
    pub(super) value: Bytes,
    pub(super) left: Remaining,
}

impl Kept {
    pub(super) fn new(
        store: Arc<dyn Cache>,
        clock: Arc<dyn Clock>,
        limits: Limits,
        beats: bool,
    ) -> Self {
        let within = |bound| Timeout::new(bound).clock(Arc::clone(&clock));
        let begin = clock.now();
        Self {
            quick: within(limits.front_deadline).layer(Arc::clone(&store)),
            longest_value: store.capabilities().max_value.saturating_sub(Copy::HEAD),
            patient: within(PATIENCE).layer(store),
            namespaces: Namespaces::new(limits.namespaces),
            tokens: Arc::new(Tokens::new()),
            trust: Trust::new(begin, limits.silence, beats),
            owner: Owner::random(),
            clock,
            begin,
            unwatched_ttl: limits.unwatched_ttl,
            rests_until: AtomicU64::new(0),
            under_way: UnderWay::default(),
        }
    }

    /// Whether what the front says of the key now can be relied on.
    pub(super) fn may_look(&self, key: &Key) -> bool {
        let mode = Trust::mode(self.trust.epoch());
        mode != Mode::Gap && !self.rests() && self.tokens.is_quiet(key)
    }

    /// What the front has of an entry, if it is a copy that may be served.
    pub(super) fn judge(&self, found: &Bytes) -> Option<Hit> {
        let copy = Copy::open(found, self.owner)?;
        let now = self.clock.now();
        if !self.trust.allows(copy.epoch, now) {
            return None;
        }
        let now = now.saturating_duration_since(self.begin);
        if self.served_for(&copy, now) == Remaining::Missing {
            return None;
        }
        let left =
            copy.dies.map_or(Remaining::Never, |dies| Remaining::For(dies.saturating_sub(now)));
        Some(Hit { value: copy.value, left })
    }

    /// How much longer a copy may be served, as long as its epoch lasts.
    pub(super) fn served_for(&self, copy: &Copy, now: Duration) -> Remaining {
        let until = match Trust::mode(copy.epoch) {
            Mode::Gap => return Remaining::Missing,
            Mode::Watched => copy.dies,
            Mode::Unwatched => {
                let until = copy.asked.checked_add(self.unwatched_ttl);
                copy.dies.into_iter().chain(until).min()
            }
        };
        match until {
            Some(until) if until > now => Remaining::For(until - now),
            Some(_) => Remaining::Missing,
            None => Remaining::Never,
        }
    }

    /// Whether a copy that is good could be served now.
    pub(super) fn is_serving(&self) -> bool {
        !self.rests() && self.trust.allows(self.trust.epoch(), self.clock.now())
    }

    /// Whether the front is left alone now.
    pub(super) fn rests(&self) -> bool {
        let until = self.rests_until.load(Ordering::Acquire);
        until > 0 && self.passed().as_nanos() < u128::from(until)
    }

    /// The front failed: it is left alone for a while, and nothing that is in it counts any more. In this
    /// order: who begins a fill in the new epoch finds that it rests.
    pub(super) fn failed(&self, error: &dyn fmt::Display) {
        if !self.rests() {
            tracing::warn!(%error, "the front of a tiered store failed, and is passed by");
        }
        let until = (self.passed() + REST).as_nanos();
        self.rests_until.fetch_max(u64::try_from(until).unwrap_or(u64::MAX), Ordering::AcqRel);
        self.trust.renew();
    }

    /// The time, since the tiers were made.
    pub(super) fn passed(&self) -> Duration {
        self.clock.now().saturating_duration_since(self.begin)
    }
}
