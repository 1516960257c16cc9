//! How an entry lies on disk: one record under its key, and for a long value parts under a generation.
//!
//! ```text
//! record  format(1) layout(1) written_s(4) expires_ms(8) length(4) checksum(8)  body
//!         body, layout 0: the value
//!         body, layout 1: generation(16), then the first 256 bytes of the value
//! part    under generation(16) index(4, big endian):  checksum(8) data
//! ```
//!
//! Numbers are little endian where not said otherwise. A checksum covers the key too, so that a record
//! which sled hands out under another key is no record.

use bytes::Bytes;
use sled::IVec;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The longest value that stands in its record, in bytes.
///
/// A page of sled holds up to 19 items, and a page over 128 KiB is written to a file of its own. When
/// *that* write fails, on a full disk, sled 0.34 waits for itself for ever: flushing and closing hang.
/// (An item over 128 KiB is worse: its space is never given back.) So that no page gets there, keys of
/// 1.3 KiB included, items are short. A body's 64 KiB chunk is a dozen of them.
pub(crate) const INLINE_BYTES: usize = 5 << 10;

/// How much of a longer value each part holds.
pub(crate) const PART_BYTES: usize = 6 << 10;

/// How much of a longer value its record repeats: what conditions are judged on.
const HEAD_BYTES: usize = 256;

const FORMAT: u8 = 1;
const INLINE: u8 = 0;
const PARTS: u8 = 1;
const CHECKSUM: usize = 8;
const SUMMED: usize = 18;
const HEADER: usize = SUMMED + CHECKSUM;

/// What `expires_ms` holds for an entry that lives for ever.
pub(crate) const NEVER: u64 = u64::MAX;

/// The name of one set of parts: random, never used twice.
///
/// It begins with the time, so that what is written together lies together on disk.
pub(crate) type Generation = [u8; 16];

/// A fresh one.
pub(crate) fn generation(written_s: u32) -> Generation {
    let mut generation: Generation = rand::random();
    generation[..4].copy_from_slice(&written_s.to_be_bytes());
    generation
}

/// A record as it was read, with its checksum found right.
#[derive(Clone)]
pub(crate) struct Record {
    raw: IVec,
    /// When it was written, in seconds of wall time. Its place in the order of eviction.
    pub(crate) written_s: u32,
    /// When it expires, in milliseconds of wall time, or [`NEVER`].
    pub(crate) expires_ms: u64,
    /// The length of the value.
    pub(crate) length: usize,
    /// Where the value's parts are. `None`: it stands in the record.
    pub(crate) generation: Option<Generation>,
}

impl Record {
    /// `None` if this is not a whole, undamaged record of that key.
    pub(crate) fn decode(key: &[u8], raw: IVec) -> Option<Self> {
        let (header, body) = raw.split_at_checked(HEADER)?;
        let written_s = u32::from_le_bytes(header[2..6].try_into().ok()?);
        let expires_ms = u64::from_le_bytes(header[6..14].try_into().ok()?);
        let length = u32::from_le_bytes(header[14..18].try_into().ok()?) as usize;
        let sum = u64::from_le_bytes(header[SUMMED..].try_into().ok()?);
        if sum != checksum(key, &header[..SUMMED], body) {
            return None;
        }
        let generation = match (header[0], header[1]) {
            (FORMAT, INLINE) if body.len() == length => None,
            (FORMAT, PARTS) => Some(body.get(..16)?.try_into().ok()?),
            _ => return None,
        };
        Some(Self { raw, written_s, expires_ms, length, generation })
    }

    /// A record whose value stands in it.
    pub(crate) fn inline(key: &[u8], written_s: u32, expires_ms: u64, value: &[u8]) -> Vec<u8> {
        encode(key, written_s, expires_ms, INLINE, value.len(), &[value])
    }

    /// A record whose value lies in parts.
    pub(crate) fn parted(
        key: &[u8],
        written_s: u32,
        expires_ms: u64,
        value: &[u8],
        generation: &Generation,
    ) -> Vec<u8> {
        let head = &value[..value.len().min(HEAD_BYTES)];
        encode(key, written_s, expires_ms, PARTS, value.len(), &[generation, head])
    }

    /// The same record with another lifetime.
    pub(crate) fn with_expiry(&self, key: &[u8], expires_ms: u64) -> Vec<u8> {
        let layout = if self.generation.is_some() { PARTS } else { INLINE };
        encode(key, self.written_s, expires_ms, layout, self.length, &[&self.raw[HEADER..]])
    }

    /// The first bytes of the value: all of it where it stands in the record, at least 64 else.
    pub(crate) fn head(&self) -> &[u8] {
        let skipped = HEADER + if self.generation.is_some() { 16 } else { 0 };
        &self.raw[skipped..]
    }

    /// A copy of what a refused write reports.
    pub(crate) fn standing(&self) -> Bytes {
        let head = self.head();
        Bytes::copy_from_slice(&head[..head.len().min(HEAD_BYTES)])
    }

    pub(crate) const fn is_alive(&self, now_ms: u64) -> bool {
        self.expires_ms > now_ms
    }

    pub(crate) fn raw(&self) -> &IVec {
        &self.raw
    }

    /// How many parts the value has.
    pub(crate) const fn parts(&self) -> usize {
        if self.generation.is_some() { self.length.div_ceil(PART_BYTES) } else { 0 }
    }

    /// What an entry is counted as, in bytes: key, value, and what the indexes need for it.
    pub(crate) const fn weight(&self, key: &[u8]) -> u64 {
        weight(key, self.length)
    }
}

/// What an entry is counted as, in bytes.
pub(crate) const fn weight(key: &[u8], length: usize) -> u64 {
    (3 * key.len() + length + 64) as u64
}

fn encode(
    key: &[u8],
    written_s: u32,
    expires_ms: u64,
    layout: u8,
    length: usize,
    body: &[&[u8]],
) -> Vec<u8> {
    let mut raw = Vec::with_capacity(HEADER + body.iter().map(|part| part.len()).sum::<usize>());
    raw.extend_from_slice(&[FORMAT, layout]);
    raw.extend_from_slice(&written_s.to_le_bytes());
    raw.extend_from_slice(&expires_ms.to_le_bytes());
    raw.extend_from_slice(&(length as u32).to_le_bytes());
    raw.extend_from_slice(&[0; CHECKSUM]);
    for part in body {
        raw.extend_from_slice(part);
    }
    let sum = checksum(key, &raw[..SUMMED], &raw[HEADER..]);
    raw[SUMMED..HEADER].copy_from_slice(&sum.to_le_bytes());
    raw
}

fn checksum(key: &[u8], header: &[u8], body: &[u8]) -> u64 {
    xxh3_64_with_seed(body, xxh3_64_with_seed(key, xxh3_64_with_seed(header, 0)))
}

/// Under what a part lies.
pub(crate) fn part_key(generation: &Generation, index: usize) -> [u8; 20] {
    let mut key = [0; 20];
    key[..16].copy_from_slice(generation);
    key[16..].copy_from_slice(&(index as u32).to_be_bytes());
    key
}

/// A part as it is stored.
pub(crate) fn part(key: &[u8; 20], data: &[u8]) -> Vec<u8> {
    let mut raw = Vec::with_capacity(CHECKSUM + data.len());
    raw.extend_from_slice(&checksum(key, &[], data).to_le_bytes());
    raw.extend_from_slice(data);
    raw
}

/// What a part holds, or `None` if it is damaged.
pub(crate) fn part_data<'a>(key: &[u8; 20], raw: &'a [u8]) -> Option<&'a [u8]> {
    let (sum, data) = raw.split_at_checked(CHECKSUM)?;
    (sum == checksum(key, &[], data).to_le_bytes()).then_some(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_tells_back_what_was_written() {
        let raw = Record::inline(b"n:k", 7, 9_000, b"value");
        let record = Record::decode(b"n:k", raw.into()).unwrap();
        assert_eq!((record.written_s, record.expires_ms, record.length), (7, 9_000, 5));
        assert_eq!(record.head(), b"value");
        assert!(record.is_alive(8_999) && !record.is_alive(9_000));
        let later = Record::decode(b"n:k", record.with_expiry(b"n:k", NEVER).into()).unwrap();
        assert_eq!((later.written_s, later.expires_ms, later.head()), (7, NEVER, &b"value"[..]));
    }

    #[test]
    fn a_long_value_leaves_its_head_in_the_record() {
        let value = vec![b'x'; 100_000];
        let raw = Record::parted(b"n:k", 7, NEVER, &value, &[3; 16]);
        let record = Record::decode(b"n:k", raw.into()).unwrap();
        assert_eq!((record.generation, record.length), (Some([3; 16]), 100_000));
        assert_eq!(record.head(), &value[..256]);
        assert_eq!(record.parts(), 17);
    }

    #[test]
    fn a_flipped_bit_a_missing_byte_and_another_key_are_no_record() {
        let raw = Record::inline(b"n:k", 7, 9_000, b"value");
        for bit in 0..raw.len() * 8 {
            let mut flipped = raw.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Record::decode(b"n:k", flipped.into()).is_none(), "bit {bit}");
        }
        for length in 0..raw.len() {
            assert!(Record::decode(b"n:k", raw[..length].into()).is_none(), "{length} bytes");
        }
        assert!(Record::decode(b"n:j", raw.into()).is_none());
    }

    #[test]
    fn a_part_is_bound_to_its_place() {
        let (first, second) = (part_key(&[1; 16], 0), part_key(&[1; 16], 1));
        let raw = part(&first, b"data");
        assert_eq!(part_data(&first, &raw), Some(&b"data"[..]));
        assert_eq!(part_data(&second, &raw), None);
        assert_eq!(part_data(&first, &raw[..7]), None);
    }

    #[test]
    fn no_page_is_written_to_a_file_of_its_own() {
        const ITEMS: usize = 19;
        const LARGEST_PAGE: usize = (512 << 10) / 4 - 512;
        let key = vec![b'k'; 255 + 1 + 1024];
        let record = key.len() + Record::inline(&key, 0, NEVER, &[0; INLINE_BYTES]).len();
        assert!(ITEMS * record < LARGEST_PAGE);
        assert!(ITEMS * (20 + part(&[0; 20], &[0; PART_BYTES]).len()) < LARGEST_PAGE);
    }
}
