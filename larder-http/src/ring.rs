//! How many variants of one address are kept side by side: a ring of slots, each with the name of one.
//!
//! Whoever stores a variant takes the next slot, and what was named there makes way: the one that was
//! stored so many before. The slots belong to the address and not to its index, so that a purge does not
//! begin anew with counting.

use std::time::Duration;

use bytes::Bytes;
use larder::stream::StreamError;

use crate::{head::since_1970, key::Address, look_up::LookUp};

/// How long slots are counted on before the count begins anew. Nothing is lost then: whatever stands in a
/// slot makes way all the same.
const COUNTED_FOR: Duration = Duration::from_secs(24 * 3600);

/// A slot is taken when the head is there; the variant lives from its last byte on.
const RECORDED_IN: Duration = Duration::from_secs(600);

/// A variant as it was when its slot was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Variant {
    pub(crate) key: Bytes,
    /// When it came. Another time: it was stored again since, and has another slot.
    pub(crate) received_ms: u64,
}

impl LookUp {
    /// Takes a slot for a variant that lives for so long. What had it before is removed, or not stored if it
    /// is still being recorded.
    ///
    /// Three round trips, and two more for what makes way.
    pub(crate) async fn take_slot(
        &self,
        address: &Address,
        variant: &Variant,
        kept: Duration,
    ) -> Result<(), StreamError> {
        let slots = self.streams().space().clone().hash_long_keys().raw();
        let taken = slots.increment(address.slot(None), 1, COUNTED_FOR).await?;
        let number = taken.rem_euclid(i64::from(self.most_variants().get()));
        let slot = address.slot(Some(number));
        let before = slots.take(&slot).await?;
        let life = kept.saturating_add(RECORDED_IN);
        slots.set(&slot, variant.encode()).ttl(life).await?;
        match before.and_then(|record| Variant::decode(&record)) {
            Some(old) if old.key != variant.key => self.make_way(&old).await,
            _ => Ok(()),
        }
    }

    async fn make_way(&self, old: &Variant) -> Result<(), StreamError> {
        let streams = self.streams();
        // The head alone.
        if let Some(stored) = streams.open_range(&old.key, 0..0).await? {
            if let Some(edition) = stored.edition().filter(|_| old.is(stored.head().received())) {
                streams.remove(&old.key, edition).await?;
            }
            return Ok(());
        }
        let recorded = streams.follow(&old.key).await?;
        if recorded.is_some_and(|reader| reader.is_live() && old.is(reader.head().received())) {
            streams.delete(&old.key).await?;
        }
        Ok(())
    }
}

impl Variant {
    pub(crate) fn new(key: &Bytes, received: std::time::SystemTime) -> Self {
        Self { key: key.clone(), received_ms: since_1970(received) }
    }

    fn is(&self, received_ms: u64) -> bool {
        self.received_ms == received_ms
    }

    fn encode(&self) -> Bytes {
        [&self.received_ms.to_be_bytes(), &self.key[..]].concat().into()
    }

    fn decode(record: &Bytes) -> Option<Self> {
        let received_ms = u64::from_be_bytes(*record.first_chunk()?);
        Some(Self { key: record.slice(8..), received_ms })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variant_comes_back_as_it_was() {
        let variant = Variant { key: Bytes::from_static(b"a,@b"), received_ms: 7 };
        assert_eq!(Variant::decode(&variant.encode()), Some(variant));
        assert_eq!(Variant::decode(&Bytes::from_static(b"too few")), None);
    }
}
