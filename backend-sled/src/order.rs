//! The order of eviction: coarse least-recently-used, by the second of writing and a second chance.
//!
//! A read must not cost a write, so it only sets a bit. An entry whose turn has come and whose bit is
//! set goes to the end of the order once more (the clock algorithm). The bits are lost with the
//! process, and two keys may share one: both cost a wrong turn, never a wrong answer.

use std::sync::atomic::{AtomicU64, Ordering};

/// Where an entry stands in the order.
pub(crate) fn at(written_s: u32, key: &[u8]) -> Vec<u8> {
    let mut place = Vec::with_capacity(4 + key.len());
    place.extend_from_slice(&written_s.to_be_bytes());
    place.extend_from_slice(key);
    place
}

/// The second and the key of a place. `None` if it is none.
pub(crate) fn parse(place: &[u8]) -> Option<(u32, &[u8])> {
    let (second, key) = place.split_first_chunk()?;
    Some((u32::from_be_bytes(*second), key))
}

/// Which entries were read since their turn last came: 128 KiB, whatever the number of entries.
pub(crate) struct Touched(Box<[AtomicU64]>);

impl Touched {
    const WORDS: usize = 1 << 14;

    pub(crate) fn new() -> Self {
        Self((0..Self::WORDS).map(|_| AtomicU64::new(0)).collect())
    }

    pub(crate) fn mark(&self, hash: u64) {
        let (word, bit) = self.place(hash);
        // Most reads find the bit set: do not take the cache line from other readers.
        if word.load(Ordering::Relaxed) & bit == 0 {
            word.fetch_or(bit, Ordering::Relaxed);
        }
    }

    /// Whether it was marked; from now on it is not.
    pub(crate) fn clear(&self, hash: u64) -> bool {
        let (word, bit) = self.place(hash);
        word.fetch_and(!bit, Ordering::Relaxed) & bit != 0
    }

    fn place(&self, hash: u64) -> (&AtomicU64, u64) {
        (&self.0[(hash >> 6) as usize % Self::WORDS], 1 << (hash & 63))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_sort_by_time() {
        assert!(at(1, b"z") < at(256, b"a"));
        assert_eq!(parse(&at(7, b"n:k")), Some((7, &b"n:k"[..])));
        assert_eq!(parse(b"abc"), None);
    }

    #[test]
    fn a_mark_is_good_for_one_turn() {
        let touched = Touched::new();
        touched.mark(u64::MAX);
        assert!(touched.clear(u64::MAX));
        assert!(!touched.clear(u64::MAX));
        assert!(!touched.clear(3));
    }
}
