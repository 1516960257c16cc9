//! The index of lifetimes: by the second in which an entry is over.
//!
//! Whole seconds, so that an entry rewritten a hundred times a second moves in the index once. Every
//! read judges the millisecond in the record; the index only says what the sweep has to look at.

/// The first full second at which an entry is over.
pub(crate) const fn second(expires_ms: u64) -> u64 {
    expires_ms.div_ceil(1_000)
}

/// Where an entry stands in the index.
pub(crate) fn at(expires_ms: u64, key: &[u8]) -> Vec<u8> {
    let mut place = Vec::with_capacity(8 + key.len());
    place.extend_from_slice(&second(expires_ms).to_be_bytes());
    place.extend_from_slice(key);
    place
}

/// The second and the key of a place. `None` if it is none.
pub(crate) fn parse(place: &[u8]) -> Option<(u64, &[u8])> {
    let (second, key) = place.split_first_chunk()?;
    Some((u64::from_be_bytes(*second), key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_over_at_its_second_and_not_before() {
        assert_eq!((second(1_000), second(1_001)), (1, 2));
        assert_eq!(parse(&at(1_001, b"n:k")), Some((2, &b"n:k"[..])));
        assert_eq!(parse(b"short"), None);
    }
}
