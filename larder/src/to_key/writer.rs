use std::fmt::{self, Write as _};

/// Collects the bytes of a key. Short ones, nearly all, take no allocation.
pub struct KeyWriter {
    length: usize,
    short: [u8; Self::SHORT],
    /// Everything, once it does not fit into `short`.
    long: Vec<u8>,
    /// How many tuples are open.
    depth: usize,
}

impl KeyWriter {
    const SHORT: usize = 120;

    pub(crate) const fn new() -> Self {
        Self { length: 0, short: [0; Self::SHORT], long: Vec::new(), depth: 0 }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        if self.long.is_empty() { &self.short[..self.length] } else { &self.long }
    }

    /// A value that is its own text, any bytes.
    pub fn text(&mut self, text: &[u8]) {
        if self.depth > 0 {
            self.escaped(text);
        } else {
            if text.first() == Some(&b'\\') {
                self.push(b"\\");
            }
            self.push(text);
        }
    }

    /// A value that is its own text, as it displays itself.
    pub fn display(&mut self, value: impl fmt::Display) {
        let mut text = String::new();
        // Writing into a string fails only if `Display` itself does; what it wrote by then counts.
        let _ = write!(text, "{value}");
        self.text(text.as_bytes());
    }

    /// The mark of something with structure: `\` and this byte.
    pub(super) fn mark(&mut self, mark: u8) {
        self.push(&[b'\\', mark]);
    }

    pub(super) fn open(&mut self) {
        self.mark(b'(');
        self.depth += 1;
    }

    pub(super) fn separate(&mut self) {
        self.push(b"|");
    }

    pub(super) fn close(&mut self) {
        self.depth -= 1;
        self.mark(b')');
    }

    fn escaped(&mut self, text: &[u8]) {
        let mut rest = text;
        while let Some(place) = rest.iter().position(|byte| matches!(byte, b'\\' | b'|')) {
            self.push(&rest[..place]);
            self.push(&[b'\\', rest[place]]);
            rest = &rest[place + 1..];
        }
        self.push(rest);
    }

    fn push(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        if end <= Self::SHORT {
            self.short[self.length..end].copy_from_slice(bytes);
        } else {
            if self.long.is_empty() {
                self.long.extend_from_slice(&self.short[..self.length]);
            }
            self.long.extend_from_slice(bytes);
        }
        self.length = end;
    }
}

/// The length alone: a key may be somebody's name.
impl fmt::Debug for KeyWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyWriter").field("bytes", &self.length).finish_non_exhaustive()
    }
}
