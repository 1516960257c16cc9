//! What a request is for, as it may be shown.

use std::{
    fmt::Write,
    hash::{BuildHasher, Hash, Hasher, RandomState},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use http::{
    Uri,
    uri::{Authority, PathAndQuery},
};

use crate::log::one_word;

/// More characters of a name are not shown, and not kept.
pub(super) const LONGEST_NAME: usize = 160;

/// One request for a key.
#[derive(Debug)]
pub(crate) struct Asking {
    authority: Option<Authority>,
    target: Option<PathAndQuery>,
    with_query: bool,
    /// Whether what the origin sends for it is being stored.
    pub(super) recorded: AtomicBool,
}

impl Asking {
    /// `with_query`: the query, which may hold secrets, is part of the name.
    pub(super) fn new(authority: Option<&Authority>, uri: &Uri, with_query: bool) -> Self {
        let (authority, target) = (authority.cloned(), uri.path_and_query().cloned());
        Self { authority, target, with_query, recorded: AtomicBool::new(false) }
    }

    /// What is shown of the key. Two keys that differ only in what is not shown have one name.
    pub(super) fn name(&self) -> String {
        let mut name = self.authority.as_ref().map(ToString::to_string).unwrap_or_default();
        if let Some(target) = &self.target {
            name.push_str(target.path());
            match target.query() {
                Some(query) if self.with_query => {
                    // Writing to a string does not fail.
                    let _ = write!(name, "?{query}");
                }
                Some(_) => name.push_str("?…"),
                None => {}
            }
        }
        shown(&name)
    }

    /// The name as a number, without making it.
    pub(super) fn id(&self, numbers: &RandomState) -> u64 {
        let mut hasher = numbers.build_hasher();
        self.authority.as_ref().map(Authority::as_str).hash(&mut hasher);
        if let Some(target) = &self.target {
            target.path().hash(&mut hasher);
            let query = target.query();
            query.map(|query| if self.with_query { query } else { "" }).hash(&mut hasher);
        }
        hasher.finish()
    }

    pub(super) fn is_recorded(&self) -> bool {
        self.recorded.load(Relaxed)
    }
}

/// One word of printable ASCII, of bounded length, whatever someone else wrote.
pub(super) fn shown(text: &str) -> String {
    let (text, hidden) = match text.strip_suffix("?…") {
        Some(text) => (text, "?…"),
        None => (text, ""),
    };
    let mut word = one_word(text);
    if word.len() > LONGEST_NAME {
        word.truncate(LONGEST_NAME);
        word.push('…');
    }
    word.push_str(hidden);
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(path: &str, with_query: bool) -> Asking {
        let authority = Authority::from_static("shop.example");
        Asking::new(Some(&authority), &path.parse().unwrap(), with_query)
    }

    #[test]
    fn a_query_is_part_of_a_name_only_where_that_was_asked_for() {
        assert_eq!(asking("/a", false).name(), "shop.example/a");
        assert_eq!(asking("/a?token=s3cret", false).name(), "shop.example/a?…");
        assert_eq!(asking("/a?token=s3cret", true).name(), "shop.example/a?token=s3cret");
    }

    #[test]
    fn what_has_one_name_has_one_number() {
        let numbers = RandomState::new();
        for (one, other, with_query, same) in [
            ("/a", "/a", false, true),
            ("/a?x", "/a?y", false, true),
            ("/a?x", "/a?y", true, false),
            ("/a", "/a?y", false, false),
            ("/a", "/b", false, false),
        ] {
            let [one, other] = [one, other].map(|path| asking(path, with_query));
            assert_eq!(one.id(&numbers) == other.id(&numbers), same, "{one:?} {other:?}");
            assert_eq!(one.name() == other.name(), same);
        }
    }

    #[test]
    fn a_name_is_short_and_plain() {
        let long = format!("/{}", "x".repeat(10_000));
        assert!(asking(&long, false).name().len() <= LONGEST_NAME + 3);
        assert_eq!(shown("a b\u{202e}\"<"), "a\\u{20}b\\u{202e}\\u{22}<");
        assert_eq!(shown(&shown("/a?…")), "/a?…");
        assert!(shown(&"é".repeat(500)).len() <= LONGEST_NAME + 3);
    }
}
