//! The last minutes, second by second.

use std::collections::VecDeque;

use serde::Serialize;

/// How many seconds are kept.
const LENGTH: usize = 300;

/// Over so many seconds a rate is told.
const RATE: usize = 5;

/// Over so many seconds a ratio is told.
const RATIO: usize = 60;

/// What was counted since the start, or within a second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sample {
    /// Answers, but for the proxy's own.
    pub(super) answers: u64,
    /// Those of them that came without the origin.
    pub(super) kept: u64,
}

#[derive(Debug, Default)]
pub(super) struct History {
    seconds: VecDeque<Sample>,
    last: Sample,
}

/// The seconds in columns, the oldest first.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Columns {
    answers: Vec<u64>,
    kept: Vec<u64>,
}

impl History {
    /// A second has passed, and all together are so many now.
    pub(super) fn push(&mut self, all: Sample) {
        let last = std::mem::replace(&mut self.last, all);
        if self.seconds.len() == LENGTH {
            self.seconds.pop_front();
        }
        self.seconds.push_back(Sample {
            answers: all.answers.saturating_sub(last.answers),
            kept: all.kept.saturating_sub(last.kept),
        });
    }

    pub(super) fn answers_per_second(&self) -> f64 {
        let seconds = self.seconds.len().min(RATE);
        if seconds == 0 { 0.0 } else { self.recent(RATE).answers as f64 / seconds as f64 }
    }

    /// How many of the last minute's answers came without the origin, of one. `None`: there were none.
    pub(super) fn ratio(&self) -> Option<f64> {
        let Sample { answers, kept } = self.recent(RATIO);
        (answers > 0).then(|| kept as f64 / answers as f64)
    }

    pub(super) fn columns(&self) -> Columns {
        let (answers, kept) = self.seconds.iter().map(|s| (s.answers, s.kept)).unzip();
        Columns { answers, kept }
    }

    fn recent(&self, seconds: usize) -> Sample {
        self.seconds.iter().rev().take(seconds).fold(Sample::default(), |sum, one| Sample {
            answers: sum.answers + one.answers,
            kept: sum.kept + one.kept,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_has_what_was_added_in_it() {
        let mut history = History::default();
        assert_eq!((history.ratio(), history.answers_per_second()), (None, 0.0));
        for (answers, kept) in [(10, 0), (20, 8), (20, 8)] {
            history.push(Sample { answers, kept });
        }
        let columns = Columns { answers: vec![10, 10, 0], kept: vec![0, 8, 0] };
        assert_eq!(history.columns(), columns);
        assert_eq!(history.ratio(), Some(0.4));
        assert!((history.answers_per_second() - 20.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn it_is_bounded_and_forgets() {
        let mut history = History::default();
        for second in 1..=1_000 {
            history.push(Sample { answers: second.min(900), kept: 0 });
        }
        assert_eq!(history.columns().answers.len(), LENGTH);
        assert_eq!(history.ratio(), None);
    }
}
