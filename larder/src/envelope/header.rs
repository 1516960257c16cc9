use super::{Damage, Lifetime, Stamp};

/// What stands between the stamp and the payload of a value. The module's documentation has the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(super) checksum: u64,
    pub(super) codec: u8,
    pub(super) compression: u8,
    pub(super) encryption_key: u16,
    pub(super) schema: u32,
    pub(super) raw_length: u32,
    pub(super) created_ms: u64,
    pub(super) fresh_for_ms: u64,
    pub(super) stale_for_ms: u64,
    pub(super) load_cost_ms: u32,
    pub(super) tags: u8,
}

impl Header {
    /// Where the checksum ends, and what it covers begins.
    pub(super) const COVERED: usize = Stamp::BYTES + 8;

    /// Where the tags begin, or the payload if there are none.
    pub(super) const BYTES: usize = 61;

    pub(super) fn to_bytes(self, stamp: Stamp) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let mut rest = &mut bytes[..];
        let mut put = |field: &[u8]| {
            let (head, tail) = std::mem::take(&mut rest).split_at_mut(field.len());
            head.copy_from_slice(field);
            rest = tail;
        };
        put(&stamp.to_bytes());
        put(&self.checksum.to_le_bytes());
        put(&[self.codec, self.compression]);
        put(&self.encryption_key.to_le_bytes());
        put(&self.schema.to_le_bytes());
        put(&self.raw_length.to_le_bytes());
        put(&self.created_ms.to_le_bytes());
        put(&self.fresh_for_ms.to_le_bytes());
        put(&self.stale_for_ms.to_le_bytes());
        put(&self.load_cost_ms.to_le_bytes());
        put(&[self.tags]);
        bytes
    }

    pub(super) const fn lifetime(&self) -> Lifetime {
        Lifetime {
            created_ms: self.created_ms,
            fresh_for_ms: self.fresh_for_ms,
            stale_for_ms: self.stale_for_ms,
            load_cost_ms: self.load_cost_ms,
        }
    }

    pub(super) const fn with(self, lifetime: Lifetime) -> Self {
        let Lifetime { created_ms, fresh_for_ms, stale_for_ms, load_cost_ms } = lifetime;
        Self { created_ms, fresh_for_ms, stale_for_ms, load_cost_ms, ..self }
    }

    /// The fixed part, of a record whose stamp was read before.
    pub(super) fn parse(record: &[u8]) -> Result<Self, Damage> {
        let bytes = record.first_chunk::<{ Self::BYTES }>().ok_or(Damage::Corrupt)?;
        let mut rest = &bytes[Stamp::BYTES..];
        Ok(Self {
            checksum: u64::from_le_bytes(take(&mut rest)?),
            codec: u8::from_le_bytes(take(&mut rest)?),
            compression: u8::from_le_bytes(take(&mut rest)?),
            encryption_key: u16::from_le_bytes(take(&mut rest)?),
            schema: u32::from_le_bytes(take(&mut rest)?),
            raw_length: u32::from_le_bytes(take(&mut rest)?),
            created_ms: u64::from_le_bytes(take(&mut rest)?),
            fresh_for_ms: u64::from_le_bytes(take(&mut rest)?),
            stale_for_ms: u64::from_le_bytes(take(&mut rest)?),
            load_cost_ms: u32::from_le_bytes(take(&mut rest)?),
            tags: u8::from_le_bytes(take(&mut rest)?),
        })
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Damage> {
    let (field, tail) = rest.split_first_chunk().ok_or(Damage::Corrupt)?;
    *rest = tail;
    Ok(*field)
}
