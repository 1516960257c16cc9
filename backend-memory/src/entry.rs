//! What stands in the map, and what it weighs.

use std::time::Instant;

use bytes::Bytes;
use smallvec::SmallVec;

/// A key of its own: it pins no buffer of the caller's. Inline up to 47 bytes, in the same allocation
/// as moka's reference count: one cache miss less per read (0.95 instead of 1.17 of bare moka).
pub(crate) type StoredKey = SmallVec<[u8; 47]>;

/// What an entry costs besides the bytes of key and value, measured with half a million small ones
/// (365 to 450 bytes, 80 more once overwritten): moka's bucket, entry, list node and hash table, the
/// reference counts, the allocator's rounding.
const OVERHEAD: u64 = 440;

/// Up to this size a value is copied when it is stored. See [`owned`].
const COPIED: usize = 256 << 10;

#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) value: Bytes,
    /// From when on it is missing. `None`: it lives for ever.
    pub(crate) deadline: Option<Instant>,
}

impl Entry {
    pub(crate) fn is_alive(&self, now: Instant) -> bool {
        self.deadline.is_none_or(|deadline| now < deadline)
    }
}

/// The weight of an entry, in bytes. Once an entry was overwritten moka holds its key twice.
pub(crate) const fn weight(key: usize, value: usize) -> u64 {
    2 * key as u64 + value as u64 + OVERHEAD
}

/// The value in a buffer of its own, so that what is weighed is what is held.
///
/// A `Bytes` may be a small slice of a large buffer and keeps all of it alive, and how large it is
/// cannot be seen. So values are copied, chunks of streams included (5 µs for 64 KiB); only a large
/// one that nobody else shares is taken as it is. What remains is the last surviving slice, over
/// 256 KiB, of a larger buffer.
pub(crate) fn owned(value: Bytes) -> Bytes {
    if value.len() > COPIED && value.is_unique() { value } else { Bytes::copy_from_slice(&value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_does_not_keep_its_buffer() {
        let buffer = Bytes::from(vec![7; 4 << 20]);
        for length in [0, 1, 64 << 10, 1 << 20] {
            let slice = buffer.slice(..length);
            let stored = owned(slice.clone());
            assert_eq!(stored, slice);
            assert!(length == 0 || stored.as_ptr() != slice.as_ptr(), "{length}");
        }
    }

    #[test]
    fn a_large_value_handed_over_whole_is_not_copied() {
        let value = Bytes::from(vec![7; 1 << 20]);
        let place = value.as_ptr();
        assert_eq!(owned(value).as_ptr(), place);
    }
}
