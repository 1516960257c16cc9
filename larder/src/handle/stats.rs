use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use super::counter::{Counter, count, record_load};
use crate::{envelope::Damage, stream::StreamStats};

/// What has happened so far. Plain numbers, each counted since the [`Larder`](crate::Larder) was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Look-ups of typed and raw values that found one.
    pub hits: u64,
    /// Look-ups that did not, those that found something damaged included.
    pub misses: u64,
    /// Values written.
    pub stored: u64,
    /// Writes that did not happen because of their condition.
    pub refused: u64,
    /// Calls that the store answered with an error.
    pub errors: u64,
    /// Invalidations that were asked for, of each key, tag or space.
    pub invalidations: u64,
    /// Invalidations that could not reach the store yet, and are made as soon as they can be.
    pub queued: u64,
    /// Loads.
    pub loads: Loads,
    /// The near tier.
    pub near: NearStats,
    /// What was found and could not be used.
    pub damaged: Damaged,
    /// Streams.
    pub streams: StreamStats,
}

/// The near tier: copies in the memory of this process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NearStats {
    /// Look-ups that were answered from memory.
    pub hits: u64,
    /// Those that were not.
    pub misses: u64,
    /// How many bytes the copies take.
    pub bytes: u64,
}

/// What happened to loads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Loads {
    /// Loaders that gave a value, or that there is none.
    pub done: u64,
    /// Loaders that failed, panicked or took too long.
    pub failed: u64,
    /// How long they took, all together.
    pub time: Duration,
    /// Calls that waited for a load, of this process or of another one.
    pub waits: u64,
    /// Values served past their time.
    pub stale: u64,
}

/// Records that were found and could not be used, by cause. Each is a miss to whoever asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Damaged {
    /// No record of this library, or one of a format that this version does not know.
    pub foreign: u64,
    /// Cut short or changed: the checksum does not fit.
    pub corrupt: u64,
    /// Longer than the limit, or declares to become so.
    pub over_limit: u64,
    /// Whole, but of a codec, compression, encryption or schema that this handle does not read.
    pub unsupported: u64,
    /// Whole, but it does not decode into the type.
    pub undecodable: u64,
}

/// Apart from its neighbours: every look-up writes here, and every look-up reads what stands beside it.
///
/// With the feature `metrics` each is a series of the recorder by the name that stands here, and
/// `larder_load_duration_seconds` is a histogram beside them. See [`Stats`] for what they count.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Counters {
    pub(crate) hits: Counter,
    pub(crate) misses: Counter,
    pub(crate) stored: Counter,
    pub(crate) refused: Counter,
    pub(crate) errors: Counter,
    pub(crate) invalidations: Counter,
    pub(crate) near_hits: Counter,
    pub(crate) near_misses: Counter,
    pub(crate) waits: Counter,
    pub(crate) stale: Counter,
    loaded: Counter,
    load_failures: Counter,
    load_nanos: AtomicU64,
    foreign: Counter,
    corrupt: Counter,
    over_limit: Counter,
    unsupported: Counter,
    undecodable: Counter,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            hits: Counter::new("larder_hits_total"),
            misses: Counter::new("larder_misses_total"),
            stored: Counter::new("larder_stored_total"),
            refused: Counter::new("larder_refused_total"),
            errors: Counter::new("larder_errors_total"),
            invalidations: Counter::new("larder_invalidations_total"),
            near_hits: Counter::new("larder_near_hits_total"),
            near_misses: Counter::new("larder_near_misses_total"),
            waits: Counter::new("larder_load_waits_total"),
            stale: Counter::new("larder_stale_total"),
            loaded: Counter::new("larder_loads_total"),
            load_failures: Counter::new("larder_load_failures_total"),
            load_nanos: AtomicU64::new(0),
            foreign: Counter::new("larder_damaged_foreign_total"),
            corrupt: Counter::new("larder_damaged_corrupt_total"),
            over_limit: Counter::new("larder_damaged_over_limit_total"),
            unsupported: Counter::new("larder_damaged_unsupported_total"),
            undecodable: Counter::new("larder_damaged_undecodable_total"),
        }
    }
}

impl Counters {
    /// A load took so long, and succeeded or not.
    pub(crate) fn loaded(&self, took: Duration, succeeded: bool) {
        count(if succeeded { &self.loaded } else { &self.load_failures });
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.load_nanos.fetch_add(nanos, Relaxed);
        record_load(took);
    }

    pub(crate) fn damaged(&self, damage: Damage) {
        count(match damage {
            Damage::Foreign => &self.foreign,
            Damage::Corrupt => &self.corrupt,
            Damage::OverLimit => &self.over_limit,
            Damage::Unsupported => &self.unsupported,
            Damage::Undecodable => &self.undecodable,
        });
    }

    pub(crate) fn stats(&self, streams: StreamStats, queued: usize, near_bytes: u64) -> Stats {
        Stats {
            hits: self.hits.get(),
            misses: self.misses.get(),
            stored: self.stored.get(),
            refused: self.refused.get(),
            errors: self.errors.get(),
            invalidations: self.invalidations.get(),
            queued: queued as u64,
            near: NearStats {
                hits: self.near_hits.get(),
                misses: self.near_misses.get(),
                bytes: near_bytes,
            },
            loads: Loads {
                done: self.loaded.get(),
                failed: self.load_failures.get(),
                time: Duration::from_nanos(self.load_nanos.load(Relaxed)),
                waits: self.waits.get(),
                stale: self.stale.get(),
            },
            damaged: Damaged {
                foreign: self.foreign.get(),
                corrupt: self.corrupt.get(),
                over_limit: self.over_limit.get(),
                unsupported: self.unsupported.get(),
                undecodable: self.undecodable.get(),
            },
            streams,
        }
    }
}
