use bytes::{Buf as _, Bytes};
use cache_api::{Error, Key, Result, Ttl};

use super::{Damage, Kind, Stamp, checksum, compress, header::Header};
use crate::codec::{Codec, Output};

const UNCOMPRESSED: u8 = 0;
const ZSTD: u8 = 1;

/// For ever, in `fresh_for_ms`.
const FOR_EVER: u64 = u64::MAX;

/// A value that is encoded, and not yet a record: its lifetime is still to come.
pub(crate) struct Draft {
    /// Room for the header, then the payload.
    record: Vec<u8>,
    compression: u8,
    codec: u8,
    schema: u32,
    raw_length: u32,
}

/// What a record says about its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lifetime {
    pub(crate) created_ms: u64,
    pub(crate) fresh_for_ms: u64,
    pub(crate) stale_for_ms: u64,
    pub(crate) load_cost_ms: u32,
}

impl Lifetime {
    /// Of a value that lives as long as the store keeps it.
    pub(crate) fn plain(created_ms: u64, ttl: Ttl) -> Self {
        let fresh_for_ms = ttl.millis().unwrap_or(FOR_EVER);
        Self { created_ms, fresh_for_ms, stale_for_ms: 0, load_cost_ms: 0 }
    }
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
        Ok(Self { record, compression, codec: C::ID, schema, raw_length })
    }

    /// The record under a key, with a version of its own.
    pub(crate) fn seal(self, key: &Key, lifetime: Lifetime) -> Bytes {
        self.seal_as(Stamp::new(Kind::Value), key, lifetime)
    }

    fn seal_as(mut self, stamp: Stamp, key: &Key, lifetime: Lifetime) -> Bytes {
        let mut header = Header {
            checksum: 0,
            codec: self.codec,
            compression: self.compression,
            encryption_key: 0,
            schema: self.schema,
            raw_length: self.raw_length,
            created_ms: lifetime.created_ms,
            fresh_for_ms: lifetime.fresh_for_ms,
            stale_for_ms: lifetime.stale_for_ms,
            load_cost_ms: lifetime.load_cost_ms,
            tags: 0,
        };
        self.record[..Header::BYTES].copy_from_slice(&header.to_bytes(stamp));
        header.checksum = checksum::of(key, &stamp.to_bytes(), &self.record[Header::COVERED..]);
        self.record[..Header::BYTES].copy_from_slice(&header.to_bytes(stamp));
        // A store keeps it for long, perhaps in memory.
        self.record.shrink_to_fit();
        self.record.into()
    }
}

/// What a handle reads: values of this codec and schema, up to this length.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected {
    pub(crate) codec: u8,
    pub(crate) schema: u32,
    pub(crate) limit: usize,
}

/// The payload of a value and when it was made, or `None` for a record of another kind.
pub(crate) fn open(
    mut record: Bytes,
    key: &Key,
    expected: Expected,
) -> Result<Option<(Lifetime, Bytes)>, Damage> {
    let stamp = Stamp::parse(&record).ok_or(Damage::Foreign)?;
    if stamp.kind != Kind::Value {
        return Ok(None);
    }
    let header = Header::parse(&record)?;
    let (prefix, rest) = (&record[..Stamp::BYTES], &record[Header::COVERED..]);
    if header.checksum != checksum::of(key, prefix, rest) {
        return Err(Damage::Corrupt);
    }
    let length = header.raw_length as usize;
    if length > expected.limit {
        return Err(Damage::OverLimit);
    }
    if header.codec != expected.codec
        || header.schema != expected.schema
        || header.encryption_key != 0
        || header.tags != 0
    {
        return Err(Damage::Unsupported);
    }
    record.advance(Header::BYTES);
    let payload = match header.compression {
        UNCOMPRESSED if record.len() == length => record,
        UNCOMPRESSED => return Err(Damage::Corrupt),
        ZSTD => compress::decompress(&record, length).ok_or(Damage::Undecodable)?.into(),
        _ => return Err(Damage::Unsupported),
    };
    let lifetime = Lifetime {
        created_ms: header.created_ms,
        fresh_for_ms: header.fresh_for_ms,
        stale_for_ms: header.stale_for_ms,
        load_cost_ms: header.load_cost_ms,
    };
    Ok(Some((lifetime, payload)))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
