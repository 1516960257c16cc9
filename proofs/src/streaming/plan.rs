//! What the origin is to do with a request: its path says so.

use std::time::Duration;

/// How a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// In chunks, all of it.
    Whole,
    /// With a length, all of it.
    Length,
    /// In chunks, with trailers behind it.
    Trailers,
    /// The first generation: in chunks, cut in the middle. Then whole.
    Cut,
    /// The first generation: with a length, half of that. Then whole.
    Short,
    /// Any of these, by chance; lengths and lifetimes differ from one generation to the next.
    Odds,
}

const ENDS: [(End, &str); 6] = [
    (End::Whole, "whole"),
    (End::Length, "length"),
    (End::Trailers, "trailers"),
    (End::Cut, "cut"),
    (End::Short, "short"),
    (End::Odds, "odds"),
];

/// A resource of the origin.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) pieces: u64,
    /// Between two pieces.
    pub(super) pause: Duration,
    pub(super) end: End,
}

impl Plan {
    pub(super) fn new(name: impl Into<String>, size: u64, end: End) -> Self {
        Self { name: name.into(), size, pieces: 1, pause: Duration::ZERO, end }
    }

    /// In so many pieces, the first at once, the last after this time.
    pub(super) fn over(self, pieces: u64, time: Duration) -> Self {
        let pauses = u32::try_from(pieces.saturating_sub(1).max(1)).unwrap_or(u32::MAX);
        Self { pieces, pause: time / pauses, ..self }
    }

    pub(super) fn path(&self) -> String {
        let Self { name, size, pieces, pause, end } = self;
        let end = ENDS.iter().find(|(known, _)| known == end).map_or("", |(_, word)| word);
        format!("/{name}/{size}/{pieces}/{}/{end}", pause.as_millis())
    }

    pub(super) fn of(path: &str) -> Option<Self> {
        let mut fields = path.strip_prefix('/')?.split('/');
        let name = fields.next()?.to_owned();
        let (size, pieces) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        let pause = Duration::from_millis(fields.next()?.parse().ok()?);
        let word = fields.next()?;
        let (end, _) = *ENDS.iter().find(|(_, known)| *known == word)?;
        Some(Self { name, size, pieces, pause, end })
    }

    /// How long the body of a generation is.
    pub(super) fn size_of(&self, generation: u64) -> u64 {
        match self.end {
            End::Odds => self.size / 2 + generation * 7919 % (self.size / 2 + 1),
            _ => self.size,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_all_of_it() {
        for (end, _) in ENDS {
            let plan = Plan::new("a-1", 100, end).over(4, Duration::from_millis(300));
            let read = Plan::of(&plan.path()).unwrap();
            assert_eq!(format!("{read:?}"), format!("{plan:?}"));
        }
        assert!(Plan::of("/a/1/1/0/none").is_none());
    }
}
