use std::time::{Duration, SystemTime};

use bytes::Bytes;
use cache_api::Key;

use super::{
    Digest, Generation, Table,
    sealed::{Opened, Sealing},
};
use crate::envelope::{Kind, Stamp};

/// A committed recording: writing it is what makes the recording visible, in one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub(crate) generation: Generation,
    pub(crate) key: Bytes,
    pub(crate) head: Bytes,
    /// Empty if the body is inline.
    pub(crate) table: Table,
    pub(crate) length: u64,
    pub(crate) digest: Digest,
    pub(crate) trailers: Option<Bytes>,
    /// When the first chunk dies: whoever lengthens the life of the manifest stays before it.
    pub(crate) chunks_expire_at: SystemTime,
    /// A short body stands here, and needs no chunks.
    pub(crate) body: Option<Bytes>,
}

impl Manifest {
    pub(crate) fn stamp(generation: Generation) -> Stamp {
        Stamp { kind: Kind::Manifest, version: generation.version() }
    }

    pub(crate) fn encode(&self) -> Bytes {
        let expire = self.chunks_expire_at.duration_since(SystemTime::UNIX_EPOCH);
        let expire = expire.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
        let record = Sealing::new(Kind::Manifest, self.generation)
            .raw(self.generation.as_bytes())
            .bytes(&self.key)
            .bytes(&self.head);
        self.table
            .write(record)
            .u64(self.length)
            .raw(&self.digest)
            .optional(self.trailers.as_ref())
            .u64(expire)
            .optional(self.body.as_ref())
            .seal()
    }

    /// The one that was recorded under this key.
    pub(crate) fn parse_at(key: &Key, record: &Bytes) -> Option<Self> {
        Self::parse(record).filter(|manifest| manifest.key == key.as_bytes())
    }

    pub(crate) fn parse(record: &Bytes) -> Option<Self> {
        let mut record = Opened::open(record, Kind::Manifest)?;
        let manifest = Self {
            generation: Generation::from_bytes(record.array()?),
            key: record.bytes()?,
            head: record.bytes()?,
            table: Table::read(&mut record)?,
            length: record.u64()?,
            digest: record.array()?,
            trailers: record.optional()?,
            chunks_expire_at: SystemTime::UNIX_EPOCH
                .checked_add(Duration::from_millis(record.u64()?))?,
            body: record.optional()?,
        };
        record.end()?;
        let held = match &manifest.body {
            Some(body) if manifest.table.count() == 0 => body.len() as u64,
            Some(_) => return None,
            None => manifest.table.length(),
        };
        (held == manifest.length && record.stamp == Self::stamp(manifest.generation))
            .then_some(manifest)
    }
}
