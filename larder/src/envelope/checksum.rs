use cache_api::Key;
use xxhash_rust::xxh3::xxh3_64;

/// The checksum of a record under its key. It finds accidents, not attackers.
pub(super) fn of(key: &Key, stamp: &[u8], rest: &[u8]) -> u64 {
    // Rotated, so that equal parts do not cancel each other out.
    xxh3_64(rest) ^ xxh3_64(stamp).rotate_left(1) ^ xxh3_64(key.as_bytes()).rotate_left(2)
}
