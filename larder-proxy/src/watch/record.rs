//! What a server says of itself to the others that share its store.

use serde::{Deserialize, Serialize};

use super::{asking::shown, work::Recording};

/// A record that is longer is none of ours.
const LONGEST: usize = 32 << 10;

/// So many recordings, and so many followed ones, are told of.
pub(super) const MOST: usize = 16;

/// What stands in the store, as JSON that begins with the id. Unknown fields are skipped and missing ones are
/// zero, so that servers of two releases see each other.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Record {
    /// By chance, new at each start.
    pub(super) id: String,
    pub(super) name: String,
    pub(super) draining: bool,
    pub(super) up_s: u64,
    pub(super) answers: u64,
    pub(super) kept: u64,
    pub(super) saved_bytes: u64,
    pub(super) origin_requests: u64,
    pub(super) answers_per_second: f64,
    /// Of the last minute's answers, of one.
    pub(super) ratio: Option<f64>,
    pub(super) recordings: Vec<Recording>,
    /// Keys, and how many answers follow a recording of each.
    pub(super) followed: Vec<(String, u64)>,
}

impl Record {
    pub(super) fn write(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// What a value of this server begins with, and of no other.
    pub(super) fn prefix(id: &str) -> Vec<u8> {
        format!("{{\"id\":\"{id}\"").into_bytes()
    }

    /// A record, by whoever wrote it: names are made fit to be shown, and there are no more of them than
    /// a server writes. `None` if it is none.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > LONGEST {
            return None;
        }
        let mut record: Self = serde_json::from_slice(bytes).ok()?;
        record.recordings.truncate(MOST);
        record.followed.truncate(MOST);
        let names = [&mut record.id, &mut record.name].into_iter();
        let keys = record.recordings.iter_mut().map(|recording| &mut recording.key);
        let followed = record.followed.iter_mut().map(|(key, _)| key);
        for name in names.chain(keys).chain(followed) {
            *name = shown(name);
        }
        (!record.id.is_empty()).then_some(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Record {
        let recording = Recording { key: "/a".into(), bytes: 1, length: Some(2), age_ms: 3 };
        Record {
            id: "ab12".into(),
            name: "one".into(),
            ratio: Some(0.5),
            recordings: vec![recording; MOST],
            followed: vec![("/a?…".into(), 2)],
            ..Record::default()
        }
    }

    #[test]
    fn what_is_written_is_read_and_begins_with_the_id() {
        let bytes = full().write();
        assert!(bytes.starts_with(&Record::prefix("ab12")));
        assert!(!bytes.starts_with(&Record::prefix("ab1")));
        assert_eq!(Record::read(&bytes), Some(full()));
        let most = Record {
            recordings: vec![
                Recording { key: shown(&"ü".repeat(500)), ..Recording::default() };
                MOST
            ],
            followed: vec![(shown(&"ü".repeat(500)), 2); MOST],
            ..full()
        };
        assert!(most.write().len() < LONGEST);
    }

    #[test]
    fn other_releases_are_read_and_nonsense_is_not() {
        let other = Record::read(br#"{"id":"x","new":[1],"answers":3}"#).unwrap();
        assert_eq!((&*other.id, other.answers), ("x", 3));
        let long = format!("{{\"id\":\"{}\"}}", "x".repeat(LONGEST));
        let deep = "[".repeat(10_000);
        for none in ["", "{}", "3", "{\"id\":3}", r#"{"id":"x","answers":-1}"#, &long, &deep] {
            assert_eq!(Record::read(none.as_bytes()), None);
        }
    }

    #[test]
    fn names_of_others_are_plain_and_few() {
        let name = "<img src=x>\u{202e}".to_owned();
        let record = Record { name, followed: vec![("/a".into(), 1); 100], ..full() };
        let read = Record::read(&record.write()).unwrap();
        assert_eq!(read.name, "<img\\u{20}src=x>\\u{202e}");
        assert_eq!(read.followed.len(), MOST);
    }
}
