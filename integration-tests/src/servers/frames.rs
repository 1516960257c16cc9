//! Where one message of the Redis protocol ends and the next begins, in bytes that pass by.

/// Follows one direction of a connection. Keeps the header of one element, never its bytes.
#[derive(Debug, Default)]
pub(super) struct Frames {
    header: Vec<u8>,
    /// Bytes of a value, with its line end, that are still to pass.
    value: usize,
    /// Elements that are still to come, for each list we are inside of.
    open: Vec<usize>,
    pushed: bool,
}

/// The end of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    /// Its offset in the bytes that were given.
    pub(super) at: usize,
    /// Whether the server sent it unasked.
    pub(super) pushed: bool,
}

impl Frames {
    /// The messages that end in these bytes.
    pub(super) fn follow(&mut self, bytes: &[u8]) -> Vec<End> {
        let mut ends = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let ended = if self.value > 0 {
                let step = self.value.min(bytes.len() - at);
                self.value -= step;
                at += step;
                self.value == 0
            } else {
                let byte = bytes[at];
                at += 1;
                self.header.push(byte);
                byte == b'\n' && self.ends_with_header()
            };
            if ended && self.close() {
                ends.push(End { at, pushed: std::mem::take(&mut self.pushed) });
            }
        }
        ends
    }

    /// Whether the element is whole with its header.
    fn ends_with_header(&mut self) -> bool {
        let header = std::mem::take(&mut self.header);
        let text = std::str::from_utf8(&header).unwrap_or_default().trim_end();
        let length = text.get(1..).and_then(|rest| rest.parse().ok()).unwrap_or(0_usize);
        match header[0] {
            b'$' | b'=' | b'!' if text.get(1..2) != Some("-") => self.value = length + 2,
            b'*' | b'~' | b'>' if length > 0 => {
                self.pushed |= header[0] == b'>' && self.open.is_empty();
                self.open.push(length);
            }
            b'%' if length > 0 => self.open.push(2 * length),
            _ => return true,
        }
        false
    }

    /// Counts an element that ended; whether the whole message ended with it.
    fn close(&mut self) -> bool {
        while let Some(left) = self.open.last_mut() {
            *left -= 1;
            if *left > 0 {
                return false;
            }
            self.open.pop();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGES: &[&[u8]] = &[
        b"+OK\r\n",
        b"$5\r\na\r\nbc\r\n",
        b"$-1\r\n",
        b"$0\r\n\r\n",
        b"*0\r\n",
        b"*3\r\n$3\r\nSET\r\n*1\r\n:1\r\n$2\r\n\n\r\r\n",
        b"%1\r\n+a\r\n_\r\n",
        b":12\r\n",
    ];

    #[test]
    fn every_message_ends_where_it_ends_however_it_is_cut() {
        let all = MESSAGES.concat();
        let ends: Vec<_> = MESSAGES
            .iter()
            .scan(0, |at, message| {
                *at += message.len();
                Some(*at)
            })
            .collect();
        for size in 1..=all.len() {
            let mut frames = Frames::default();
            let mut found = Vec::new();
            for (index, piece) in all.chunks(size).enumerate() {
                found.extend(frames.follow(piece).iter().map(|end| index * size + end.at));
            }
            assert_eq!(found, ends, "in pieces of {size}");
        }
    }

    #[test]
    fn what_comes_unasked_is_told_apart() {
        let found = Frames::default().follow(b">2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n+PONG\r\n");
        assert_eq!(found.iter().map(|end| end.pushed).collect::<Vec<_>>(), [true, false]);
    }
}
