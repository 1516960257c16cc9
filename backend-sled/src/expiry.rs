//! The index of lifetimes: by the quarter of a minute in which an entry is over.
//!
//! Coarse, so that an entry rewritten again and again moves in the index only now and then (moving on
//! each write made a small `set` five times as slow). Every read judges the millisecond in the record;
//! the index only says what the sweep has to look at.

/// The first moment of the index at which an entry is over, in seconds.
pub(crate) const fn second(expires_ms: u64) -> u64 {
    const STEP: u64 = 16;
    expires_ms.div_ceil(STEP * 1_000) * STEP
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
    fn an_entry_is_over_at_its_moment_and_not_before() {
        assert_eq!((second(16_000), second(16_001)), (16, 32));
        assert_eq!(parse(&at(16_001, b"n:k")), Some((32, &b"n:k"[..])));
        assert_eq!(parse(b"short"), None);
    }
}
