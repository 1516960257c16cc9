use std::{
    any::Any,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use cache_api::{Clock, Key};
use foldhash::quality::RandomState;
use quick_cache::{OptionsBuilder, Weighter, sync::Cache as Map};

use super::{
    Copies,
    tokens::{Token, Tokens},
    trust::{Mode, Trust},
};
use crate::{
    envelope::{TagState, Version},
    switches::{Rule, Switches},
};

/// What a copy costs besides its value and its tags, in bytes: key, entry, the map's own.
const OVERHEAD: u64 = 256;

/// How long a copy lives, and how long it is served without a sign of life from the store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// In bytes, all together.
    pub(crate) max_bytes: u64,
    /// Where no changes are told.
    pub(crate) unwatched_ttl: Duration,
    /// The newest answered heartbeat was sent at most so long ago.
    pub(crate) silence: Duration,
}

/// Copies of entries in the memory of this process, decoded.
pub(crate) struct Tier {
    map: Map<Key, Copy, Weigh, RandomState>,
    tokens: Tokens,
    trust: Trust,
    clock: Arc<dyn Clock>,
    limits: Limits,
    switches: Switches,
}

/// A copy of an entry.
#[derive(Clone)]
pub(crate) struct Copy {
    pub(crate) what: What,
    /// The version of the entry.
    pub(crate) version: Version,
    /// The tags of the entry, by their keys.
    pub(crate) tags: Option<Arc<[(Key, TagState)]>>,
    /// From when on it is none. `None`: it lives for ever.
    deadline: Option<Instant>,
    epoch: u64,
    weight: u32,
}

/// What is copied.
#[derive(Clone)]
pub(crate) enum What {
    /// A value, of this codec and schema.
    Value {
        value: Arc<dyn Any + Send + Sync>,
        codec: u8,
        schema: u32,
    },
    /// That the source has nothing.
    Nothing,
    Tag(TagState),
}

/// A copy to be made, which a change that is told meanwhile prevents.
#[derive(Debug)]
pub(crate) struct Fill<'a> {
    tier: &'a Tier,
    token: Token<&'a Tokens>,
    sent: Instant,
    mode: Mode,
}

impl Tier {
    pub(crate) fn new(
        limits: Limits,
        clock: Arc<dyn Clock>,
        beats: bool,
        switches: Switches,
    ) -> Self {
        // A guess at how many there will be: it sizes the tables, and is no bound.
        let estimated = (limits.max_bytes / 512).clamp(64, 1 << 20) as usize;
        let options = OptionsBuilder::new()
            .estimated_items_capacity(estimated)
            .weight_capacity(limits.max_bytes)
            .build()
            .expect("both of its capacities are set");
        let map = Map::with_options(
            options,
            Weigh,
            RandomState::default(),
            quick_cache::sync::DefaultLifecycle::default(),
        );
        let silence = match switches.keep(Rule::SilenceIsBounded) {
            true => limits.silence,
            false => Duration::MAX,
        };
        Self {
            map,
            tokens: Tokens::new(),
            trust: Trust::new(clock.now(), silence, beats),
            clock,
            limits,
            switches,
        }
    }

    /// The copy of an entry, if it may be served now. Whether its tags hold is not judged.
    pub(crate) fn get(&self, key: &Key) -> Option<Copy> {
        let copy = self.map.get(key);
        if copy.as_ref().is_some_and(|copy| self.lives(copy)) { copy } else { None }
    }

    fn lives(&self, copy: &Copy) -> bool {
        // The clock is a fifth of a hit: looked at once, and only if it matters.
        let mut now = None;
        let mut now = || *now.get_or_insert_with(|| self.clock.now());
        let fresh = copy.deadline.is_none_or(|deadline| now() < deadline)
            || !self.switches.keep(Rule::CopiesDieWithEntries);
        let epoch = match self.switches.keep(Rule::GapsVoidCopies) {
            true => copy.epoch,
            false => self.trust.epoch(),
        };
        fresh && self.trust.allows_at(epoch, now)
    }

    /// The copy of a tag, if it may be relied on now.
    pub(crate) fn tag(&self, key: &Key) -> Option<TagState> {
        match self.get(key)?.what {
            What::Tag(state) => Some(state),
            What::Value { .. } | What::Nothing => None,
        }
    }

    /// Begins a copy. To be called before the store is asked. `None` while nothing may be kept.
    pub(crate) fn begin(&self, key: &Key) -> Option<Fill<'_>> {
        let epoch = self.trust.epoch();
        let mode = Trust::mode(epoch);
        (mode != Mode::Gap).then(|| {
            let token = self.tokens.begin(key, epoch);
            Fill { tier: self, token, sent: self.clock.now(), mode }
        })
    }

    /// Whether no copy is being made.
    #[cfg(test)]
    pub(crate) fn has_no_fills(&self) -> bool {
        self.tokens.is_empty()
    }

    /// How many bytes the copies take.
    pub(crate) fn bytes(&self) -> u64 {
        self.map.weight()
    }
}

impl Fill<'_> {
    /// Keeps the copy, if nothing was told of the entry since the store was asked. It lives for so long
    /// from that moment.
    pub(crate) fn keep(
        self,
        key: &Key,
        what: What,
        version: Version,
        tags: Option<Arc<[(Key, TagState)]>>,
        lives: Option<Duration>,
        bytes: usize,
    ) {
        let Self { tier, token, sent, mode } = self;
        let lives = match mode {
            Mode::Unwatched => Some(lives.unwrap_or(Duration::MAX).min(tier.limits.unwatched_ttl)),
            Mode::Watched | Mode::Gap => lives,
        };
        let names = tags.iter().flat_map(|tags| tags.iter());
        let names: usize = names.map(|(key, _)| key.as_bytes().len() + size_of::<Key>()).sum();
        let weight = OVERHEAD + (key.as_bytes().len() + names + bytes) as u64;
        let epoch = tier.trust.epoch();
        let copy = Copy {
            what,
            version,
            tags,
            deadline: lives.and_then(|lives| sent.checked_add(lives)),
            epoch,
            weight: u32::try_from(weight).unwrap_or(u32::MAX),
        };
        // What makes room is the application's: it is dropped after the lock is given back.
        let mut evicted = Default::default();
        let keep = || tier.map.insert_with_lifecycle(key.clone(), copy, &mut evicted);
        if tier.switches.keep(Rule::CopiesTakeTokens) {
            token.finish(epoch, keep);
        } else {
            keep();
        }
    }
}

impl Copies for Tier {
    fn trust(&self) -> &Trust {
        &self.trust
    }

    fn kill(&self, key: &Key) {
        let mut dropped = None;
        self.tokens.kill(key, || dropped = self.map.remove(key));
        // Not under the lock: it is the application's, and may do anything when it is dropped.
        drop(dropped);
    }

    fn sweep(&self) {
        if self.switches.keep(Rule::GapsVoidCopies) {
            self.map.clear();
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Weigh;

impl Weighter<Key, Copy> for Weigh {
    fn weight(&self, _: &Key, copy: &Copy) -> u64 {
        copy.weight.into()
    }
}

/// Without the values.
impl fmt::Debug for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tier")
            .field("copies", &self.map.len())
            .field("bytes", &self.map.weight())
            .field("max_bytes", &self.limits.max_bytes)
            .finish_non_exhaustive()
    }
}
