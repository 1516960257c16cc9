use bytes::Bytes;

use super::{
    Generation,
    sealed::{Opened, Sealing},
};
use crate::envelope::Kind;

/// The writer lives, though it has written nothing for a while.
///
/// It stands under a key of its own, so that no chunk is ever written over and a beat that lands late
/// does no harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Beat {
    /// Grows with each beat: a beat that was seen before is no sign of life.
    pub(crate) sequence: u64,
    /// So many chunks stand: a follower that misses one of them need not wait for it.
    pub(crate) written: u32,
}

impl Beat {
    pub(crate) fn encode(&self, generation: Generation) -> Bytes {
        Sealing::new(Kind::Beat, generation).u64(self.sequence).u32(self.written).seal()
    }

    pub(crate) fn parse(generation: Generation, record: &Bytes) -> Option<Self> {
        let mut record = Opened::open(record, Kind::Beat)?;
        let beat = Self { sequence: record.u64()?, written: record.u32()? };
        record.end()?;
        (record.stamp.version == generation.version()).then_some(beat)
    }
}
