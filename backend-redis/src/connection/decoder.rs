//! Cuts the bytes of a connection into answers.
//!
//! The redis crate's parser takes a whole answer, so the end of one is found here first; its public
//! interface has no way to go on where it stopped. The types that carry values are also read here,
//! with one copy; all others (errors, pushes, maps) go to the crate.

use std::io;

use bytes::{Buf, BytesMut};
use redis::Value;

/// The longest string that a server sends (`proto-max-bulk-len`).
const LONGEST_STRING: usize = 512 << 20;
/// The longest line: an error's text, a number, a length.
const LONGEST_LINE: usize = 64 << 10;
const DEEPEST: usize = 16;
const READ_BYTES: usize = 64 << 10;
/// A buffer that grew past this for a large value is given back once it is empty.
const KEPT_BYTES: usize = 1 << 20;

#[derive(Debug, Default)]
pub(crate) struct Decoder {
    input: BytesMut,
    /// How many bytes the next attempt needs at least.
    wanted: usize,
}

#[derive(Debug)]
enum Stop {
    /// The answer is not whole: this many bytes are needed at least.
    Wants(usize),
    Broken(&'static str),
}

impl Decoder {
    /// Where to read into. Always has room.
    pub(crate) fn room(&mut self) -> &mut BytesMut {
        let missing = self.wanted.saturating_sub(self.input.len());
        self.input.reserve(missing.max(READ_BYTES / 4));
        &mut self.input
    }

    /// How many bytes of an answer that is not whole yet have arrived.
    pub(crate) fn partial(&self) -> usize {
        self.input.len()
    }

    /// The next answer, once it is whole.
    pub(crate) fn next(&mut self) -> io::Result<Option<Value>> {
        if self.input.len() < self.wanted.max(1) {
            return Ok(None);
        }
        match end(&self.input, 0, DEEPEST) {
            Ok(end) => {
                let value = build(&self.input[..end], 0)?.0;
                self.input.advance(end);
                self.wanted = 0;
                if self.input.is_empty() && self.input.capacity() > KEPT_BYTES {
                    self.input = BytesMut::with_capacity(READ_BYTES);
                }
                Ok(Some(value))
            }
            Err(Stop::Wants(bytes)) => {
                self.wanted = bytes;
                Ok(None)
            }
            Err(Stop::Broken(what)) => Err(broken(what)),
        }
    }
}

fn broken(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Where the answer that begins at `at` ends.
fn end(input: &[u8], at: usize, depth: usize) -> Result<usize, Stop> {
    let &kind = input.get(at).ok_or(Stop::Wants(at + 1))?;
    let (line, after) = line(input, at + 1)?;
    let elements = match kind {
        b'+' | b'-' | b':' | b'_' | b',' | b'#' | b'(' => return Ok(after),
        b'$' | b'!' | b'=' => {
            let Some(length) = length(line, LONGEST_STRING)? else { return Ok(after) };
            let end = after + length + 2;
            return if input.len() < end { Err(Stop::Wants(end)) } else { Ok(end) };
        }
        b'*' | b'~' | b'>' => length(line, usize::MAX / 4)?.unwrap_or(0),
        b'%' => length(line, usize::MAX / 4)?.unwrap_or(0) * 2,
        b'|' => length(line, usize::MAX / 4)?.unwrap_or(0) * 2 + 1,
        _ => return Err(Stop::Broken("an answer begins with no known type")),
    };
    if depth == 0 {
        return Err(Stop::Broken("an answer is nested too deep"));
    }
    (0..elements).try_fold(after, |at, _| end(input, at, depth - 1))
}

/// The line that begins at `at`, and where the next begins.
fn line(input: &[u8], at: usize) -> Result<(&[u8], usize), Stop> {
    let rest = input.get(at..).unwrap_or_default();
    match rest.iter().take(LONGEST_LINE).position(|&byte| byte == b'\n') {
        Some(end) if end > 0 && rest[end - 1] == b'\r' => Ok((&rest[..end - 1], at + end + 1)),
        Some(_) => Err(Stop::Broken("a line of an answer has no proper end")),
        None if rest.len() >= LONGEST_LINE => Err(Stop::Broken("a line of an answer is too long")),
        None => Err(Stop::Wants(input.len().max(at) + 1)),
    }
}

/// A length, `None` for the nil of the older protocol.
fn length(line: &[u8], longest: usize) -> Result<Option<usize>, Stop> {
    match integer(line) {
        Some(-1) => Ok(None),
        Some(length) => usize::try_from(length)
            .ok()
            .filter(|&length| length <= longest)
            .map(Some)
            .ok_or(Stop::Broken("a length in an answer is out of bounds")),
        None => Err(Stop::Broken("a length in an answer is no number")),
    }
}

fn integer(line: &[u8]) -> Option<i64> {
    std::str::from_utf8(line).ok()?.parse().ok()
}

/// The answer at `at` of whole frames, and where the next begins.
fn build(frames: &[u8], at: usize) -> io::Result<(Value, usize)> {
    let stop = |_| broken("an answer is cut short");
    let (head, after) = line(frames, at + 1).map_err(stop)?;
    match frames[at] {
        b'$' => match length(head, LONGEST_STRING).map_err(stop)? {
            None => Ok((Value::Nil, after)),
            Some(length) => {
                Ok((Value::BulkString(frames[after..after + length].to_vec()), after + length + 2))
            }
        },
        b'+' if head == b"OK" => Ok((Value::Okay, after)),
        b':' => match integer(head) {
            Some(number) => Ok((Value::Int(number), after)),
            None => Err(broken("an integer in an answer is none")),
        },
        b'_' => Ok((Value::Nil, after)),
        b'*' => {
            let Some(count) = length(head, usize::MAX).map_err(stop)? else {
                return Ok((Value::Nil, after));
            };
            // Each has at least three bytes: nothing is allocated on a mere claim.
            let mut values = Vec::with_capacity(count.min(frames.len() / 3));
            let mut at = after;
            for _ in 0..count {
                let (value, next) = build(frames, at)?;
                values.push(value);
                at = next;
            }
            Ok((Value::Array(values), at))
        }
        _ => {
            let end = end(frames, at, DEEPEST).map_err(stop)?;
            let value = redis::parse_redis_value(&frames[at..end])
                .map_err(|_| broken("an answer cannot be parsed"))?;
            Ok((value, end))
        }
    }
}

#[cfg(test)]
#[path = "decoder_tests.rs"]
mod tests;
