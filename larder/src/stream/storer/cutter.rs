use cache_api::Capabilities;

use crate::stream::format::CHUNK_HEADER;

/// A body that grows longer than this is cut into longer chunks.
const LONG: u64 = 8 << 20;

/// Room for the header of a chunk, and for what an allocator adds: a value a little longer than a power
/// of two costs a quarter more memory in a store.
const OVERHEAD: usize = 64;
const _: () = assert!(CHUNK_HEADER <= OVERHEAD);

/// How long the next chunk should be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cutter {
    first: usize,
    later: usize,
}

impl Cutter {
    pub(super) fn new(capabilities: &Capabilities) -> Self {
        let most = capabilities.max_value.min(4 << 20);
        let payload = |size: usize| size.min(most).saturating_sub(OVERHEAD).max(1);
        let first = payload(capabilities.chunks.first);
        Self { first, later: payload(capabilities.chunks.later).max(first) }
    }

    /// Bytes of payload of the chunk that begins at this offset, if there is no reason to cut earlier.
    pub(super) const fn size_at(&self, offset: u64) -> usize {
        if offset < LONG { self.first } else { self.later }
    }
}

#[cfg(test)]
mod tests {
    use cache_api::ChunkSizes;

    use super::*;

    #[test]
    fn chunks_grow_with_the_body_and_stay_within_the_values_that_a_store_takes() {
        let facts = Capabilities::new(1 << 30).chunks(ChunkSizes::new(64 << 10, 256 << 10));
        let cutter = Cutter::new(&facts);
        assert_eq!(cutter.size_at(0), (64 << 10) - OVERHEAD);
        assert_eq!(cutter.size_at(LONG), (256 << 10) - OVERHEAD);
        let small = Cutter::new(&Capabilities::new(1000));
        assert!(small.size_at(LONG) + CHUNK_HEADER <= 1000);
        assert_eq!(Cutter::new(&Capabilities::new(1)).size_at(0), 1);
    }
}
