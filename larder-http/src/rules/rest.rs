//! The rest of a representation that is known in part (RFC 9110, sections 13.1.5, 14.4 and 15.3.7).

use std::ops::Range;

use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{CONTENT_RANGE, IF_RANGE, RANGE},
    response::Parts,
};

use super::{response::declared_length, validators};

/// What is missing of which representation.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// At least one byte.
    pub(crate) missing: Range<u64>,
    /// How long the whole is.
    pub(crate) total: u64,
    /// Its strong validator.
    pub(crate) tag: HeaderValue,
}

/// Makes a request one for what is missing: for these bytes if it is still the same representation, and in
/// full if it is another.
pub(crate) fn ask(request: &mut HeaderMap, wanted: &Wanted) {
    validators::without(request);
    let Range { start, end } = wanted.missing;
    let range = format!("bytes={start}-{}", end - 1);
    request.insert(RANGE, range.try_into().expect("printable ASCII makes a header"));
    request.insert(IF_RANGE, wanted.tag.clone());
}

/// How many bytes of the answer come before those that are missing. `None`: it is another representation,
/// or another part. Weakly equal is not the same to the byte (section 8.8.3.2).
pub(crate) fn begins_at(answer: &Parts, wanted: &Wanted) -> Option<u64> {
    if validators::strong_tag(&answer.headers) != Some(&wanted.tag) {
        return None;
    }
    let Wanted { missing, total, .. } = wanted;
    match answer.status {
        StatusCode::PARTIAL_CONTENT => {
            let told = content_range(&answer.headers)?;
            (told == (missing.clone(), *total)).then_some(0)
        }
        // An origin need not do ranges.
        StatusCode::OK => {
            let length = declared_length(&answer.headers).ok()?;
            length.is_none_or(|length| length == *total).then_some(missing.start)
        }
        _ => None,
    }
}

/// Which bytes an answer has, of how many.
fn content_range(answer: &HeaderMap) -> Option<(Range<u64>, u64)> {
    let mut lines = answer.get_all(CONTENT_RANGE).iter();
    let (line, None) = (lines.next()?, lines.next()) else { return None };
    let (unit, rest) = line.to_str().ok()?.trim().split_once(' ')?;
    let (range, total) = rest.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let number = |text: &str| {
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse::<u64>().ok()).flatten()
    };
    let range = number(first)?..number(last)?.checked_add(1)?;
    (unit.eq_ignore_ascii_case("bytes") && !range.is_empty()).then_some((range, number(total)?))
}

#[cfg(test)]
mod tests {
    use http::Response;

    use super::*;
    use crate::rules::headers;

    fn wanted() -> Wanted {
        Wanted { missing: 4..10, total: 20, tag: HeaderValue::from_static("\"a\"") }
    }

    #[test]
    fn it_is_asked_for_and_nothing_else() {
        let mut request =
            headers(&[("range", "bytes=0-1"), ("if-none-match", "\"b\""), ("x", "1")]);
        ask(&mut request, &wanted());
        let asked = [("range", "bytes=4-9"), ("if-range", "\"a\""), ("x", "1")];
        assert_eq!(request, headers(&asked));
    }

    #[test]
    fn only_the_same_part_of_the_same_representation_will_do() {
        let (range, tag) = (("content-range", "bytes 4-9/20"), ("etag", "\"a\""));
        for (status, lines, begins) in [
            (206, &[range, tag][..], Some(0)),
            (206, &[("content-range", "Bytes 4-9/20"), tag], Some(0)),
            (206, &[range], None),
            (206, &[range, ("etag", "\"b\"")], None),
            (206, &[range, ("etag", "W/\"a\"")], None),
            (206, &[tag], None),
            (206, &[range, range, tag], None),
            (206, &[("content-range", "bytes 4-9/*"), tag], None),
            (206, &[("content-range", "bytes 4-9/21"), tag], None),
            (206, &[("content-range", "bytes 4-8/20"), tag], None),
            (206, &[("content-range", "bytes 3-9/20"), tag], None),
            (206, &[("content-range", "bytes +4-9/20"), tag], None),
            (206, &[("content-range", "bytes 4-18446744073709551615/20"), tag], None),
            (206, &[("content-range", "rows 4-9/20"), tag], None),
            (200, &[tag], Some(4)),
            (200, &[tag, ("content-length", "20")], Some(4)),
            (200, &[tag, ("content-length", "21")], None),
            (200, &[("etag", "\"b\"")], None),
            (200, &[], None),
            (416, &[tag], None),
            (500, &[tag], None),
        ] {
            let (mut parts, ()) = Response::new(()).into_parts();
            parts.status = StatusCode::from_u16(status).unwrap();
            parts.headers = headers(lines);
            assert_eq!(begins_at(&parts, &wanted()), begins, "{status} {lines:?}");
        }
    }
}
