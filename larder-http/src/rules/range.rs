//! `Range`: which part of a stored body a request is for (RFC 9110, section 14).

use std::ops::Range;

use http::{HeaderMap, header::RANGE};

/// What a request is to be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// All of it: nothing else was asked for, or what we do not do. A range may always be ignored
    /// (RFC 9110, section 14.2).
    All,
    /// These bytes, at least one.
    Bytes(Range<u64>),
    /// It begins behind the end (RFC 9110, section 15.5.17).
    Unsatisfiable,
}

/// Which part of a body of this length a request is for. Of several ranges none is served.
pub(crate) fn of(request: &HeaderMap, length: u64) -> Part {
    let mut lines = request.get_all(RANGE).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return Part::All };
    let asked = line.to_str().ok().and_then(parse);
    match asked {
        None => Part::All,
        Some(Asked::Last(0)) => Part::Unsatisfiable,
        Some(Asked::Last(_)) if length == 0 => Part::Unsatisfiable,
        Some(Asked::Last(count)) => Part::Bytes(length.saturating_sub(count)..length),
        Some(Asked::From(first, _)) if first >= length => Part::Unsatisfiable,
        Some(Asked::From(first, last)) => {
            Part::Bytes(first..last.map_or(length, |last| last.saturating_add(1).min(length)))
        }
    }
}

enum Asked {
    From(u64, Option<u64>),
    Last(u64),
}

fn parse(text: &str) -> Option<Asked> {
    let (unit, set) = text.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = set.trim().split_once('-')?;
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => Some(Asked::From(first, Some(last))),
        (Some(first), None) if last.is_empty() => Some(Asked::From(first, None)),
        (None, Some(count)) if first.is_empty() => Some(Asked::Last(count)),
        _ => None,
    }
}

/// A number too large for us is further than any body reaches.
fn number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn part(value: &str, length: u64) -> Part {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        of(&HeaderMap::from_iter([(RANGE, value)]), length)
    }

    #[test]
    fn what_is_asked_for_is_cut_to_what_there_is() {
        for (value, expected) in [
            ("bytes=0-0", Part::Bytes(0..1)),
            ("bytes=2-5", Part::Bytes(2..6)),
            ("Bytes=2-", Part::Bytes(2..10)),
            ("bytes=9-99999999999999999999999", Part::Bytes(9..10)),
            ("bytes=-3", Part::Bytes(7..10)),
            ("bytes=-30", Part::Bytes(0..10)),
            ("bytes=10-", Part::Unsatisfiable),
            ("bytes=99999999999999999999999-", Part::Unsatisfiable),
            ("bytes=-0", Part::Unsatisfiable),
            ("bytes=5-2", Part::All),
            ("bytes=0-1,3-4", Part::All),
            ("bytes=", Part::All),
            ("bytes=-", Part::All),
            ("bytes=+1-2", Part::All),
            ("rows=0-1", Part::All),
            ("\u{e9}=0-1", Part::All),
        ] {
            assert_eq!(part(value, 10), expected, "{value}");
        }
        assert_eq!(part("bytes=0-", 0), Part::Unsatisfiable);
        assert_eq!(part("bytes=-1", 0), Part::Unsatisfiable);
        assert_eq!(of(&HeaderMap::new(), 10), Part::All);
    }

    proptest::proptest! {
        #[test]
        fn a_part_is_always_a_part(text in "(bytes=)?[0-9,= a-]{0,24}", length in 0..100_u64) {
            if let Part::Bytes(bytes) = part(&text, length) {
                assert!(bytes.start < bytes.end && bytes.end <= length);
            }
        }
    }
}
