use bytes::Bytes;
use cache_api::{Condition, Key};

use crate::{
    envelope::{
        self, Age, Damage, Entry, Expected, Kind, Lifetime, Mark, Stamp, displacing, read_work,
    },
    tags::{TagName, Verdict, View},
};

/// What stands at a key, to a reader.
#[derive(Debug)]
pub(crate) enum Standing {
    /// An answer to serve.
    Fresh(Entry),
    /// An answer past its time that may be served while it is refreshed, or when it cannot be.
    Stale(Entry),
    /// Someone is at work under this token.
    Working(Stamp),
    /// Nobody should queue here. What may be kept all the same replaces this mark.
    Passing(Stamp),
    /// Nothing that counts. Under this condition something may be put there.
    Open(Condition),
}

/// What stands at a key, whole, before time and tags are judged.
#[derive(Debug)]
pub(super) enum Record {
    Entry(Entry),
    Work {
        stamp: Stamp,
        tags: Vec<Mark>,
    },
    Pass(Stamp),
    /// Nothing, or nothing that counts.
    Other,
}

/// Reads what was found. Damage is told, and is nothing that counts.
pub(super) fn read(
    key: &Key,
    found: Option<&Bytes>,
    expected: Expected,
) -> (Record, Option<Damage>) {
    let Some(record) = found else { return (Record::Other, None) };
    match envelope::open(record.clone(), key, expected) {
        Ok(Some(entry)) => (Record::Entry(entry), None),
        Ok(None) => (work(record), None),
        Err(damage) => (Record::Other, Some(damage)),
    }
}

pub(super) fn work(record: &Bytes) -> Record {
    match Stamp::parse(record) {
        // The tags of a recording stand in its manifest.
        Some(stamp) if stamp.kind == Kind::Recording => Record::Work { stamp, tags: Vec::new() },
        Some(stamp) if stamp.kind == Kind::Lease => match read_work(record) {
            Some(tags) => Record::Work { stamp, tags },
            None => Record::Other,
        },
        Some(stamp) if stamp.kind == Kind::Pass => Record::Pass(stamp),
        // A manifest, or a piece of a stream: no answer to who wants a value, and in nobody's way.
        _ => Record::Other,
    }
}

impl Record {
    pub(super) fn tags(&self) -> &[Mark] {
        match self {
            Self::Entry(Entry { tags, .. }) | Self::Work { tags, .. } => tags,
            Self::Pass(_) | Self::Other => &[],
        }
    }

    /// The tags that must be asked for before it can be judged.
    pub(super) fn unknown(&self, view: &View) -> Vec<TagName> {
        view.unknown(self.tags())
    }

    /// What it is to a reader, with tags of which this is to be said. `generations`: only what was made under a generation counts.
    pub(super) fn judge_at(
        self,
        found: Option<&Bytes>,
        verdict: Verdict,
        generations: bool,
        now_ms: impl FnOnce(&Lifetime) -> u64,
    ) -> Standing {
        let open = || Standing::Open(displacing(found));
        if verdict == Verdict::Dead {
            return open();
        }
        match self {
            Self::Entry(entry) if generations && !has_generation(&entry.tags) => open(),
            Self::Entry(entry) => match entry.lifetime.age(now_ms(&entry.lifetime)) {
                Age::Fresh if verdict == Verdict::Holds => Standing::Fresh(entry),
                Age::Fresh | Age::Stale if entry.lifetime.stale_for_ms > 0 => {
                    Standing::Stale(entry)
                }
                _ => open(),
            },
            Self::Work { stamp, .. } if verdict == Verdict::Holds => Standing::Working(stamp),
            Self::Work { .. } | Self::Other => open(),
            Self::Pass(stamp) => Standing::Passing(stamp),
        }
    }
}

fn has_generation(tags: &[Mark]) -> bool {
    tags.iter().any(|mark| mark.name == *TagName::GENERATION.as_bytes())
}
