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

    /// The bytes from an offset to the end of the piece they came in. None if that one is not retained.
    pub(super) fn from(&self, offset: u64) -> Bytes {
        let at = self.pieces.partition_point(|piece| piece.end() <= offset);
        let found = self.pieces.get(at).and_then(|piece| {
            let skipped = offset.checked_sub(piece.offset)?;
            Some(piece.bytes.slice(skipped as usize..))
        });
        found.unwrap_or_default()
    }

    /// So many bytes from an offset on, as they came; fewer if not all of them are retained.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_retained_is_given() {
        let mut pieces = Pieces::default();
        for bytes in ["abc", "de", "fgh"] {
            pieces.push(Bytes::from(bytes));
        }
        assert_eq!(pieces.range(1, 5), ["bc", "de", "f"]);
        assert_eq!(pieces.range(6, 5), ["gh"]);
        pieces.pop_front();
        assert_eq!((pieces.start(), pieces.held()), (3, 5));
        assert_eq!(pieces.range(3, 5), ["de", "fgh"]);
        assert_eq!(pieces.range(1, 5), Vec::<Bytes>::new(), "a storer may ask for it too late");
        assert_eq!(pieces.range(8, 1), Vec::<Bytes>::new());
    }
}
