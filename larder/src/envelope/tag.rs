use bytes::Bytes;

use super::{Kind, Stamp, TagState, Version};

impl TagState {
    /// What no entry was ever made under.
    pub(crate) fn random() -> Self {
        Self { version: Version::random(), soft: Version::random() }
    }

    /// Kills what was made so far softly: it is past its time, and not dead.
    pub(crate) fn softly_renewed(self) -> Self {
        Self { soft: Version::random(), ..self }
    }

    /// The record at the tag's key.
    pub(crate) fn to_record(self) -> Bytes {
        let mut record = Vec::with_capacity(Stamp::BYTES + 8);
        Stamp { kind: Kind::Tag, version: self.version }.write_to(&mut record);
        record.extend_from_slice(self.soft.as_bytes());
        record.into()
    }

    /// The tag in a record. `None` if there is none in it: nobody knows then what was made under it.
    pub(crate) fn parse(record: &[u8]) -> Option<Self> {
        let stamp = Stamp::parse(record).filter(|stamp| stamp.kind == Kind::Tag)?;
        let soft = record[Stamp::BYTES..].try_into().ok()?;
        Some(Self { version: stamp.version, soft: Version::from_bytes(soft) })
    }
}
