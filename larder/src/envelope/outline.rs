use bytes::{Buf as _, Bytes};
use cache_api::Key;

use super::{
    Damage, Entry, Lifetime, Mark, Stamp,
    header::Header,
    marks,
    value::{UNCOMPRESSED, ZSTD, whole},
};

/// What an answer says of itself, of whatever type it is. Its payload is not looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outline {
    pub(crate) stamp: Stamp,
    pub(crate) lifetime: Lifetime,
    pub(crate) tags: Vec<Mark>,
    pub(crate) codec: u8,
    pub(crate) is_compressed: bool,
    pub(crate) schema: u32,
    /// The payload's length, as it stands there.
    pub(crate) stored: usize,
    /// And when it is decompressed, as it says.
    pub(crate) raw: usize,
}

/// The outline of an answer that some handle could read, or `None` for a record of another kind.
///
/// The checksum is verified, but nothing is decompressed or decoded: what would be found out then is not.
pub(crate) fn outline(record: &Bytes, key: &Key, limit: usize) -> Result<Option<Outline>, Damage> {
    let Some((stamp, header)) = whole(record, key)? else { return Ok(None) };
    if header.raw_length as usize > limit {
        return Err(Damage::OverLimit);
    }
    if header.encryption_key != 0 {
        return Err(Damage::Unsupported);
    }
    let mut rest = record.slice(Header::BYTES..);
    let tags = marks::take(header.tags, &mut rest)?;
    let (stored, raw) = (rest.remaining(), header.raw_length as usize);
    match header.compression {
        UNCOMPRESSED if stored == raw => {}
        UNCOMPRESSED => return Err(Damage::Corrupt),
        ZSTD => {}
        _ => return Err(Damage::Unsupported),
    }
    Ok(Some(Outline {
        stamp,
        lifetime: header.lifetime(),
        tags,
        codec: header.codec,
        is_compressed: header.compression == ZSTD,
        schema: header.schema,
        stored,
        raw,
    }))
}

impl Outline {
    /// The answer without its payload, to be judged by its time and its tags.
    pub(crate) fn entry(&self) -> Entry {
        let Self { stamp, lifetime, tags, .. } = self;
        Entry { stamp: *stamp, lifetime: *lifetime, tags: tags.clone(), payload: None }
    }
}
