//! The report that the origin streams, the same bytes each time, so that every answer can be checked.

use std::fmt::Write as _;

use bytes::{Bytes, BytesMut};

/// In how many pieces a report is streamed.
pub(crate) const PIECES: usize = 32;
/// How many lines a piece has.
const LINES: usize = 400;

/// What a client can ask for with `Accept`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    Json,
}

impl Format {
    /// What a client that says this accepts is sent.
    pub(crate) fn accepted(accept: Option<&str>) -> Self {
        if accept.is_some_and(|accept| accept.contains("json")) { Self::Json } else { Self::Csv }
    }

    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv",
            Self::Json => "application/json",
        }
    }
}

/// The pieces of a report, as the origin writes them.
pub(crate) fn pieces(name: &str, format: Format) -> impl Iterator<Item = Bytes> {
    let seed = name.bytes().fold(17, |seed: u64, byte| seed.wrapping_mul(31) + u64::from(byte));
    (0..PIECES).map(move |piece| {
        let mut text = String::with_capacity(LINES * 56);
        for line in 0..LINES {
            let id = piece * LINES + line;
            let amount = (seed ^ id as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
            let _ = match format {
                Format::Csv => writeln!(text, "{id},2025-{:02},EUR,{amount}", id % 12 + 1),
                Format::Json => {
                    writeln!(text, r#"{{"id":{id},"month":{},"amount":{amount}}}"#, id % 12 + 1)
                }
            };
        }
        text.into()
    })
}

/// The whole report.
pub(crate) fn whole(name: &str, format: Format) -> Bytes {
    let mut whole = BytesMut::new();
    for piece in pieces(name, format) {
        whole.extend_from_slice(&piece);
    }
    whole.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_differ_by_name_and_format_and_are_the_same_each_time() {
        assert_eq!(whole("a", Format::Csv), whole("a", Format::Csv));
        assert_ne!(whole("a", Format::Csv), whole("b", Format::Csv));
        assert_ne!(whole("a", Format::Csv), whole("a", Format::Json));
        assert!(whole("a", Format::Csv).len() > 256 << 10);
    }
}
