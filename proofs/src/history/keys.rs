//! The keys of a history, and what is special about each: every combination of tags and lifetimes there is.

use std::time::Duration;

/// How many there are.
pub(super) const COUNT: u16 = 24;

/// How an entry comes by its tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tagged {
    /// It has none.
    Not,
    /// It has none, and the source may have nothing under the key.
    NotAndMayBeNothing,
    /// The call names it.
    ByCall,
    /// The loader names it before it asks its source.
    BeforeLoad,
    /// The loader names it when it has loaded.
    AfterLoad,
}

pub(super) fn tagged(key: u16) -> Tagged {
    match key % 6 {
        0 => Tagged::Not,
        1 => Tagged::NotAndMayBeNothing,
        2 => Tagged::ByCall,
        3 => Tagged::BeforeLoad,
        _ => Tagged::AfterLoad,
    }
}

/// The tag of a key: two keys share each.
pub(super) fn tag(key: u16) -> Option<u16> {
    match tagged(key) {
        Tagged::Not | Tagged::NotAndMayBeNothing => None,
        Tagged::ByCall | Tagged::BeforeLoad | Tagged::AfterLoad => Some(key % 12),
    }
}

/// The keys that have this tag.
pub(super) fn with_tag(wanted: u16) -> impl Iterator<Item = u16> {
    (0..COUNT).filter(move |key| tag(*key) == Some(wanted))
}

/// How long an entry is fresh.
pub(super) fn ttl(key: u16) -> Duration {
    Duration::from_millis([400, 3_000, 60_000][usize::from(key / 6) % 3])
}

/// How long it may be served after that.
pub(super) fn stale_for(key: u16) -> Duration {
    Duration::from_millis([0, 600][usize::from(key / 12) % 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tag_has_several_keys_and_every_kind_of_tag_is_there() {
        for key in 0..COUNT {
            if let Some(tag) = tag(key) {
                let keys: Vec<_> = with_tag(tag).collect();
                assert!(keys.contains(&key) && keys.len() == 2, "{key}: {keys:?}");
            }
        }
    }
}
