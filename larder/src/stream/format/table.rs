use std::ops::Range;

use super::sealed::{Opened, Sealing};

/// A chunk's place in its recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) index: u32,
    /// Where it begins in the body, in bytes.
    pub(crate) offset: u64,
    /// At least one byte.
    pub(crate) length: u32,
}

impl Span {
    /// Where the next one begins.
    pub(crate) const fn end(&self) -> u64 {
        self.offset + self.length as u64
    }
}

/// The places of all chunks of a recording. Chunks of equal length in a row cost one run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Table {
    runs: Vec<Run>,
}

/// Chunks in a row that have the same length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    first: Span,
    count: u32,
}

impl Run {
    const fn end_index(&self) -> u32 {
        self.first.index + self.count
    }

    const fn end(&self) -> u64 {
        self.first.offset + self.first.length as u64 * self.count as u64
    }

    fn nth(&self, n: u32) -> Span {
        let Span { index, offset, length } = self.first;
        Span { index: index + n, offset: offset + u64::from(length) * u64::from(n), length }
    }
}

impl Table {
    /// The most runs of a recording that is stored: 2 MiB of manifest.
    const MAX_RUNS: usize = 1 << 18;

    /// The most chunks of a recording that is stored. A few bytes of a forged table could claim billions,
    /// and make work for each.
    const MAX_CHUNKS: u32 = 1 << 20;

    /// How many chunks there are.
    pub(crate) fn count(&self) -> u32 {
        self.runs.last().map_or(0, Run::end_index)
    }

    /// How many bytes they hold.
    pub(crate) fn length(&self) -> u64 {
        self.runs.last().map_or(0, Run::end)
    }

    /// Whether a recording that has another chunk is not stored any more.
    pub(crate) fn is_full(&self) -> bool {
        self.runs.len() >= Self::MAX_RUNS || self.count() >= Self::MAX_CHUNKS
    }

    /// The place of a chunk that comes after all others.
    pub(crate) fn next(&self, length: u32) -> Span {
        Span { index: self.count(), offset: self.length(), length }
    }

    /// Adds a chunk after all others.
    pub(crate) fn push(&mut self, length: u32) {
        let first = self.next(length);
        match self.runs.last_mut() {
            Some(run) if run.first.length == length => run.count += 1,
            _ => self.runs.push(Run { first, count: 1 }),
        }
    }

    /// Chunks of equal length, however many.
    #[cfg(test)]
    pub(crate) fn of_equal(length: u32, count: u32) -> Self {
        let first = Span { index: 0, offset: 0, length };
        Self { runs: vec![Run { first, count }] }
    }

    /// The chunk with this index.
    pub(crate) fn get(&self, index: u32) -> Option<Span> {
        let run = self.runs.get(self.runs.partition_point(|run| run.end_index() <= index))?;
        Some(run.nth(index - run.first.index))
    }

    /// The chunk that holds this byte of the body.
    pub(crate) fn at(&self, offset: u64) -> Option<Span> {
        let run = self.runs.get(self.runs.partition_point(|run| run.end() <= offset))?;
        let within = (offset - run.first.offset) / u64::from(run.first.length);
        Some(run.nth(within as u32))
    }

    /// The chunks that hold these bytes of the body, in order, as a range of indices.
    pub(crate) fn covering(&self, bytes: &Range<u64>) -> Range<u32> {
        if bytes.is_empty() {
            return 0..0;
        }
        match (self.at(bytes.start), self.at(bytes.end - 1)) {
            (Some(first), Some(last)) => first.index..last.index + 1,
            (Some(first), None) => first.index..self.count(),
            (None, _) => 0..0,
        }
    }

    pub(super) fn write(&self, mut record: Sealing) -> Sealing {
        record = record.u32(self.runs.len() as u32);
        for run in &self.runs {
            record = record.u32(run.first.length).u32(run.count);
        }
        record
    }

    pub(super) fn read(record: &mut Opened) -> Option<Self> {
        let runs = record.u32()? as usize;
        // Eight bytes each: a number that the record cannot hold reserves no memory.
        if runs > Self::MAX_RUNS || runs > record.left() / 8 {
            return None;
        }
        let mut table = Self { runs: Vec::with_capacity(runs) };
        for _ in 0..runs {
            let (length, count) = (record.u32()?, record.u32()?);
            let first = table.next(length);
            let end = first.index.checked_add(count)?;
            if length == 0 || count == 0 || end > Self::MAX_CHUNKS {
                return None;
            }
            first.offset.checked_add(u64::from(length).checked_mul(count.into())?)?;
            table.runs.push(Run { first, count });
        }
        Some(table)
    }
}
