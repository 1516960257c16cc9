//! Answers, counted.

use std::{fmt, time::Duration};

use super::client::{Seen, Verdict};

#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) right: u64,
    pub(super) wrong: u64,
    pub(super) failed: u64,
    pub(super) hung: u64,
    /// Those that came from the store, or followed what was being stored.
    pub(super) hits: u64,
    pub(super) followed: u64,
    /// The longest until a first byte, of those that were right.
    pub(super) first: Duration,
    /// The first that was wrong.
    pub(super) example: Option<String>,
}

impl Tally {
    pub(super) fn of<'a>(seen: impl IntoIterator<Item = &'a Seen>) -> Self {
        let mut tally = Self::default();
        seen.into_iter().for_each(|seen| tally.add(seen));
        tally
    }

    pub(super) fn add(&mut self, seen: &Seen) {
        *match seen.verdict {
            Verdict::Right => &mut self.right,
            Verdict::Wrong => &mut self.wrong,
            Verdict::Failed => &mut self.failed,
            Verdict::Hung => &mut self.hung,
        } += 1;
        if self.example.is_none() {
            self.example.clone_from(&seen.wrong);
        }
        if seen.verdict == Verdict::Right {
            self.hits += u64::from(seen.cache.contains("hit"));
            self.followed += u64::from(seen.cache.contains("collapsed"));
            self.first = self.first.max(seen.first);
        }
    }

    pub(super) const fn all(&self) -> u64 {
        self.right + self.wrong + self.failed + self.hung
    }

    /// Nothing is wrong but what the client was shown, and nobody waited without an end.
    pub(super) const fn is_honest(&self) -> bool {
        self.wrong == 0 && self.hung == 0
    }

    pub(super) const fn is_whole(&self) -> bool {
        self.is_honest() && self.failed == 0
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { right, wrong, failed, hung, .. } = self;
        write!(f, "{right} whole, {failed} visibly failed, {wrong} wrong, {hung} without an end")
    }
}
