//! Whether a history is legal.
//!
//! A cache may forget anything at any time, so a register's linearizability is not what it promises. It
//! promises that what is read was the last thing that can have been written before the read, or was
//! written while the read went on:
//!
//! > A read of a value is legal unless something that replaces or invalidates it began after the value was
//! > written and was done before the read began.
//!
//! (After the `ValueHistory` of Meta's CacheLib.) A loaded value counts as written at the one moment when
//! its source was asked, however much later it was stored: an invalidation that overlaps the load wins.
//! To check this takes one pass over what is sorted by time.

use std::collections::HashMap;

use super::log::{History, Kill, Moment, Read, Scope, Seen, Write};

/// A read that should not have been possible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Violation {
    pub(super) read: Read,
    pub(super) why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// It was written under another key, or never.
    Foreign,
    /// It was written after the read.
    Future,
    /// It had been replaced or invalidated.
    Stale,
    /// Its time was past.
    Past,
}

/// What is illegal in a history.
pub(super) fn check(history: &History) -> Vec<Violation> {
    let floors = Floors::new(&history.kills);
    let nothings = Nothings::new(&history.writes);
    let judged = history.reads.iter().filter_map(|read| {
        let floor = floors.at(read);
        let why = match read.seen {
            Seen::Value(id) => judge(history.writes.get(id), read, floor),
            Seen::Nothing => nothings.judge(read, floor),
        };
        why.map(|why| Violation { read: read.clone(), why })
    });
    judged.collect()
}

fn judge(write: Option<&Write>, read: &Read, floor: Moment) -> Option<Why> {
    let Some(write) = write.filter(|write| write.key == read.key && !write.is_nothing) else {
        return Some(Why::Foreign);
    };
    if write.begun > read.ended {
        Some(Why::Future)
    } else if write.ended < floor {
        Some(Why::Stale)
    } else if write.until < read.begun {
        Some(Why::Past)
    } else {
        None
    }
}

/// Of each key, for everyone (`None`) and for each server: by when which writes were over.
struct Floors(HashMap<(u16, Option<usize>), Floor>);

/// When something was done, and the latest moment at which something began that was done by then.
type Floor = Vec<(Moment, Moment)>;

impl Floors {
    fn new(kills: &[Kill]) -> Self {
        let mut floors = HashMap::<_, Floor>::new();
        for kill in kills {
            let mut add = |whose| {
                floors.entry((kill.key, whose)).or_default().push((kill.ended, kill.begun));
            };
            add(Some(kill.server));
            if kill.scope == Scope::Everyone {
                add(None);
            }
        }
        for floor in floors.values_mut() {
            floor.sort_unstable();
            // What a read must not see is decided by the latest beginning of all that were done before.
            let mut latest = 0;
            for (_, begun) in floor {
                latest = latest.max(*begun);
                *begun = latest;
            }
        }
        Self(floors)
    }

    /// What was over before this moment is stale to this read.
    fn at(&self, read: &Read) -> Moment {
        // What its own server did it must see at once.
        let own = self.before((read.key, Some(read.server)), read.begun);
        let others = self.before((read.key, None), read.begun.saturating_sub(read.told_within));
        own.max(others)
    }

    fn before(&self, whose: (u16, Option<usize>), moment: Moment) -> Moment {
        let floor = self.0.get(&whose).map_or(&[][..], Vec::as_slice);
        let done = floor.partition_point(|(ended, _)| *ended < moment);
        done.checked_sub(1).and_then(|last| floor.get(last)).map_or(0, |(_, begun)| *begun)
    }
}

/// That a source has nothing looks the same each time: such a read is legal if one of those loads is.
struct Nothings(HashMap<u16, Vec<Moment>>);

impl Nothings {
    fn new(writes: &[Write]) -> Self {
        let mut nothings = HashMap::<_, Vec<_>>::new();
        for write in writes.iter().filter(|write| write.is_nothing) {
            nothings.entry(write.key).or_default().push(write.begun);
        }
        nothings.values_mut().for_each(|begun| begun.sort_unstable());
        Self(nothings)
    }

    fn judge(&self, read: &Read, floor: Moment) -> Option<Why> {
        let begun = self.0.get(&read.key).map_or(&[][..], Vec::as_slice);
        let possible = begun.partition_point(|begun| *begun <= read.ended);
        match possible.checked_sub(1).and_then(|last| begun.get(last)) {
            None => Some(Why::Foreign),
            Some(latest) => (*latest < floor).then_some(Why::Stale),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: u16 = 1;
    const FOR_EVER: Moment = Moment::MAX;

    fn write(begun: Moment, ended: Moment) -> Write {
        Write { key: KEY, begun, ended, until: FOR_EVER, is_nothing: false }
    }

    fn kill(begun: Moment, ended: Moment) -> Kill {
        Kill { key: KEY, server: 0, begun, ended, scope: Scope::Everyone }
    }

    fn read(value: usize, begun: Moment, ended: Moment) -> Read {
        let seen = Seen::Value(value);
        Read { key: KEY, server: 0, seen, begun, ended, told_within: 0 }
    }

    fn verdict(writes: &[Write], kills: &[Kill], read: Read) -> Option<Why> {
        let history = History {
            writes: writes.to_vec(),
            kills: kills.to_vec(),
            reads: vec![read],
            ..History::default()
        };
        check(&history).first().map(|violation| violation.why)
    }

    #[test]
    fn what_was_written_may_be_read_until_it_is_replaced() {
        assert_eq!(verdict(&[write(10, 20)], &[], read(0, 30, 40)), None);
        assert_eq!(verdict(&[write(10, 20)], &[kill(21, 25)], read(0, 30, 40)), Some(Why::Stale));
    }

    #[test]
    fn what_overlaps_is_in_either_order() {
        // With the write.
        assert_eq!(verdict(&[write(10, 20)], &[kill(15, 25)], read(0, 30, 40)), None);
        assert_eq!(verdict(&[write(10, 20)], &[kill(20, 25)], read(0, 30, 40)), None);
        // With the read.
        assert_eq!(verdict(&[write(10, 20)], &[kill(25, 35)], read(0, 30, 40)), None);
        assert_eq!(verdict(&[write(10, 20)], &[kill(25, 30)], read(0, 30, 40)), None);
        // The read with the write.
        assert_eq!(verdict(&[write(10, 20)], &[], read(0, 5, 10)), None);
        assert_eq!(verdict(&[write(10, 20)], &[], read(0, 5, 9)), Some(Why::Future));
    }

    #[test]
    fn a_load_is_over_when_its_source_was_asked() {
        // Stored at any time later: the invalidation came after the source was asked.
        assert_eq!(verdict(&[write(10, 10)], &[kill(11, 12)], read(0, 13, 14)), Some(Why::Stale));
        assert_eq!(verdict(&[write(10, 10)], &[kill(9, 12)], read(0, 13, 14)), None);
    }

    #[test]
    fn of_several_invalidations_the_one_that_began_last_decides() {
        let long_and_short = [kill(11, 30), kill(21, 25)];
        assert_eq!(verdict(&[write(20, 20)], &long_and_short, read(0, 26, 27)), Some(Why::Stale));
        assert_eq!(verdict(&[write(20, 20)], &long_and_short, read(0, 31, 32)), Some(Why::Stale));
        assert_eq!(verdict(&[write(22, 22)], &long_and_short, read(0, 31, 32)), None);
    }

    #[test]
    fn a_value_whose_outcome_is_unknown_may_come_at_any_time() {
        assert_eq!(verdict(&[write(10, FOR_EVER)], &[kill(21, 25)], read(0, 30, 40)), None);
    }

    #[test]
    fn others_may_be_told_a_little_later_but_never_oneself() {
        let near = |server| Read { server, told_within: 10, ..read(0, 30, 40) };
        assert_eq!(verdict(&[write(1, 2)], &[kill(11, 20)], near(1)), None);
        assert_eq!(verdict(&[write(1, 2)], &[kill(11, 19)], near(1)), Some(Why::Stale));
        assert_eq!(verdict(&[write(1, 2)], &[kill(11, 20)], near(0)), Some(Why::Stale));
    }

    #[test]
    fn what_is_queued_holds_where_it_was_asked_for() {
        let queued = Kill { scope: Scope::Own, ..kill(11, 20) };
        let read = |server| Read { server, ..read(0, 30, 40) };
        assert_eq!(verdict(&[write(1, 2)], std::slice::from_ref(&queued), read(1)), None);
        assert_eq!(verdict(&[write(1, 2)], &[queued], read(0)), Some(Why::Stale));
    }

    #[test]
    fn nothing_is_served_past_its_time_nor_under_another_key() {
        let short = Write { until: 29, ..write(1, 2) };
        assert_eq!(verdict(std::slice::from_ref(&short), &[], read(0, 29, 40)), None);
        assert_eq!(verdict(&[short], &[], read(0, 30, 40)), Some(Why::Past));
        let other = Write { key: 2, ..write(1, 2) };
        assert_eq!(verdict(&[other], &[], read(0, 30, 40)), Some(Why::Foreign));
        assert_eq!(verdict(&[], &[], read(7, 30, 40)), Some(Why::Foreign));
    }

    #[test]
    fn that_there_is_nothing_is_legal_if_one_load_could_say_so() {
        let nothing = |at| Write { is_nothing: true, ..write(at, at) };
        let read = Read { seen: Seen::Nothing, ..read(0, 30, 40) };
        assert_eq!(verdict(&[], &[], read.clone()), Some(Why::Foreign));
        assert_eq!(verdict(&[nothing(10)], &[], read.clone()), None);
        assert_eq!(verdict(&[nothing(10)], &[kill(11, 20)], read.clone()), Some(Why::Stale));
        assert_eq!(verdict(&[nothing(10), nothing(35)], &[kill(11, 20)], read), None);
    }
}
