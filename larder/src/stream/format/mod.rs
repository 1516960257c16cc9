//! The bytes of a recording. All numbers are big-endian; `bytes` is a `u32` length and that many bytes;
//! `optional x` is one byte, 0 or 1, and `x` if it is 1.
//!
//! Every record begins with the twelve bytes of a [`Stamp`](crate::envelope::Stamp): `CA 4C`, format
//! `01`, the kind, and the first eight bytes of the recording's *generation*, a random number of 128 bits
//! that is never used twice. The whole generation stands in the names of the chunks and, as the seed of
//! their checksums, in each chunk: a piece of one recording is never taken for a piece of another.
//!
//! | record | under | after the stamp |
//! |---|---|---|
//! | Lease (4) | the entry's key | nothing |
//! | Pass (6) | the entry's key | nothing |
//! | Recording (5) | the entry's key | generation 16, heartbeat in ms `u32`, key `bytes`, head `bytes`, checksum `u64` |
//! | Manifest (3) | the entry's key | generation 16, key `bytes`, head `bytes`, table, length `u64`, digest 16, trailers `optional bytes`, chunks expire at (ms since 1970) `u64`, body `optional bytes`, checksum `u64` |
//! | Chunk (7) | `ns/.chunk:<generation in hex>:<index>` | index `u32`, offset `u64`, length `u32`, checksum `u64`, payload |
//! | End (9) | where the next chunk would stand; of an aborted recording also in the place of the beat | 0, count `u32`, length `u64`, digest 16, trailers `optional bytes`, checksum `u64`; or 1, reason `bytes`, checksum `u64` |
//! | Beat (8) | `ns/.chunk:<generation in hex>:beat` | sequence `u64`, chunks written `u32`, checksum `u64` |
//!
//! The *table* holds the lengths of the chunks, run-length coded: the number of runs `u32`, and for each
//! the length `u32` and how many chunks in a row have it `u32`. The *digest* is xxh3-128 of the whole
//! body. The *checksum* is xxh3-64 of all bytes before it; in a chunk it covers the header and the
//! payload, and is seeded with the last eight bytes of the generation. *Key* is the key as the
//! application gave it: where a long key was hashed, a collision is found here and is a miss.
//!
//! Bytes that are cut short, altered, of an unknown format or of another recording are never an error
//! and never a panic: the record counts as missing.

mod beat;
mod chunk;
mod end;
#[cfg(any(test, feature = "fuzzing"))]
mod fuzzing;
mod generation;
mod manifest;
mod recording;
mod sealed;
mod table;

#[cfg(test)]
mod tests;

pub(crate) use beat::Beat;
pub(crate) use chunk::{CHUNK_HEADER, build_chunk, parse_chunk};
pub(crate) use end::End;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use fuzzing::{read_any, resealed};
pub(crate) use generation::{ChunkKeys, Generation};
pub(crate) use manifest::Manifest;
pub(crate) use recording::Recording;
pub(crate) use table::{Span, Table};

/// xxh3-128 of a body.
pub(crate) type Digest = [u8; 16];
