use std::{fmt, task::Waker};

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;

use super::pieces::Pieces;
use crate::stream::{
    StreamError,
    format::{Span, Table},
};

/// How a recording ended.
#[derive(Debug, Clone)]
pub(crate) enum Ending {
    /// The body is whole.
    Complete {
        /// What the source gave after the body.
        trailers: Option<Bytes>,
    },
    /// It is not, and will not be.
    Failed(StreamError),
}

/// Why a recording is not stored. Those who read it in this process do not notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unstored {
    /// It was not meant to be.
    NotAsked,
    /// What it was to replace was deleted, evicted or replaced while it was recorded.
    Displaced,
    /// It is longer than allowed, or has too many chunks.
    TooLong,
    /// It takes longer than allowed.
    TooSlow,
    /// The store does not keep up.
    StoreSlow,
    /// The store failed.
    StoreFailed,
}

impl fmt::Display for Unstored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAsked => "it is not stored",
            Self::Displaced => "its key was deleted or taken by another",
            Self::TooLong => "it is too long to be stored",
            Self::TooSlow => "it takes too long to be stored",
            Self::StoreSlow => "the store is too slow for it",
            Self::StoreFailed => "the store failed",
        })
    }
}

/// Everything that the source, the storer and the readers share, under one lock that is never held
/// across an await.
#[derive(Debug)]
pub(super) struct State {
    pub(super) pieces: Pieces,
    /// The chunks that stand in the store, without a gap from the first.
    pub(super) table: Table,
    pub(super) unstored: Option<Unstored>,
    pub(super) ending: Option<Ending>,
    /// The source waits for room.
    pub(super) blocked: bool,
    /// The storer waits for so many bytes of the body to have come.
    pub(super) wake_at: u64,
    /// The first of them may set the pace.
    readers: Vec<Slot>,
    /// The first reader is the client of a fill, and has not stood still for too long.
    led: bool,
    next_reader: u64,
    window: u64,
    /// Its part of the budget that all recordings share: for what is not stored yet.
    permit: Option<OwnedSemaphorePermit>,
}

#[derive(Debug)]
struct Slot {
    id: u64,
    position: u64,
    waker: Option<Waker>,
}

/// Who holds up the source.
#[derive(Debug)]
pub(super) enum Blocker {
    /// The one that sets the pace, and stands there.
    Reader { id: u64, position: u64 },
    /// So much is stored. Whether a reader waits for more to come is said too.
    Store { stored: u64, starving: bool },
}

/// What a reader gets when it asks for the bytes at its position.
#[derive(Debug)]
pub(super) enum Next {
    /// They are here.
    Piece(Bytes),
    /// They are here no more, but in these chunks of the store.
    /// Where in the first of them it stands is said too.
    Stored {
        spans: Vec<Span>,
        within: usize,
    },
    /// They have not come yet.
    NotYet,
    Ended(Ending),
}

impl State {
    pub(super) fn new(window: usize, unstored: Option<Unstored>) -> Self {
        Self {
            pieces: Pieces::default(),
            table: Table::default(),
            unstored,
            ending: None,
            blocked: false,
            wake_at: 0,
            readers: Vec::new(),
            led: false,
            next_reader: 0,
            window: window as u64,
            permit: None,
        }
    }

    /// For whom so many more bytes may not be taken from the source now, if for anyone.
    pub(super) fn blocked_by(&self, length: u64) -> Option<Blocker> {
        if let Some(Slot { id, position, .. }) = self.pacer()
            && !self.has_room(length, (*position).max(self.pieces.start()))
        {
            return Some(Blocker::Reader { id: *id, position: *position });
        }
        let stored = self.table.length();
        let room = self.unstored.is_some() || self.has_room(length, stored);
        (!room).then(|| Blocker::Store { stored, starving: self.is_starving() })
    }

    /// At least one piece is always taken, however long it is.
    fn has_room(&self, length: u64, done: u64) -> bool {
        let pending = self.pieces.end().saturating_sub(done);
        pending == 0 || (pending + length <= self.window && !self.pieces.is_crowded())
    }

    /// The reader that the source waits for.
    fn pacer(&self) -> Option<&Slot> {
        self.readers.first().filter(|_| self.led || self.unstored.is_some())
    }

    /// Whether a reader has had all that came.
    pub(super) fn is_starving(&self) -> bool {
        self.readers.iter().any(|reader| reader.position >= self.pieces.end())
    }

    /// The source waits for its pacer no longer, which stands still. Of a recording that is not stored
    /// only if another reader waits: else it is as if there were no cache.
    pub(super) fn pass_on(&mut self, id: u64, position: u64) -> bool {
        if self.pacer().is_none_or(|pacer| (pacer.id, pacer.position) != (id, position)) {
            // It has moved or left meanwhile.
            return true;
        }
        let passed = self.unstored.is_none() || self.is_starving();
        if passed {
            self.led = false;
            self.readers.rotate_left(1);
            self.trim();
        }
        passed
    }

    /// Whether the source may wait for what a reader does.
    pub(super) fn is_paced(&self) -> bool {
        self.pacer().is_some() || self.blocked
    }

    pub(super) fn push(&mut self, bytes: Bytes, permit: Option<OwnedSemaphorePermit>) {
        self.blocked = false;
        self.pieces.push(bytes);
        if let Some(permit) = permit.filter(|_| self.unstored.is_none()) {
            match &mut self.permit {
                Some(held) => held.merge(permit),
                None => self.permit = Some(permit),
            }
        }
        self.trim();
    }

    /// The next chunk stands in the store, and all before it.
    pub(super) fn stored(&mut self, length: u32) {
        self.table.push(length);
        if let Some(held) = &mut self.permit {
            drop(held.split(length as usize));
        }
        self.trim();
    }

    pub(super) fn unstore(&mut self, why: Unstored) {
        if self.unstored.is_none() {
            self.unstored = Some(why);
            self.permit = None;
            self.trim();
        }
    }

    /// Forgets what nobody needs, or what is retained beyond the window for others than the pacer.
    pub(super) fn trim(&mut self) {
        while let Some(end) = self.pieces.front_end() {
            let needed = (self.unstored.is_none() && end > self.table.length())
                || self.pacer().is_some_and(|pacer| pacer.position < end);
            let wanted = self.readers.iter().any(|reader| reader.position < end);
            let kept = self.pieces.held() <= self.window && !self.pieces.is_crowded();
            if needed || (wanted && kept) {
                break;
            }
            self.pieces.pop_front();
        }
    }

    /// A reader from the first byte on, if all of it can still be had.
    pub(super) fn attach(&mut self) -> Option<u64> {
        if self.pieces.start() > self.table.length() {
            return None;
        }
        let id = self.next_reader;
        self.next_reader += 1;
        self.readers.push(Slot { id, position: 0, waker: None });
        Some(id)
    }

    /// The same, for the client of a fill.
    pub(super) fn attach_client(&mut self) -> Option<u64> {
        let id = self.attach()?;
        self.readers.rotate_right(1);
        self.led = true;
        Some(id)
    }

    pub(super) fn detach(&mut self, id: u64) {
        self.led &= self.readers.first().is_some_and(|first| first.id != id);
        self.readers.retain(|reader| reader.id != id);
        self.trim();
    }

    pub(super) fn readers(&self) -> usize {
        self.readers.len()
    }

    /// What stands at a reader's position; `waker` is kept if that has not come yet.
    pub(super) fn next(&mut self, id: u64, most: u64, waker: &Waker) -> Next {
        let Some(reader) = self.readers.iter_mut().find(|reader| reader.id == id) else {
            return Next::Ended(Ending::Failed(StreamError::Lagged));
        };
        let position = reader.position;
        if position < self.pieces.start() {
            return match self.stored_from(position, most) {
                spans if spans.is_empty() => Next::Ended(Ending::Failed(StreamError::Lagged)),
                spans => {
                    let within = spans.first().map_or(0, |span| (position - span.offset) as usize);
                    Next::Stored { spans, within }
                }
            };
        }
        if position < self.pieces.end() {
            let piece = self.pieces.from(position);
            self.advance(id, piece.len() as u64);
            return Next::Piece(piece);
        }
        match &self.ending {
            Some(ending) => Next::Ended(ending.clone()),
            None => {
                reader.waker = Some(waker.clone());
                Next::NotYet
            }
        }
    }

    /// A reader has had so many bytes more.
    pub(super) fn advance(&mut self, id: u64, by: u64) {
        if let Some(reader) = self.readers.iter_mut().find(|reader| reader.id == id) {
            reader.position += by;
        }
        self.trim();
    }

    /// The stored chunks from this byte on, one at least, and no more than `most` bytes in all.
    fn stored_from(&self, offset: u64, most: u64) -> Vec<Span> {
        let Some(first) = self.table.at(offset) else { return Vec::new() };
        (first.index..)
            .map_while(|index| self.table.get(index))
            .take_while(|span| span.index == first.index || span.end() <= first.offset + most)
            .collect()
    }

    /// Whether the storer has reason to look.
    pub(super) fn has_work(&self) -> bool {
        self.pieces.end() >= self.wake_at || self.pieces.is_crowded() || self.blocked
    }

    /// The readers to wake, once the lock is given back.
    pub(super) fn wakers(&mut self) -> Vec<Waker> {
        self.readers.iter_mut().filter_map(|reader| reader.waker.take()).collect()
    }
}
