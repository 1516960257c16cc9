use bytes::{Buf, Bytes};
use xxhash_rust::xxh3::xxh3_64;

use super::Generation;
use crate::envelope::{Kind, Stamp};

const CHECKSUM: usize = 8;

/// A record in the making: stamp, fields, and at the end the checksum of all of it.
pub(super) struct Sealing(Vec<u8>);

impl Sealing {
    pub(super) fn new(kind: Kind, generation: Generation) -> Self {
        let mut record = Vec::with_capacity(128);
        Stamp { kind, version: generation.version() }.write_to(&mut record);
        Self(record)
    }

    pub(super) fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn byte(self, value: u8) -> Self {
        self.raw(&[value])
    }

    pub(super) fn u32(self, value: u32) -> Self {
        self.raw(&value.to_be_bytes())
    }

    pub(super) fn u64(self, value: u64) -> Self {
        self.raw(&value.to_be_bytes())
    }

    /// At most 4 GiB, which no record comes near: heads, keys and trailers are bounded before.
    pub(super) fn bytes(self, bytes: &[u8]) -> Self {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.u32(length).raw(bytes)
    }

    pub(super) fn optional(self, bytes: Option<&Bytes>) -> Self {
        match bytes {
            None => self.byte(0),
            Some(bytes) => self.byte(1).bytes(bytes),
        }
    }

    pub(super) fn seal(self) -> Bytes {
        let checksum = xxh3_64(&self.0);
        self.u64(checksum).0.into()
    }
}

/// A record of the wanted kind whose checksum is right, to be read field by field.
pub(super) struct Opened {
    pub(super) stamp: Stamp,
    fields: Bytes,
}

impl Opened {
    pub(super) fn open(record: &Bytes, kind: Kind) -> Option<Self> {
        let stamp = Stamp::parse(record).filter(|stamp| stamp.kind == kind)?;
        let sealed = record.len().checked_sub(CHECKSUM).filter(|&end| end >= Stamp::BYTES)?;
        let checksum = u64::from_be_bytes(*record[sealed..].first_chunk()?);
        if xxh3_64(&record[..sealed]) != checksum {
            return None;
        }
        Some(Self { stamp, fields: record.slice(Stamp::BYTES..sealed) })
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let array = *self.fields.first_chunk()?;
        self.fields.advance(N);
        Some(array)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    pub(super) fn bytes(&mut self) -> Option<Bytes> {
        let length = self.u32()? as usize;
        (length <= self.fields.len()).then(|| self.fields.split_to(length))
    }

    pub(super) fn optional(&mut self) -> Option<Option<Bytes>> {
        match self.byte()? {
            0 => Some(None),
            1 => self.bytes().map(Some),
            _ => None,
        }
    }

    /// How many bytes are left to be read.
    pub(super) fn left(&self) -> usize {
        self.fields.len()
    }

    /// A record ends where its fields end.
    pub(super) fn end(&self) -> Option<()> {
        self.fields.is_empty().then_some(())
    }
}
