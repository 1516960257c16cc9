//! Ranges of bytes, as HTTP writes them.

use std::{ops::Range, str::FromStr};

/// `0-99` (both ends included), `100-` (from there on) or `-100` (the last 100 bytes).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ByteRange {
    /// From the first to the last, or to the end.
    From(u64, Option<u64>),
    /// So many bytes at the end.
    Last(u64),
}

impl ByteRange {
    /// The bytes that are meant of a body of this length. `None`: the body has none of them.
    pub(crate) fn of(self, total: u64) -> Option<Range<u64>> {
        let range = match self {
            Self::From(first, None) => first..total,
            Self::From(first, Some(last)) => first..total.min(last.saturating_add(1)),
            Self::Last(length) => total.saturating_sub(length)..total,
        };
        (range.start < range.end).then_some(range)
    }
}

impl FromStr for ByteRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (first, last) = text
            .split_once('-')
            .ok_or("it has no `-`; write it like 0-99, 100- or -100 (the last 100)")?;
        match (number(first)?, number(last)?) {
            (None, None) => Err("it has no number; write it like 0-99, 100- or -100".into()),
            (None, Some(length)) => Ok(Self::Last(length)),
            (Some(first), Some(last)) if last < first => {
                Err(format!("it ends at {last}, before it begins at {first}"))
            }
            (Some(first), last) => Ok(Self::From(first, last)),
        }
    }
}

fn number(text: &str) -> Result<Option<u64>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    // `parse` alone takes `+5`.
    match text.parse() {
        Ok(number) if text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Some(number)),
        _ => Err(format!("`{text}` is no position; write it like 0-99, 100- or -100")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, total: u64) -> Option<Range<u64>> {
        text.parse::<ByteRange>().unwrap().of(total)
    }

    #[test]
    fn both_ends_are_included_as_in_http() {
        assert_eq!(of("0-99", 1000), Some(0..100));
        assert_eq!(of("0-0", 1000), Some(0..1));
        assert_eq!(of("990-2000", 1000), Some(990..1000));
        assert_eq!(of("990-", 1000), Some(990..1000));
        assert_eq!(of("-10", 1000), Some(990..1000));
        assert_eq!(of("-2000", 1000), Some(0..1000));
        assert_eq!(of("0-18446744073709551615", 1000), Some(0..1000));
    }

    #[test]
    fn what_the_body_does_not_have_is_no_range() {
        for (text, total) in [("1000-", 1000), ("1000-1001", 1000), ("0-", 0), ("-5", 0), ("-0", 9)]
        {
            assert_eq!(of(text, total), None, "{text} of {total}");
        }
    }

    #[test]
    fn a_mistake_is_named() {
        for (text, part) in [
            ("", "no `-`"),
            ("5", "no `-`"),
            ("-", "no number"),
            ("9-3", "ends at 3, before it begins at 9"),
            ("a-3", "`a` is no position"),
            ("0-+5", "`+5` is no position"),
            ("1-2-3", "`2-3` is no position"),
            ("0-18446744073709551616", "is no position"),
        ] {
            let mistake = text.parse::<ByteRange>().unwrap_err();
            assert!(mistake.contains(part), "{text:?}: {mistake}");
        }
    }
}
