use std::time::Duration;

use cache_api::{Key, Remaining};

use super::{Freshness, Time, record::Record};
use crate::{Damaged, envelope::Damage};

/// All entries of a space, counted. By [`Space::survey`](crate::Space::survey).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Survey {
    /// All that were found.
    pub all: Tally,
    /// How many keys had no entry any more when it was looked at.
    pub vanished: u64,
    /// Those that cannot be used, by cause.
    pub damaged: Damaged,
    /// Values and "there is none", by time alone: whether their tags hold was not asked.
    pub answers: Timely,
    /// How old those are.
    pub ages: Ages,
    /// How long the store will keep what was found.
    pub lifetimes: Lifetimes,
    /// The largest, the first one first: as many as were asked for.
    pub largest: Vec<Large>,
    sorts: [Tally; Sort::ALL.len()],
}

/// How many entries, and how long they are together, their keys not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// How many.
    pub entries: u64,
    /// In bytes, as they stand in the store.
    pub bytes: u64,
}

/// What sort of entry it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Sort {
    /// A typed value.
    Value,
    /// That the source has nothing.
    Absent,
    /// A committed stream; its chunks are counted as pieces.
    Stream,
    /// A chunk, a beat or the end of a stream, also of one that was replaced or removed.
    Piece,
    /// A mark that somebody asks the source.
    Lease,
    /// A mark that somebody writes a stream.
    Recording,
    /// A mark that nobody should queue.
    Pass,
    /// A tag.
    Tag,
    /// Something else that larder keeps for itself.
    Internal,
    /// Bytes of no format of larder's.
    Raw,
    /// A record that cannot be used.
    Damaged,
}

/// Answers, by time alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timely {
    /// Within their time.
    pub fresh: u64,
    /// Past it, and they may still be served stale.
    pub stale: u64,
    /// Past that, too.
    pub past: u64,
}

/// How old entries are: each is counted once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ages {
    /// Up to a minute.
    pub minute: u64,
    /// Longer, up to an hour.
    pub hour: u64,
    /// Longer, up to a day.
    pub day: u64,
    /// Longer than a day.
    pub longer: u64,
}

/// How long entries will live: each is counted once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lifetimes {
    /// Those that end.
    pub ending: Ages,
    /// Those that live until they are deleted or evicted.
    pub never: u64,
}

/// One of the largest entries.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Large {
    /// Where it stands.
    pub key: Key,
    /// What it is.
    pub sort: Sort,
    /// How long it is, in bytes.
    pub bytes: u64,
}

impl Sort {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Value,
        Self::Absent,
        Self::Stream,
        Self::Piece,
        Self::Lease,
        Self::Recording,
        Self::Pass,
        Self::Tag,
        Self::Internal,
        Self::Raw,
        Self::Damaged,
    ];
}

impl Survey {
    /// Those of a sort.
    #[must_use]
    pub const fn of(&self, sort: Sort) -> Tally {
        self.sorts[sort as usize]
    }

    /// One more entry. At most `most` of the largest are kept.
    pub(super) fn add(
        &mut self,
        key: Key,
        record: &Record,
        bytes: u64,
        remaining: Remaining,
        now_ms: u64,
        most: usize,
    ) {
        let sort = record.sort(&key);
        self.all.add(bytes);
        self.sorts[sort as usize].add(bytes);
        self.lifetimes.add(remaining);
        match record {
            Record::Answer(answer) => {
                let time = Time::of(&answer.lifetime, now_ms, remaining);
                self.ages.add(time.age);
                self.answers.add(time.freshness);
            }
            Record::Damaged(damage, _) => add_damage(&mut self.damaged, *damage),
            _ => {}
        }
        let place = self.largest.partition_point(|large| large.bytes >= bytes);
        // A key may be told twice.
        if place < most && !self.largest.iter().any(|large| large.key == key) {
            self.largest.truncate(most - 1);
            self.largest.insert(place, Large { key, sort, bytes });
        }
    }
}

impl Tally {
    const fn add(&mut self, bytes: u64) {
        self.entries += 1;
        self.bytes += bytes;
    }
}

impl Timely {
    const fn add(&mut self, freshness: Freshness) {
        match freshness {
            Freshness::Fresh => self.fresh += 1,
            Freshness::Stale => self.stale += 1,
            Freshness::Past => self.past += 1,
        }
    }
}

impl Ages {
    fn add(&mut self, time: Duration) {
        match time.as_millis() {
            0..=60_000 => self.minute += 1,
            60_001..=3_600_000 => self.hour += 1,
            3_600_001..=86_400_000 => self.day += 1,
            _ => self.longer += 1,
        }
    }
}

impl Lifetimes {
    fn add(&mut self, remaining: Remaining) {
        match remaining {
            Remaining::For(left) => self.ending.add(left),
            Remaining::Never => self.never += 1,
            // It ends this very moment.
            Remaining::Missing => self.ending.add(Duration::ZERO),
        }
    }
}

const fn add_damage(damaged: &mut Damaged, damage: Damage) {
    match damage {
        Damage::Foreign => damaged.foreign += 1,
        Damage::Corrupt => damaged.corrupt += 1,
        Damage::OverLimit => damaged.over_limit += 1,
        Damage::Unsupported => damaged.unsupported += 1,
        Damage::Undecodable => damaged.undecodable += 1,
    }
}
