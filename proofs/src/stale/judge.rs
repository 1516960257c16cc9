//! Which reads were stale, and by how much.

use std::time::Duration;

use super::{KEYS, serve::Ack};
use crate::time::{Lateness, Moment, nanos};

/// A read: when it began, and what it gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) begun: Moment,
    pub(super) key: u64,
    pub(super) version: u64,
}

impl Read {
    const BYTES: usize = 24;

    pub(super) fn to_bytes(reads: &[Self]) -> Vec<u8> {
        let fields = reads.iter().flat_map(|read| [read.begun, read.key, read.version]);
        fields.flat_map(u64::to_le_bytes).collect()
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Vec<Self> {
        let field = |read: &[u8; Self::BYTES], at: usize| {
            let mut field = [0; 8];
            field.copy_from_slice(&read[at..at + 8]);
            u64::from_le_bytes(field)
        };
        let (reads, _) = bytes.as_chunks::<{ Self::BYTES }>();
        let read =
            |read| Self { begun: field(read, 0), key: field(read, 8), version: field(read, 16) };
        reads.iter().map(read).collect()
    }
}

/// What must be seen by when: of each key, the acknowledged versions, and when the first was acknowledged
/// that was at least so high.
#[derive(Debug)]
pub(super) struct Floors(Vec<Vec<(u64, Moment)>>);

impl Floors {
    pub(super) fn new(acks: &[Ack]) -> Self {
        let mut floors = vec![Vec::new(); KEYS as usize];
        for ack in acks {
            floors[ack.key as usize].push((ack.version, ack.at));
        }
        for floor in &mut floors {
            floor.sort_unstable();
            // From above: whoever acknowledged a higher version earlier has acknowledged the lower ones.
            let mut earliest = Moment::MAX;
            for (_, at) in floor.iter_mut().rev() {
                earliest = earliest.min(*at);
                *at = earliest;
            }
        }
        Self(floors)
    }

    /// The moment from which on this read should not have been possible, if it began later than that.
    fn outdated(&self, read: &Read) -> Option<Moment> {
        let floor = &self.0[read.key as usize];
        let next = floor.partition_point(|(version, _)| *version <= read.version);
        let (_, at) = floor.get(next)?;
        (*at < read.begun).then_some(*at)
    }
}

/// What a server's reads came to.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Tally {
    pub(super) reads: u64,
    /// Older than what was acknowledged longer ago than the bound.
    pub(super) stale: u64,
    /// Those that are only because the machine was late itself. Not counted as stale.
    pub(super) late: u64,
    /// How far behind the worst of all reads was, whatever the bound.
    pub(super) behind: Duration,
}

/// Judges reads. `late` says how late the machine was; but nothing is excused beyond `limit`.
pub(super) fn judge(
    reads: &[Read],
    floors: &Floors,
    bound: Duration,
    limit: Duration,
    late: &[&Lateness],
) -> Tally {
    let mut tally = Tally { reads: reads.len() as u64, ..Tally::default() };
    for read in reads {
        let Some(outdated) = floors.outdated(read) else { continue };
        let behind = read.begun - outdated;
        tally.behind = tally.behind.max(Duration::from_nanos(behind));
        if behind <= nanos(bound) {
            continue;
        }
        let lateness = late.iter().map(|late| late.between(outdated, read.begun)).max();
        let excused = (bound + lateness.unwrap_or_default()).min(limit);
        if behind <= nanos(excused) {
            tally.late += 1;
        } else {
            tally.stale += 1;
        }
    }
    tally
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.reads += other.reads;
        self.stale += other.stale;
        self.late += other.late;
        self.behind = self.behind.max(other.behind);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn floors() -> Floors {
        let ack = |version, at| Ack { key: 1, version, at: at * MS };
        // The third was acknowledged before the second.
        Floors::new(&[ack(1, 100), ack(2, 300), ack(3, 200)])
    }

    fn tally(begun: u64, version: u64, bound: u64) -> Tally {
        let (read, bound) =
            (Read { begun: begun * MS, key: 1, version }, Duration::from_millis(bound));
        judge(&[read], &floors(), bound, Duration::from_secs(3), &[])
    }

    #[test]
    fn what_was_acknowledged_before_the_read_began_must_be_seen() {
        for (begun, version, stale) in [
            (99, 0, 0),
            (100, 0, 0),
            (101, 0, 1),
            (250, 1, 1),
            (250, 2, 1),
            (250, 3, 0),
            (90, 9, 0),
        ] {
            assert_eq!(tally(begun, version, 0).stale, stale, "{version} at {begun}");
        }
    }

    #[test]
    fn within_the_bound_it_may_be_older() {
        assert_eq!((tally(150, 0, 50).stale, tally(151, 0, 50).stale), (0, 1));
        assert_eq!(tally(150, 0, 50).behind, Duration::from_millis(50));
    }

    #[test]
    fn reads_are_written_down_and_read_again() {
        let reads = [1, 2, 3].map(|n| Read { begun: n, key: n + 1, version: u64::MAX - n });
        assert_eq!(Read::from_bytes(&Read::to_bytes(&reads)), reads);
    }
}
