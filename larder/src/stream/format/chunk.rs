use bytes::{BufMut, Bytes, BytesMut};
use xxhash_rust::xxh3::Xxh3;

use super::{Generation, Span};
use crate::envelope::{Kind, Stamp};

/// What stands before the payload: stamp 12, index 4, offset 8, length 4, checksum 8.
pub(crate) const CHUNK_HEADER: usize = 36;
pub(super) const CHECKSUM_AT: usize = CHUNK_HEADER - 8;

/// The record of a chunk, made of pieces that come one after the other. Copies them once.
pub(crate) fn build_chunk(generation: Generation, span: Span, pieces: &[Bytes]) -> Bytes {
    let mut record = BytesMut::with_capacity(CHUNK_HEADER + span.length as usize);
    record.put_slice(&Stamp { kind: Kind::Chunk, version: generation.version() }.to_bytes());
    record.put_u32(span.index);
    record.put_u64(span.offset);
    record.put_u32(span.length);
    record.put_u64(0);
    for piece in pieces {
        record.put_slice(piece);
    }
    debug_assert_eq!(record.len(), CHUNK_HEADER + span.length as usize);
    let checksum = checksum(generation, &record).to_be_bytes();
    record[CHECKSUM_AT..CHUNK_HEADER].copy_from_slice(&checksum);
    record.freeze()
}

/// The payload of a chunk, if it is this one of this recording and undamaged.
pub(crate) fn parse_chunk(generation: Generation, span: Span, record: &Bytes) -> Option<Bytes> {
    let (at, payload) = parse_any_chunk(generation, record)?;
    (at == span).then_some(payload)
}

/// A chunk of this recording, wherever it belongs.
pub(super) fn parse_any_chunk(generation: Generation, record: &Bytes) -> Option<(Span, Bytes)> {
    let expected = Stamp { kind: Kind::Chunk, version: generation.version() };
    if record.len() < CHUNK_HEADER || Stamp::parse(record) != Some(expected) {
        return None;
    }
    let span = Span {
        index: u32::from_be_bytes(*record[12..].first_chunk()?),
        offset: u64::from_be_bytes(*record[16..].first_chunk()?),
        length: u32::from_be_bytes(*record[24..].first_chunk()?),
    };
    let stored = u64::from_be_bytes(*record[CHECKSUM_AT..].first_chunk()?);
    if record.len() - CHUNK_HEADER != span.length as usize || checksum(generation, record) != stored
    {
        return None;
    }
    Some((span, record.slice(CHUNK_HEADER..)))
}

impl Span {
    /// A chunk of this recording whose length is not known beforehand: what a follower reads.
    pub(crate) fn parse(
        generation: Generation,
        index: u32,
        offset: u64,
        record: &Bytes,
    ) -> Option<(Self, Bytes)> {
        parse_any_chunk(generation, record)
            .filter(|(span, _)| span.index == index && span.offset == offset)
    }
}

/// Of header and payload, but for the eight bytes where it stands itself.
pub(super) fn checksum(generation: Generation, record: &[u8]) -> u64 {
    let mut hash = Xxh3::with_seed(generation.seed());
    hash.update(&record[..CHECKSUM_AT]);
    hash.update(&record[CHUNK_HEADER..]);
    hash.digest()
}
