//! Streams: recordings that are whole or an error.
//!
//! A stream is recorded piece by piece while it is read, and replayed from any server that shares the
//! store. What is promised:
//!
//! - **Whole or an error.** A body that ends cleanly is, byte for byte, one recording: never two mixed,
//!   never a part of one. Each chunk carries its place, its recording's random generation and a checksum;
//!   the chunks of one generation are written once and never overwritten; one write, of the *manifest*,
//!   makes a recording visible, and only when all of it stands.
//! - **The first byte on a miss is the source's first byte.** Storing goes on beside, and a store in
//!   trouble is given up, never the reader.
//! - **A second reader follows**, on any server, while the recording is still being written.
//! - **An invalidation always wins.** A [`lease`](crate::stream::Claim) stands at the key before the
//!   source is asked, and a delete removes it; the commit replaces exactly what the recording placed
//!   there, or does not happen.
//!
//! # What stands where
//!
//! At the entry's own key, one after the other, each written only over the one before it:
//!
//! 1. a *lease*, from before the source is asked until its head is known;
//! 2. a *recording*: generation and head, for those who come while it is written. It lives for two
//!    heartbeats (3 s) and is renewed each second, so that a dead writer is soon forgotten;
//! 3. the *manifest*: head, places of the chunks, digest, trailers, and the body itself up to 16 KiB.
//!
//! Under `ns/.chunk`: the chunks, behind them the end record, beside them the beat of the writer. They
//! live longer than the manifest by `max_fill_time` and `read_grace`, so that the first chunk does not
//! die before a manifest that was committed late and a reader that opened it late. Replaced, deleted and
//! refused recordings are not removed at once but shortened to `read_grace`, for their readers.
//!
//! The module `format` says what the bytes are.
//!
//! # What happens when something fails
//!
//! | | |
//! |---|---|
//! | a chunk is missing or damaged | noticed before the first byte: a miss, and the manifest is removed. Later: [`StreamError::ChunkLost`] or [`StreamError::Damaged`] |
//! | the writer dies | nothing is committed; who follows gets [`StreamError::WriterLost`] within two heartbeats; the key is free after two |
//! | the source fails, or is not as long as declared | nothing is committed; readers get the error |
//! | two writers | two generations; the commit of the one whose placeholder was displaced is refused |
//! | a delete while recording | the commit is refused; who follows reads to the end, on other servers too: a short body of which no chunk was written is written for them when somebody has shown up |
//! | a delete or overwrite while reading | the reader reads on |
//! | the answer to the commit is lost | the key is read: what was committed stays committed |
//! | the store is slow or down | the recording goes on without it |
//! | too long, too slow, endless | handed on live, not stored |

mod begin;
mod body;
mod chunks;
mod elsewhere;
mod error;
mod fill;
mod follow;
pub(crate) mod format;
mod get_or_record;
mod head;
mod launch;
mod live;
mod options;
mod policy;
mod reader;
mod record;
mod recorder;
mod renew;
mod shared;
mod stored;
mod storer;
mod streams;
#[cfg(test)]
mod tests;

pub use begin::{Begin, Claim, PassReason, StartBuilder};
pub use error::StreamError;
pub use fill::{BoxError, Part};
pub use get_or_record::{GetOrRecord, RecordError};
pub use live::Unstored;
pub use reader::{Edition, Reader};
pub use record::RecordBuilder;
pub use recorder::{Committed, Recorder};
pub(crate) use shared::Shared;
pub use shared::StreamStats;
pub use streams::Streams;
