//! The servers that share a store: which there are, and which there were.
//!
//! Each writes a small record with a short life, into one of a fixed number of places. So one read of them all
//! shows the fleet, without a walk over the keys of the store, and no two servers write over each other.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use larder::cache_api::{Condition, Prefix};

use super::record::Record;

/// How many servers can be seen. What more there are serve as well, unseen.
pub(super) const PLACES: usize = 64;

/// So long a record may be missing: a purge of everything takes it away until the next beat.
const DOUBT: Duration = Duration::from_secs(2);

/// Servers that are gone are remembered for so long.
const MEMORY: Duration = Duration::from_secs(600);

/// And so many of them at most, besides those that are there.
const MOST: usize = 2 * PLACES;

#[derive(Debug)]
pub(super) struct Fleet {
    own: String,
    place: usize,
    seen: BTreeMap<String, Seen>,
}

#[derive(Debug)]
struct Seen {
    record: Record,
    at: Instant,
    /// It was there when the store was last read.
    there: bool,
}

impl Fleet {
    pub(super) const fn new(own: String, place: usize) -> Self {
        Self { own, place: place % PLACES, seen: BTreeMap::new() }
    }

    /// What the places hold now. Where this server is to write, and on which condition; `None`: they are
    /// all taken.
    pub(super) fn found(
        &mut self,
        places: &[Option<Record>],
        now: Instant,
    ) -> Option<(usize, Condition)> {
        for seen in self.seen.values_mut() {
            seen.there = false;
        }
        for record in places.iter().flatten() {
            let seen = Seen { record: record.clone(), at: now, there: true };
            self.seen.insert(record.id.clone(), seen);
        }
        self.forget(now);
        let at = |place: usize| places.get(place).and_then(Option::as_ref);
        if at(self.place).is_some_and(|record| record.id == self.own) {
            let own = Prefix::new(&Record::prefix(&self.own)).ok()?;
            return Some((self.place, Condition::StartsWith(own)));
        }
        let round = (0..PLACES).map(|step| (self.place + step) % PLACES);
        let free = round.into_iter().find(|&place| at(place).is_none())?;
        self.place = free;
        Some((free, Condition::Absent))
    }

    /// What was to be written was refused: someone was faster, or what stands there is no record.
    pub(super) const fn refused(&mut self) {
        self.place = (self.place + 1) % PLACES;
    }

    /// Where this server wrote last.
    pub(super) const fn place(&self) -> usize {
        self.place
    }

    fn forget(&mut self, now: Instant) {
        self.seen.retain(|_, seen| seen.there || now.duration_since(seen.at) < MEMORY);
        while self.seen.len() > MOST {
            let oldest = self.seen.iter().min_by_key(|(_, seen)| seen.at);
            let Some(oldest) = oldest.map(|(id, _)| id.clone()) else { return };
            self.seen.remove(&oldest);
        }
    }

    /// The other servers, and for how long each has been gone.
    pub(super) fn others(&self, now: Instant) -> Vec<(Record, Option<Duration>)> {
        let others = self.seen.values().filter(|seen| seen.record.id != self.own);
        others
            .map(|seen| {
                let since = now.duration_since(seen.at);
                let is_gone = !seen.there && since >= DOUBT;
                (seen.record.clone(), is_gone.then_some(since))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: &str) -> Record {
        Record { id: id.into(), ..Record::default() }
    }

    /// A store of records, as conditions have it.
    #[derive(Default)]
    struct Places(BTreeMap<usize, Record>);

    impl Places {
        fn all(&self) -> Vec<Option<Record>> {
            (0..PLACES).map(|place| self.0.get(&place).cloned()).collect()
        }

        fn beat(&mut self, fleet: &mut Fleet, now: Instant) {
            let place = fleet.found(&self.all(), now);
            self.write(fleet, place);
        }

        fn write(&mut self, fleet: &mut Fleet, place: Option<(usize, Condition)>) {
            let Some((place, condition)) = place else { return };
            let standing = self.0.get(&place).map(Record::write);
            if condition.holds(standing.as_deref()) {
                self.0.insert(place, record(&fleet.own));
            } else {
                fleet.refused();
            }
        }
    }

    #[test]
    fn two_that_begin_at_one_place_both_find_one() {
        let (now, mut store) = (Instant::now(), Places::default());
        let [mut a, mut b] = ["a", "b"].map(|id| Fleet::new(id.into(), 3));
        // Both saw it free, one was first.
        let (for_a, for_b) = (a.found(&store.all(), now), b.found(&store.all(), now));
        store.write(&mut a, for_a);
        store.write(&mut b, for_b);
        assert_eq!(store.0.len(), 1);
        for _ in 0..2 {
            store.beat(&mut b, now);
            store.beat(&mut a, now);
        }
        let ids: Vec<_> = store.0.values().map(|record| &*record.id).collect();
        assert_eq!(ids, ["a", "b"]);
        assert_eq!(a.others(now).len(), 1);
    }

    #[test]
    fn a_place_with_something_else_in_it_is_left_alone() {
        let (now, nothing) = (Instant::now(), vec![None; PLACES]);
        let mut fleet = Fleet::new("a".into(), PLACES - 1);
        assert_eq!(fleet.found(&nothing, now), Some((PLACES - 1, Condition::Absent)));
        fleet.refused();
        assert_eq!(fleet.found(&nothing, now), Some((0, Condition::Absent)));
    }

    #[test]
    fn who_stops_is_gone_and_forgotten_after_a_while() {
        let (start, mut store) = (Instant::now(), Places::default());
        let [mut a, mut b] = ["a", "b"].map(|id| Fleet::new(id.into(), 9));
        store.beat(&mut a, start);
        store.beat(&mut b, start);
        store.beat(&mut a, start);
        assert_eq!(a.others(start)[0].1, None);
        store.0.retain(|_, record| record.id != "b");
        store.beat(&mut a, start + Duration::from_secs(1));
        assert_eq!(a.others(start + Duration::from_secs(1))[0].1, None, "it may be a purge");
        let later = start + Duration::from_secs(7);
        store.beat(&mut a, later);
        assert_eq!(a.others(later)[0].1, Some(Duration::from_secs(7)));
        store.beat(&mut a, start + MEMORY);
        assert!(a.others(start + MEMORY).is_empty());
    }

    #[test]
    fn a_full_house_takes_no_more_and_many_that_come_and_go_are_bounded() {
        let now = Instant::now();
        let full: Vec<_> = (0..PLACES).map(|id| Some(record(&id.to_string()))).collect();
        let mut late = Fleet::new("late".into(), 0);
        assert!(late.found(&full, now).is_none());
        for round in 0..10 {
            let others: Vec<_> =
                (0..PLACES).map(|id| Some(record(&format!("{round}-{id}")))).collect();
            late.found(&others, now + Duration::from_secs(10 * round));
        }
        assert!(late.seen.len() <= MOST);
        // Those that are there are not the ones that are forgotten.
        let now = now + Duration::from_secs(90);
        let there = late.others(now).iter().filter(|(_, gone)| gone.is_none()).count();
        assert_eq!(there, PLACES);
    }
}
