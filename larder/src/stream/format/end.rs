use bytes::Bytes;

use super::{
    Digest, Generation,
    sealed::{Opened, Sealing},
};
use crate::envelope::Kind;

/// The longest reason that is written down, in bytes.
const MAX_REASON: usize = 1024;

/// What stands after the last chunk. Without it a recording has not ended: a chunk that is missing or
/// empty ends nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// The body is whole.
    Complete { count: u32, length: u64, digest: Digest, trailers: Option<Bytes> },
    /// The body stays as short as it is.
    Aborted { reason: String },
}

impl End {
    pub(crate) fn encode(&self, generation: Generation) -> Bytes {
        let record = Sealing::new(Kind::End, generation);
        match self {
            Self::Complete { count, length, digest, trailers } => record
                .byte(0)
                .u32(*count)
                .u64(*length)
                .raw(digest)
                .optional(trailers.as_ref())
                .seal(),
            Self::Aborted { reason } => {
                let mut end = reason.len().min(MAX_REASON);
                while !reason.is_char_boundary(end) {
                    end -= 1;
                }
                record.byte(1).bytes(&reason.as_bytes()[..end]).seal()
            }
        }
    }

    pub(crate) fn parse(generation: Generation, record: &Bytes) -> Option<Self> {
        let mut record = Opened::open(record, Kind::End)?;
        if record.stamp.version != generation.version() {
            return None;
        }
        let end = match record.byte()? {
            0 => Self::Complete {
                count: record.u32()?,
                length: record.u64()?,
                digest: record.array()?,
                trailers: record.optional()?,
            },
            1 => Self::Aborted { reason: String::from_utf8_lossy(&record.bytes()?).into_owned() },
            _ => return None,
        };
        record.end()?;
        Some(end)
    }
}
