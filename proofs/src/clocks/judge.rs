use std::time::Duration;

use super::{
    STALE_FOR, TTL,
    readers::{Read, WAIT},
};
use crate::time::{Lateness, nanos};

/// Between the loader's end and the store's beginning to count, and as long as that again.
const LANDS: Duration = Duration::from_millis(30);
/// Nothing is excused beyond this, however late the machine was.
const LIMIT: Duration = Duration::from_millis(500);

/// What a server's reads came to.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Tally {
    pub(super) reads: u64,
    /// Those that loaded nothing.
    pub(super) hits: u64,
    /// Given after their time was over.
    pub(super) past: u64,
    /// The oldest that was given.
    pub(super) oldest: Duration,
    /// Those who waited longer than they may.
    pub(super) overdue: u64,
    pub(super) longest: Duration,
}

/// Judges reads by real time. `beyond`: so long after its end an answer may be served.
pub(super) fn judge(reads: &[Read], beyond: Duration, lateness: &Lateness) -> Tally {
    let mut tally = Tally { reads: reads.len() as u64, ..Tally::default() };
    for read in reads {
        let age = read.begun.saturating_sub(read.loaded);
        let took = read.done - read.begun;
        tally.hits += u64::from(age > 0);
        tally.oldest = tally.oldest.max(Duration::from_nanos(age));
        tally.longest = tally.longest.max(Duration::from_nanos(took));
        let excuse = |from| (LANDS + lateness.between(from, read.done)).min(LIMIT);
        tally.past +=
            u64::from(age > nanos(TTL + STALE_FOR + beyond + excuse(read.loaded.min(read.begun))));
        tally.overdue += u64::from(took > nanos(WAIT + excuse(read.begun)));
    }
    tally
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.reads += other.reads;
        self.hits += other.hits;
        self.past += other.past;
        self.oldest = self.oldest.max(other.oldest);
        self.overdue += other.overdue;
        self.longest = self.longest.max(other.longest);
    }
}
