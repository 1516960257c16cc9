use bytes::{Buf, Bytes};

use super::{Damage, Version};

/// What a tag was when the work on an entry began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Which tag, within the namespace of the entry.
    pub(crate) name: Bytes,
    pub(crate) seen: TagState,
}

/// What a tag is: two random versions, of which an invalidation changes one or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TagState {
    /// Changed by an invalidation: what was made under another one is dead.
    pub(crate) version: Version,
    /// Changed by a soft one: what was made under another one is past its time.
    pub(crate) soft: Version,
}

impl Mark {
    /// The longest name of a tag, in bytes: its length is one byte of the record.
    pub(crate) const MAX_NAME: usize = 255;

    /// The most tags of one entry: their number is one byte of the record.
    pub(crate) const MAX: usize = 255;

    const STATE: usize = 16;
}

/// Writes tags one behind the other. Their number stands elsewhere.
pub(super) fn write(marks: &[Mark], into: &mut Vec<u8>) {
    for Mark { name, seen } in marks {
        // Names are checked where they are made.
        into.push(name.len().min(Mark::MAX_NAME) as u8);
        into.extend_from_slice(&name[..name.len().min(Mark::MAX_NAME)]);
        into.extend_from_slice(seen.version.as_bytes());
        into.extend_from_slice(seen.soft.as_bytes());
    }
}

/// Takes so many tags off the front of a record.
pub(super) fn take(count: u8, record: &mut Bytes) -> Result<Vec<Mark>, Damage> {
    // What is announced is not allocated before it is there.
    let mut marks = Vec::new();
    for _ in 0..count {
        let length = usize::from(*record.first().ok_or(Damage::Corrupt)?);
        if record.len() < 1 + length + Mark::STATE {
            return Err(Damage::Corrupt);
        }
        record.advance(1);
        let name = record.split_to(length);
        let (mut version, mut soft) = ([0; 8], [0; 8]);
        record.copy_to_slice(&mut version);
        record.copy_to_slice(&mut soft);
        let seen =
            TagState { version: Version::from_bytes(version), soft: Version::from_bytes(soft) };
        marks.push(Mark { name, seen });
    }
    Ok(marks)
}
