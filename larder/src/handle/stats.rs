use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

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
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Counters {
    pub(crate) hits: AtomicU64,
    pub(crate) misses: AtomicU64,
    pub(crate) stored: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) errors: AtomicU64,
    loaded: AtomicU64,
    load_failures: AtomicU64,
    load_nanos: AtomicU64,
    pub(crate) waits: AtomicU64,
    pub(crate) stale: AtomicU64,
    pub(crate) invalidations: AtomicU64,
    foreign: AtomicU64,
    corrupt: AtomicU64,
    over_limit: AtomicU64,
    unsupported: AtomicU64,
    undecodable: AtomicU64,
}

/// One more. Numbers for people: no order is needed between them.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}

impl Counters {
    /// A load took so long, and succeeded or not.
    pub(crate) fn loaded(&self, took: Duration, succeeded: bool) {
        count(if succeeded { &self.loaded } else { &self.load_failures });
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.load_nanos.fetch_add(nanos, Relaxed);
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

    pub(crate) fn stats(&self, streams: StreamStats, queued: usize, near: NearStats) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Relaxed);
        Stats {
            hits: read(&self.hits),
            misses: read(&self.misses),
            stored: read(&self.stored),
            refused: read(&self.refused),
            errors: read(&self.errors),
            invalidations: read(&self.invalidations),
            queued: queued as u64,
            near,
            loads: Loads {
                done: read(&self.loaded),
                failed: read(&self.load_failures),
                time: Duration::from_nanos(read(&self.load_nanos)),
                waits: read(&self.waits),
                stale: read(&self.stale),
            },
            damaged: Damaged {
                foreign: read(&self.foreign),
                corrupt: read(&self.corrupt),
                over_limit: read(&self.over_limit),
                unsupported: read(&self.unsupported),
                undecodable: read(&self.undecodable),
            },
            streams,
        }
    }
}
