//! Cuts the bytes of a connection into answers.
//!
//! The redis crate's parser takes a whole answer, so the end of one is found here first; its public
//! interface has no way to go on where it stopped. The types that carry values are also read here,
//! with one copy; all others (errors, pushes, maps) go to the crate.

use std::{
    io,
    pin::{Pin, pin},
    task::{Context, Poll},
};

use bytes::{Buf, BufMut, BytesMut};
use redis::Value;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest string that a server sends (`proto-max-bulk-len`).
const LONGEST_STRING: usize = 512 << 20;
/// The longest line: an error's text, a number, a length.
const LONGEST_LINE: usize = 64 << 10;
const DEEPEST: usize = 16;
const READ_BYTES: usize = 64 << 10;
/// A longer string is read to where it stays.
const LARGE_STRING: usize = 16 << 10;
/// What is set aside on the mere claim of a length.
const TRUSTED_BYTES: usize = 4 << 20;
const TRUSTED_ELEMENTS: usize = 1024;

#[derive(Debug, Default)]
pub(crate) struct Decoder {
    input: BytesMut,
    /// How many bytes the next attempt needs at least.
    wanted: usize,
    /// An array of which some elements have come. They are taken out of `input` one by one, so that it
    /// never holds more than one of them.
    array: Option<Array>,
    /// A large string, the next bytes of which come next.
    large: Option<Large>,
}

#[derive(Debug)]
struct Array {
    values: Vec<Value>,
    left: usize,
}

#[derive(Debug)]
struct Large {
    bytes: Vec<u8>,
    length: usize,
}

#[derive(Debug)]
enum Stop {
    /// The answer is not whole: this many bytes are needed at least.
    Wants(usize),
    Broken(&'static str),
}

impl Decoder {
    /// Reads what there is to read, once. The number of bytes; zero is the end.
    pub(crate) fn poll_read<S: AsyncRead + Unpin>(
        &mut self,
        mut socket: Pin<&mut S>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if let Some(Large { bytes, length }) = &mut self.large {
            let mut room = bytes.limit(*length + 2 - bytes.len());
            return pin!(socket.read_buf(&mut room)).poll(context);
        }
        if self.input.capacity() - self.input.len() < READ_BYTES / 4 {
            self.input.reserve(READ_BYTES);
        }
        pin!(socket.read_buf(&mut self.input)).poll(context)
    }

    /// How many bytes that came belong to no answer yet.
    pub(crate) fn partial(&self) -> usize {
        self.input.len() + self.large.as_ref().map_or(0, |large| large.bytes.len())
    }

    /// The next answer, once it is whole.
    pub(crate) fn next(&mut self) -> io::Result<Option<Value>> {
        loop {
            let value = match self.next_element() {
                Ok(value) => value,
                Err(Stop::Wants(bytes)) => {
                    self.wanted = bytes;
                    return Ok(None);
                }
                Err(Stop::Broken(what)) => return Err(broken(what)),
            };
            self.wanted = 0;
            let Some(array) = &mut self.array else { return Ok(Some(value)) };
            array.values.push(value);
            array.left -= 1;
            if array.left == 0
                && let Some(array) = self.array.take()
            {
                return Ok(Some(Value::Array(array.values)));
            }
        }
    }

    /// The next element of an array that has begun, or the next answer that is none.
    fn next_element(&mut self) -> Result<Value, Stop> {
        if let Some(large) = &self.large {
            if large.bytes.len() < large.length + 2 {
                return Err(Stop::Wants(0));
            }
            return self.take_large();
        }
        if self.input.len() < self.wanted.max(1) {
            return Err(Stop::Wants(self.wanted));
        }
        let input = &self.input[..];
        if input[0] == b'*' && self.array.is_none() {
            let (head, after) = line(input, 1)?;
            match length(head, usize::MAX)? {
                None | Some(0) => {}
                Some(left) => {
                    let values = Vec::with_capacity(left.min(TRUSTED_ELEMENTS));
                    self.array = Some(Array { values, left });
                    self.input.advance(after);
                    self.wanted = 0;
                    return self.next_element();
                }
            }
        } else if input[0] == b'$' {
            let (head, after) = line(input, 1)?;
            if let Some(length) = length(head, LONGEST_STRING)?
                && length > LARGE_STRING
            {
                let mut bytes = Vec::with_capacity((length + 2).min(TRUSTED_BYTES));
                let here = (input.len() - after).min(length + 2);
                bytes.extend_from_slice(&input[after..after + here]);
                self.input.advance(after + here);
                self.large = Some(Large { bytes, length });
                self.wanted = 0;
                return self.next_element();
            }
        }
        let end = end(&self.input, 0, DEEPEST)?;
        let value = build(&self.input[..end], 0)?.0;
        self.input.advance(end);
        Ok(value)
    }

    fn take_large(&mut self) -> Result<Value, Stop> {
        let Some(Large { mut bytes, length }) = self.large.take() else {
            return Err(Stop::Wants(0));
        };
        if !bytes.ends_with(b"\r\n") {
            return Err(Stop::Broken("a string in an answer has no proper end"));
        }
        bytes.truncate(length);
        Ok(Value::BulkString(bytes))
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
fn build(frames: &[u8], at: usize) -> Result<(Value, usize), Stop> {
    let (head, after) = line(frames, at + 1)?;
    match frames[at] {
        b'$' => Ok(match length(head, LONGEST_STRING)? {
            None => (Value::Nil, after),
            Some(length) => {
                let end = after + length;
                (Value::BulkString(frames[after..end].to_vec()), end + 2)
            }
        }),
        b'+' if head == b"OK" => Ok((Value::Okay, after)),
        b':' => match integer(head) {
            Some(number) => Ok((Value::Int(number), after)),
            None => Err(Stop::Broken("an integer in an answer is none")),
        },
        b'_' => Ok((Value::Nil, after)),
        b'*' => {
            let Some(count) = length(head, usize::MAX)? else { return Ok((Value::Nil, after)) };
            let mut values = Vec::with_capacity(count.min(TRUSTED_ELEMENTS));
            let mut at = after;
            for _ in 0..count {
                let (value, next) = build(frames, at)?;
                values.push(value);
                at = next;
            }
            Ok((Value::Array(values), at))
        }
        _ => {
            let end = end(frames, at, DEEPEST)?;
            let value = redis::parse_redis_value(&frames[at..end])
                .map_err(|_| Stop::Broken("an answer cannot be parsed"))?;
            Ok((value, end))
        }
    }
}

#[cfg(test)]
#[path = "decoder_tests.rs"]
mod tests;
