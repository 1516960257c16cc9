use std::{fmt, io};

/// What a codec writes into: a record that grows up to a limit.
///
/// Past the limit it goes on counting and keeps nothing, so that an error can say how long the value
/// would have been, and a value that is far too long never takes up memory.
pub struct Output {
    record: Vec<u8>,
    /// Where in the record the value begins.
    begin: usize,
    limit: usize,
    size: usize,
}

impl Output {
    /// Behind what the record begins with, a value of at most `limit` bytes.
    pub(crate) const fn new(record: Vec<u8>, limit: usize) -> Self {
        Self { begin: record.len(), record, limit, size: 0 }
    }

    /// How long the value is so far, in bytes.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.size
    }

    /// The record, or how long the value would have been.
    pub(crate) fn finish(self) -> Result<Vec<u8>, usize> {
        if self.size <= self.limit { Ok(self.record) } else { Err(self.size) }
    }
}

impl io::Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.size = self.size.saturating_add(bytes.len());
        if self.size <= self.limit {
            self.record.extend_from_slice(bytes);
        } else if self.record.len() > self.begin {
            self.record = Vec::new();
            self.begin = 0;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output")
            .field("size", &self.size)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_value_over_the_limit_is_counted_and_not_kept() {
        let mut output = Output::new(b"head".to_vec(), 10);
        output.write_all(b"1234567890").unwrap();
        assert_eq!(output.size(), 10);
        output.write_all(&[0; 1000]).unwrap();
        assert!(output.record.capacity() < 100);
        assert_eq!(output.finish(), Err(1010));
    }
}
