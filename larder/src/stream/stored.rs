//! Reading a committed recording.

use std::{
    collections::VecDeque,
    ops::Range,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use tokio::task::JoinHandle;
use xxhash_rust::xxh3::Xxh3;

use crate::stream::{
    StreamError,
    body::{Body, Finish},
    chunks::Chunks,
    format::{Digest, Manifest, Span, Table},
};

/// A body of at most so many bytes is verified whole before its first byte is given out...
const VERIFIED_WHOLE: u64 = 1 << 20;

/// ... of a longer one so many chunks.
const VERIFIED_FIRST: u32 = 4;

/// How much is read at a time, in bytes, at least one chunk...
const WINDOW: u64 = 1 << 20;

/// ... and in chunks, however short they are: a forged table must not ask for a million keys.
const MOST: u32 = 256;

/// ... and how many such windows are read ahead of whoever takes the bytes.
const AHEAD: usize = 2;

/// The bytes of a committed recording, or of a part of it.
///
/// Windows of chunks are read and verified by tasks of their own, ahead of the reader.
#[derive(Debug)]
pub(crate) struct Stored {
    chunks: Arc<Chunks>,
    table: Table,
    /// The next chunk that nobody reads yet.
    next: u32,
    /// Behind the last that is wanted.
    end: u32,
    ready: VecDeque<Bytes>,
    ahead: VecDeque<Window>,
    whole: Option<Whole>,
    /// Bytes that are still to be given out.
    left: u64,
    /// Bytes of the first chunk that lie before the range.
    skip: usize,
    finish: Finish,
}

/// The check that all of the body was given out as it was recorded.
struct Whole {
    hasher: Box<Xxh3>,
    digest: Digest,
}

impl std::fmt::Debug for Whole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Whole").finish_non_exhaustive()
    }
}

/// A read that is dropped is read no further.
#[derive(Debug)]
struct Window(JoinHandle<Result<Vec<Bytes>, StreamError>>);

impl Drop for Window {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Stored {
    /// A reader of this part of a recording, whose first chunks are there and undamaged.
    ///
    /// One round trip, and one more for every 256 chunks of a short body.
    ///
    /// # Errors
    ///
    /// A chunk that is lost or damaged, or the store's error.
    pub(crate) async fn open(
        chunks: Chunks,
        manifest: &Manifest,
        range: Range<u64>,
    ) -> Result<Self, StreamError> {
        let table = manifest.table.clone();
        let wanted = table.covering(&range);
        let first = verified_first(&table, wanted.clone());
        let mut ready = VecDeque::new();
        for next in first.clone().step_by(MOST as usize) {
            ready.extend(chunks.fetch(&spans(&table, next..first.end)).await?);
        }
        let whole = (range == (0..manifest.length))
            .then(|| Whole { hasher: Box::new(Xxh3::new()), digest: manifest.digest });
        let begin = table.get(first.start).filter(|_| !first.is_empty());
        let skip = begin.map_or(0, |span| (range.start - span.offset) as usize);
        Ok(Self {
            chunks: Arc::new(chunks),
            next: first.end,
            end: wanted.end,
            ready,
            ahead: VecDeque::new(),
            whole,
            left: range.end - range.start,
            skip,
            finish: Finish { length: manifest.length, trailers: manifest.trailers.clone() },
            table,
        })
    }

    /// Starts reading what comes next, as far ahead as is allowed.
    fn read_ahead(&mut self) {
        while self.ahead.len() < AHEAD && self.next < self.end {
            let spans = window(&self.table, self.next..self.end);
            self.next += spans.len() as u32;
            let chunks = Arc::clone(&self.chunks);
            self.ahead.push_back(Window(tokio::spawn(async move { chunks.fetch(&spans).await })));
        }
    }

    /// Cuts a chunk to what was asked for, and takes note of it.
    fn give(&mut self, mut bytes: Bytes) -> Bytes {
        bytes.advance(std::mem::take(&mut self.skip).min(bytes.len()));
        bytes.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.left -= bytes.len() as u64;
        if let Some(whole) = &mut self.whole {
            whole.hasher.update(&bytes);
        }
        bytes
    }

    fn at_end(&self) -> Option<Result<Bytes, StreamError>> {
        let damaged = |what| Some(Err(StreamError::Damaged { what }));
        if self.left > 0 {
            return damaged("its chunks are shorter than its length");
        }
        match &self.whole {
            Some(whole) if whole.hasher.digest128().to_be_bytes() != whole.digest => {
                damaged("its bytes are not those that were recorded")
            }
            _ => None,
        }
    }
}

impl Body for Stored {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, StreamError>>> {
        loop {
            self.read_ahead();
            if let Some(bytes) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(self.give(bytes))));
            }
            let Some(window) = self.ahead.front_mut() else {
                return Poll::Ready(self.at_end());
            };
            let read = ready!(std::pin::Pin::new(&mut window.0).poll(cx));
            self.ahead.pop_front();
            self.ready = match read {
                Ok(chunks) => chunks?.into(),
                // Only the end of the runtime cancels it.
                Err(_) => Err(StreamError::aborted("the runtime is shutting down"))?,
            };
        }
    }

    fn finish(&self) -> Option<&Finish> {
        Some(&self.finish)
    }

    fn is_at_hand(&self) -> bool {
        self.next >= self.end && self.ahead.is_empty()
    }
}

/// What is verified before the first byte.
fn verified_first(table: &Table, wanted: Range<u32>) -> Range<u32> {
    let last = wanted.end.checked_sub(1).and_then(|last| table.get(last));
    match (table.get(wanted.start), last) {
        (Some(first), Some(last)) if last.end() - first.offset <= VERIFIED_WHOLE => wanted,
        _ => wanted.start..wanted.end.min(wanted.start + VERIFIED_FIRST),
    }
}

/// The first of these chunks, as many as are asked for together.
fn spans(table: &Table, wanted: Range<u32>) -> Vec<Span> {
    wanted.take(MOST as usize).map_while(|index| table.get(index)).collect()
}

/// The chunks to read at a time: as many as fit, one at least.
fn window(table: &Table, wanted: Range<u32>) -> Vec<Span> {
    let mut spans = spans(table, wanted);
    let mut bytes = 0;
    let fit = spans.iter().take_while(|span| {
        bytes += u64::from(span.length);
        bytes <= WINDOW
    });
    let fit = fit.count().max(1);
    spans.truncate(fit);
    spans
}
