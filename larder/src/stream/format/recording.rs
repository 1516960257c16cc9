use std::time::Duration;

use bytes::Bytes;
use cache_api::Key;

use super::{
    Generation,
    sealed::{Opened, Sealing},
};
use crate::{
    envelope::{Kind, Stamp},
    stream::options::HEARTBEATS,
};

/// A stream is being written: whoever finds this can follow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recording {
    pub(crate) generation: Generation,
    /// The writer's, which its followers wait by. Within [`HEARTBEATS`] when it was read.
    pub(crate) heartbeat: Duration,
    pub(crate) key: Bytes,
    pub(crate) head: Bytes,
}

impl Recording {
    pub(crate) fn stamp(generation: Generation) -> Stamp {
        Stamp { kind: Kind::Recording, version: generation.version() }
    }

    pub(crate) fn encode(&self) -> Bytes {
        let heartbeat = u32::try_from(self.heartbeat.as_millis()).unwrap_or(u32::MAX);
        Sealing::new(Kind::Recording, self.generation)
            .raw(self.generation.as_bytes())
            .u32(heartbeat)
            .bytes(&self.key)
            .bytes(&self.head)
            .seal()
    }

    /// The one that is made under this key.
    pub(crate) fn parse_at(key: &Key, record: Option<&Bytes>) -> Option<Self> {
        Self::parse(record?).filter(|recording| recording.key == key.as_bytes())
    }

    pub(crate) fn parse(record: &Bytes) -> Option<Self> {
        let mut record = Opened::open(record, Kind::Recording)?;
        let recording = Self {
            generation: Generation::from_bytes(record.array()?),
            // What no writer of ours has would make its followers spin, or wait for weeks.
            heartbeat: HEARTBEATS.clamp(Duration::from_millis(record.u32()?.into())),
            key: record.bytes()?,
            head: record.bytes()?,
        };
        record.end()?;
        (record.stamp == Self::stamp(recording.generation)).then_some(recording)
    }
}
