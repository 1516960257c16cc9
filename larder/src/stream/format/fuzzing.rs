//! Bytes read as everything that they could be.

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

use super::{
    Beat, CHUNK_HEADER, End, Generation, Manifest, Recording,
    chunk::{CHECKSUM_AT, checksum, parse_any_chunk},
};

/// Whose chunks, ends and beats are read.
pub(super) const GENERATION: Generation = Generation::from_bytes(*b"a generation....");

/// Reads bytes as a record of any kind. `true` if they are one.
///
/// # Panics
///
/// If a record that was read says something else when it is written again, or contradicts itself.
pub(crate) fn read_any(record: &Bytes) -> bool {
    let manifest = Manifest::parse(record);
    if let Some(manifest) = &manifest {
        assert_eq!(Manifest::parse(&manifest.encode()).as_ref(), Some(manifest));
        let table = &manifest.table;
        let covering = table.covering(&(manifest.length / 3..manifest.length));
        assert!(covering.start <= covering.end && covering.end <= table.count());
        for index in [covering.start, covering.end, table.count()] {
            let span = table.get(index);
            assert_eq!(span.is_some(), index < table.count());
            assert_eq!(span, span.and_then(|span| table.at(span.offset)));
        }
    }
    let recording = Recording::parse(record);
    if let Some(recording) = &recording {
        assert_eq!(Recording::parse(&recording.encode()).as_ref(), Some(recording));
    }
    manifest.is_some()
        || recording.is_some()
        || parse_any_chunk(GENERATION, record).is_some()
        || End::parse(GENERATION, record).is_some()
        || Beat::parse(GENERATION, record).is_some()
}

/// The same with a checksum that fits: at the end, and where a chunk has it.
pub(crate) fn resealed(record: &Bytes) -> [Bytes; 2] {
    let fields = &record[..record.len().saturating_sub(8)];
    let sealed = [fields, &xxh3_64(fields).to_be_bytes()].concat();
    let mut chunk = record.to_vec();
    if chunk.len() >= CHUNK_HEADER {
        let checksum = checksum(GENERATION, &chunk).to_be_bytes();
        chunk[CHECKSUM_AT..CHUNK_HEADER].copy_from_slice(&checksum);
    }
    [sealed.into(), chunk.into()]
}
