use std::fmt;

use bytes::Bytes;
use cache_api::{Condition, Prefix};

/// The first two bytes of every record. Neither is ASCII, nor is the pair UTF-8, so that text and
/// numbers written by others are never taken for a record.
const MAGIC: [u8; 2] = [0xCA, 0x4C];

/// The format of everything behind the stamp. It stands in records alone, never in key names: in a
/// rolling deploy the old program's delete must hit what the new one wrote.
const FORMAT: u8 = 1;

/// What a record is. The bytes are part of the format and never change their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Kind {
    /// A typed value: an answer.
    Value = 1,
    /// The source has nothing under this key: an answer.
    Absent = 2,
    /// A committed stream: an answer.
    Manifest = 3,
    /// Someone asks the source.
    Lease = 4,
    /// Someone writes a stream.
    Recording = 5,
    /// Do not queue here: the last answer could not be kept.
    Pass = 6,
    /// A piece of a stream.
    Chunk = 7,
    /// The writer of a stream lives.
    Beat = 8,
    /// The end of a stream, whole or aborted.
    End = 9,
    /// What a tag is now.
    Tag = 10,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Value,
        Self::Absent,
        Self::Manifest,
        Self::Lease,
        Self::Recording,
        Self::Pass,
        Self::Chunk,
        Self::Beat,
        Self::End,
        Self::Tag,
    ];

    fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.get(usize::from(byte).checked_sub(1)?).copied()
    }

    /// Whether it marks work in progress, which dies with the process that does it: a store that
    /// outlives its processes may drop it when it is opened.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::Lease | Self::Recording | Self::Pass | Self::Beat)
    }

    /// The four bytes that a record of this kind begins with.
    #[must_use]
    pub const fn head(self) -> [u8; 4] {
        [MAGIC[0], MAGIC[1], FORMAT, self as u8]
    }

    /// Whether this is a record of this kind, or the beginning of one.
    #[must_use]
    pub fn begins(self, record: &[u8]) -> bool {
        record.starts_with(&self.head())
    }

    /// What a conditional write compares: any record of this kind stands there.
    #[must_use]
    pub fn prefix(self) -> Prefix {
        Prefix::new(&self.head()).expect("four bytes are within 1 to 64")
    }
}

/// Which record it is, among all that were ever written: 64 random bits, never used twice.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Version([u8; 8]);

impl Version {
    /// A new one.
    #[must_use]
    pub fn random() -> Self {
        Self(rand::random())
    }

    /// One that was written down before, or that is part of a longer random number.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// The bytes, as they stand in the record.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

/// The first twelve bytes of a record: what it is and which one it is.
///
/// `CA 4C | format 01 | kind | version (8 random bytes)`
///
/// ```
/// use larder::envelope::{Kind, Stamp};
///
/// let lease = Stamp::new(Kind::Lease);
/// assert_eq!(Stamp::parse(&lease.to_bytes()), Some(lease));
/// assert_eq!(lease.prefix().as_bytes(), lease.to_bytes());
/// assert_eq!(Stamp::parse(b"what another program wrote"), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stamp {
    /// What the record is.
    pub kind: Kind,
    /// Which one it is.
    pub version: Version,
}

impl Stamp {
    /// How long a stamp is.
    pub const BYTES: usize = 12;

    /// The stamp of a new record.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        Self { kind, version: Version::random() }
    }

    /// The stamp in front of a record. `None` if these bytes are no record of a known format and kind.
    #[must_use]
    pub fn parse(record: &[u8]) -> Option<Self> {
        let [m0, m1, FORMAT, kind, version @ ..] = record.first_chunk::<{ Self::BYTES }>()? else {
            return None;
        };
        if [*m0, *m1] != MAGIC {
            return None;
        }
        Some(Self { kind: Kind::from_byte(*kind)?, version: Version(*version) })
    }

    /// The bytes in front of the record.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let [a, b, c, d] = self.kind.head();
        let [e, f, g, h, i, j, k, l] = self.version.0;
        [a, b, c, d, e, f, g, h, i, j, k, l]
    }

    /// Begins a record.
    pub fn write_to(self, record: &mut Vec<u8>) {
        record.extend_from_slice(&self.to_bytes());
    }

    /// What a conditional write compares: exactly this record stands there.
    #[must_use]
    pub fn prefix(self) -> Prefix {
        Prefix::new(&self.to_bytes()).expect("twelve bytes are within 1 to 64")
    }

    /// The condition that exactly this record stands there.
    #[must_use]
    pub fn condition(self) -> Condition {
        Condition::StartsWith(self.prefix())
    }
}

/// The condition under which something may be written over what was found and is no answer.
///
/// It compares the first twelve bytes, whatever they are: an entry that is dead, damaged or another
/// program's must not block its key for ever. Of nothing it is `Absent`; an empty value begins with
/// nothing that could be compared, so there it is `Present`.
#[must_use]
pub fn displacing(standing: Option<&Bytes>) -> Condition {
    match standing {
        None => Condition::Absent,
        Some(standing) => Prefix::new(&standing[..standing.len().min(Stamp::BYTES)])
            .map_or(Condition::Present, Condition::StartsWith),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_byte_and_is_read_back() {
        for byte in 0..=u8::MAX {
            let record = [0xCA, 0x4C, 1, byte, 1, 2, 3, 4, 5, 6, 7, 8, 99];
            match Stamp::parse(&record) {
                Some(stamp) => assert_eq!(stamp.to_bytes(), record[..12]),
                None => assert!(!(1..=10).contains(&byte)),
            }
        }
    }

    #[test]
    fn short_foreign_and_future_records_have_no_stamp() {
        let good = Stamp::new(Kind::Value).to_bytes();
        for length in 0..good.len() {
            assert_eq!(Stamp::parse(&good[..length]), None);
        }
        for place in 0..4 {
            let mut other = good;
            other[place] ^= 0x80;
            assert_eq!(Stamp::parse(&other), None);
        }
    }

    #[test]
    fn what_is_displaced_is_what_was_seen() {
        let seen = Bytes::from_static(b"twelve bytes and more");
        let condition = displacing(Some(&seen));
        assert!(condition.holds(Some(&seen)) && !condition.holds(Some(b"another")));
        assert!(displacing(Some(&Bytes::from_static(b"x"))).holds(Some(b"x")));
        assert_eq!(displacing(Some(&Bytes::new())), Condition::Present);
        assert_eq!(displacing(None), Condition::Absent);
    }
}
