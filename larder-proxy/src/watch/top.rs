//! The keys that are asked for most, in room for a fixed number of them.
//!
//! Space-Saving (Metwally, Agrawal, El Abbadi, "Efficient computation of frequent and top-k elements in
//! data streams", 2005): a key that has no room takes that of the rarest, with its count as the bound of
//! the error. Whatever is asked for more often than one in [`ROOM`] is among them. Counts fade, so that
//! what was asked for yesterday is not on top today.

use std::collections::HashMap;

use super::fading::Fading;

/// How many keys are counted.
pub(super) const ROOM: usize = 64;

/// What is less than this is no more worth its room.
const FADED: f64 = 0.01;

#[derive(Debug, Default)]
pub(super) struct Top {
    keys: HashMap<u64, Counted>,
    /// Since the start.
    seconds: i32,
}

#[derive(Debug)]
struct Counted {
    name: String,
    requests: f64,
    /// So much of it may be due to those who had the room before.
    over: f64,
    /// Answered without the origin.
    kept: f64,
}

/// A key and what is known of it, of the last minute mostly.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ranked {
    pub(super) name: String,
    pub(super) requests_per_second: f64,
    /// How many of them were answered without the origin, of one.
    pub(super) kept: f64,
}

impl Top {
    /// One request. `name` is asked for only where the key is new here.
    pub(super) fn record(&mut self, id: u64, kept: bool, name: impl FnOnce() -> String) {
        if !self.keys.contains_key(&id) {
            let over = if self.keys.len() < ROOM { 0.0 } else { self.evict() };
            let new = Counted { name: name(), requests: over, over, kept: 0.0 };
            self.keys.insert(id, new);
        }
        if let Some(counted) = self.keys.get_mut(&id) {
            counted.requests += 1.0;
            counted.kept += f64::from(u8::from(kept));
        }
    }

    /// Takes the rarest away, and says how often it was counted.
    fn evict(&mut self) -> f64 {
        let rarest = self.keys.iter().min_by(|a, b| a.1.requests.total_cmp(&b.1.requests));
        let Some(rarest) = rarest.map(|(id, _)| *id) else { return 0.0 };
        self.keys.remove(&rarest).map_or(0.0, |counted| counted.requests)
    }

    /// A second has passed.
    pub(super) fn fade(&mut self) {
        self.seconds = self.seconds.saturating_add(1);
        for Counted { requests, over, kept, .. } in self.keys.values_mut() {
            for count in [requests, over, kept] {
                *count *= Fading::PER_SECOND;
            }
        }
        self.keys.retain(|_, counted| counted.requests >= FADED);
    }

    /// The first of them, by what they were surely asked for.
    pub(super) fn list(&self, most: usize) -> Vec<Ranked> {
        let rate = Fading::rate(self.seconds);
        let mut all: Vec<_> = self.keys.values().map(|counted| counted.rank(rate)).collect();
        all.sort_by(|a, b| {
            let by_rate = b.requests_per_second.total_cmp(&a.requests_per_second);
            by_rate.then_with(|| a.name.cmp(&b.name))
        });
        all.truncate(most);
        all
    }
}

impl Counted {
    fn rank(&self, rate: f64) -> Ranked {
        let sure = (self.requests - self.over).max(0.0);
        Ranked {
            name: self.name.clone(),
            requests_per_second: sure * rate,
            kept: if sure > 0.0 { (self.kept / sure).clamp(0.0, 1.0) } else { 0.0 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(top: &mut Top, id: u64, times: u32) {
        for _ in 0..times {
            top.record(id, id.is_multiple_of(2), || format!("/{id}"));
        }
    }

    #[test]
    fn what_is_asked_for_most_is_on_top_however_many_others_there_are() {
        let mut top = Top::default();
        for other in 0..10_000 {
            top.record(1_000 + other, false, || "/other".into());
            for often in 0..4 {
                ask(&mut top, often, 1);
            }
        }
        assert_eq!(top.keys.len(), ROOM);
        let mut first: Vec<_> = top.list(4).into_iter().map(|ranked| ranked.name).collect();
        first.sort();
        assert_eq!(first, ["/0", "/1", "/2", "/3"]);
        // The control: those who came by once are not taken for more than they are.
        let rest = top.list(ROOM);
        assert!(rest[4].requests_per_second <= 2.0, "{:?}", rest[4]);
    }

    #[test]
    fn counts_fade_and_the_faded_make_room() {
        let mut top = Top::default();
        ask(&mut top, 1, 100);
        for _ in 0..300 {
            top.fade();
            ask(&mut top, 2, 1);
        }
        let list = top.list(9);
        assert_eq!(list[0].name, "/2");
        assert!((list[0].requests_per_second - 1.0).abs() < 0.01, "{list:?}");
        assert!((list[0].kept - 1.0).abs() < 1e-9);
        for _ in 0..1_000 {
            top.fade();
        }
        assert!(top.keys.is_empty());
    }

    #[test]
    fn a_key_has_the_share_of_answers_from_the_cache() {
        let mut top = Top::default();
        for kept in [false, true, true, true] {
            top.record(1, kept, || "/a".into());
        }
        assert!((top.list(1)[0].kept - 0.75).abs() < 1e-9);
    }
}
