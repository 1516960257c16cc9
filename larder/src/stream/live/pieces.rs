use std::collections::VecDeque;

use bytes::Bytes;

/// So many pieces are retained at most: each costs memory beside its bytes, however short it is.
const MOST: usize = 4096;

/// Bytes in the order they came, from some offset of the body on.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    pieces: VecDeque<Piece>,
    start: u64,
    end: u64,
}

#[derive(Debug)]
struct Piece {
    offset: u64,
    bytes: Bytes,
}

impl Piece {
    fn end(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }
}

impl Pieces {
    /// The offset of the first byte that is retained.
    pub(super) const fn start(&self) -> u64 {
        self.start
    }

    /// The offset behind the last byte that came.
    pub(super) const fn end(&self) -> u64 {
        self.end
    }

    /// How many bytes are retained.
    pub(super) const fn held(&self) -> u64 {
        self.end - self.start
    }

    /// Whether there are as many pieces as may be.
    pub(super) fn is_crowded(&self) -> bool {
        self.pieces.len() >= MOST
    }

    /// Where the first piece ends.
    pub(super) fn front_end(&self) -> Option<u64> {
        self.pieces.front().map(Piece::end)
    }

    pub(super) fn push(&mut self, bytes: Bytes) {
        let offset = self.end;
        self.end += bytes.len() as u64;
        self.pieces.push_back(Piece { offset, bytes });
    }

    pub(super) fn pop_front(&mut self) {
        if let Some(piece) = self.pieces.pop_front() {
            self.start = piece.end();
        }
    }

    /// The bytes from an offset to the end of the piece they came in. The offset is a retained one.
    pub(super) fn from(&self, offset: u64) -> Bytes {
        let at = self.pieces.partition_point(|piece| piece.end() <= offset);
        self.pieces
            .get(at)
            .map_or_else(Bytes::new, |piece| piece.bytes.slice((offset - piece.offset) as usize..))
    }

    /// Exactly so many bytes from an offset on, as they came. All of them are retained.
    pub(super) fn range(&self, mut offset: u64, mut length: usize) -> Vec<Bytes> {
        let mut found = Vec::new();
        while length > 0 {
            let mut bytes = self.from(offset);
            bytes.truncate(length);
            if bytes.is_empty() {
                break;
            }
            offset += bytes.len() as u64;
            length -= bytes.len();
            found.push(bytes);
        }
        found
    }
}
