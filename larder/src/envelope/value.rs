use bytes::{Buf as _, Bytes};
use cache_api::{Error, Key, Result};

use super::{Damage, Kind, Lifetime, Mark, Stamp, checksum, compress, header::Header, marks};
use crate::codec::{Codec, Output};

pub(super) const UNCOMPRESSED: u8 = 0;
pub(super) const ZSTD: u8 = 1;

/// A value that is encoded, and not yet a record: its lifetime is still to come.
pub(crate) struct Draft {
    /// Room for the header, then the payload.
    record: Vec<u8>,
    kind: Kind,
    compression: u8,
    codec: u8,
    schema: u32,
    raw_length: u32,
}

impl Draft {
    /// Encodes and, if it helps, compresses.
    pub(crate) fn encode<T, C: Codec<T>>(
        codec: &C,
        schema: u32,
        limit: usize,
        value: &T,
    ) -> Result<Self> {
        let limit = limit.min(u32::MAX as usize);
        let mut record = Vec::with_capacity(256);
        record.resize(Header::BYTES, 0);
        let mut output = Output::new(record, limit);
        codec.encode(value, &mut output).map_err(|error| Error::InvalidArgument {
            operation: "set",
            reason: format!("the value cannot be encoded: {error}").into(),
        })?;
        let mut record =
            output.finish().map_err(|size| Error::TooLarge { backend: "larder", size, limit })?;
        let raw_length = (record.len() - Header::BYTES) as u32;
        let mut compression = UNCOMPRESSED;
        if let Some(compressed) = compress::compress(&record[Header::BYTES..]) {
            compression = ZSTD;
            record.truncate(Header::BYTES);
            record.extend_from_slice(&compressed);
        }
        Ok(Self { record, kind: Kind::Value, compression, codec: C::ID, schema, raw_length })
    }

    /// That the source has nothing.
    pub(crate) fn nothing() -> Self {
        let record = vec![0; Header::BYTES];
        Self {
            record,
            kind: Kind::Absent,
            compression: UNCOMPRESSED,
            codec: 0,
            schema: 0,
            raw_length: 0,
        }
    }

    /// How long the value is, encoded and before compression.
    pub(crate) const fn raw_length(&self) -> usize {
        self.raw_length as usize
    }

    /// The record under a key, with a version of its own.
    pub(crate) fn seal(self, key: &Key, lifetime: Lifetime, tags: &[Mark]) -> Bytes {
        let stamp = Stamp::new(self.kind);
        self.seal_as(stamp, key, lifetime, tags)
    }

    fn seal_as(mut self, stamp: Stamp, key: &Key, lifetime: Lifetime, tags: &[Mark]) -> Bytes {
        let header = Header {
            checksum: 0,
            codec: self.codec,
            compression: self.compression,
            encryption_key: 0,
            schema: self.schema,
            raw_length: self.raw_length,
            created_ms: 0,
            fresh_for_ms: 0,
            stale_for_ms: 0,
            load_cost_ms: 0,
            // How many there may be is checked where they are made.
            tags: tags.len() as u8,
        };
        if !tags.is_empty() {
            let mut bytes = Vec::new();
            marks::write(tags, &mut bytes);
            self.record.splice(Header::BYTES..Header::BYTES, bytes);
        }
        seal(&mut self.record, stamp, key, header.with(lifetime));
        // A store keeps it for long, perhaps in memory.
        self.record.shrink_to_fit();
        self.record.into()
    }
}

/// Writes the header of a record that has its tags and its payload.
fn seal(record: &mut [u8], stamp: Stamp, key: &Key, mut header: Header) {
    record[..Header::BYTES].copy_from_slice(&header.to_bytes(stamp));
    header.checksum = checksum::of(key, &stamp.to_bytes(), &record[Header::COVERED..]);
    record[..Header::BYTES].copy_from_slice(&header.to_bytes(stamp));
}

/// What a handle reads: values of this codec and schema, up to this length.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected {
    pub(crate) codec: u8,
    pub(crate) schema: u32,
    pub(crate) limit: usize,
}

/// An answer as it stands in a store. Whether its time and its tags hold is judged elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) stamp: Stamp,
    pub(crate) lifetime: Lifetime,
    pub(crate) tags: Vec<Mark>,
    /// `None`: the source has nothing.
    pub(crate) payload: Option<Bytes>,
}

/// The answer in a record, or `None` for a record of another kind.
pub(crate) fn open(
    mut record: Bytes,
    key: &Key,
    expected: Expected,
) -> Result<Option<Entry>, Damage> {
    let Some((stamp, header)) = whole(&record, key)? else { return Ok(None) };
    if header.raw_length as usize > expected.limit {
        return Err(Damage::OverLimit);
    }
    let is_mine = header.codec == expected.codec && header.schema == expected.schema;
    if header.encryption_key != 0 || (stamp.kind == Kind::Value && !is_mine) {
        return Err(Damage::Unsupported);
    }
    record.advance(Header::BYTES);
    let tags = marks::take(header.tags, &mut record)?;
    let payload = payload(record, header)?;
    let lifetime = header.lifetime();
    let payload = (stamp.kind == Kind::Value).then_some(payload);
    Ok(Some(Entry { stamp, lifetime, tags, payload }))
}

/// What an answer says about its time, if it is one and whole, whatever it holds.
pub(crate) fn lifetime(record: &Bytes, key: &Key) -> Option<Lifetime> {
    let (_, header) = whole(record, key).ok()??;
    Some(header.lifetime())
}

/// The stamp and the header of an answer whose checksum is right, or `None` for a record of another kind.
pub(super) fn whole(record: &[u8], key: &Key) -> Result<Option<(Stamp, Header)>, Damage> {
    let stamp = Stamp::parse(record).ok_or(Damage::Foreign)?;
    if !matches!(stamp.kind, Kind::Value | Kind::Absent) {
        return Ok(None);
    }
    let header = Header::parse(record)?;
    let sum = checksum::of(key, &record[..Stamp::BYTES], &record[Header::COVERED..]);
    if header.checksum == sum { Ok(Some((stamp, header))) } else { Err(Damage::Corrupt) }
}

/// The same value under a new version, with another lifetime, of a record that was [opened](open).
pub(crate) fn renew(record: &Bytes, key: &Key, lifetime: Lifetime) -> Bytes {
    let mut renewed = record.to_vec();
    if let Some(stamp) = Stamp::parse(record)
        && let Ok(header) = Header::parse(record)
    {
        let lifetime = Lifetime { load_cost_ms: header.load_cost_ms, ..lifetime };
        seal(&mut renewed, Stamp::new(stamp.kind), key, header.with(lifetime));
    }
    renewed.into()
}

/// The payload of a record that this process has just sealed.
pub(crate) fn reopen(mut record: Bytes) -> Option<Bytes> {
    let header = Header::parse(&record).ok()?;
    record.advance(Header::BYTES);
    marks::take(header.tags, &mut record).ok()?;
    payload(record, header).ok()
}

fn payload(stored: Bytes, header: Header) -> Result<Bytes, Damage> {
    let length = header.raw_length as usize;
    match header.compression {
        UNCOMPRESSED if stored.len() == length => Ok(stored),
        UNCOMPRESSED => Err(Damage::Corrupt),
        ZSTD => Ok(compress::decompress(&stored, length).ok_or(Damage::Undecodable)?.into()),
        _ => Err(Damage::Unsupported),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;

#[cfg(test)]
#[path = "tests_tags.rs"]
mod tests_tags;
