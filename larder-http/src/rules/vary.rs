//! `Vary`: which request headers a response depends on, and when two requests agree in them (RFC 9111,
//! section 4.1; RFC 9110, section 12.5.5).

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{ACCEPT_CHARSET, ACCEPT_ENCODING, ACCEPT_LANGUAGE, VARY},
};

/// A response that names more of them is not stored.
const MOST_NAMES: usize = 16;

/// The headers that a response depends on, each once, in order. `None`: `*`, what is no header name, or
/// too many: it fits no other request.
pub(crate) fn names(headers: &HeaderMap) -> Option<Vec<HeaderName>> {
    let lines = headers.get_all(VARY).iter();
    let parts = lines.flat_map(|line| line.as_bytes().split(|&b| b == b','));
    let mut names = Vec::new();
    for part in parts.map(<[u8]>::trim_ascii).filter(|part| !part.is_empty()) {
        let name = HeaderName::from_bytes(part).ok()?;
        // A legal header name, but not what it means here.
        if name == "*" {
            return None;
        }
        names.push(name);
    }
    names.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
    names.dedup();
    (names.len() <= MOST_NAMES).then_some(names)
}

/// The value of a request header in a form in which two requests that mean the same are equal: lines
/// joined, no space around commas. `None`: it is absent, which is not the same as empty.
///
/// Names of encodings, languages and character sets have no case. Encodings stand in no order.
pub(crate) fn normal(headers: &HeaderMap, name: &HeaderName) -> Option<Vec<u8>> {
    let mut lines = headers.get_all(name).iter().peekable();
    lines.peek()?;
    let mut members: Vec<_> = lines.flat_map(members).collect();
    if [ACCEPT_ENCODING, ACCEPT_LANGUAGE, ACCEPT_CHARSET].contains(name) {
        for member in &mut members {
            member.make_ascii_lowercase();
            member.retain(|byte| !byte.is_ascii_whitespace());
        }
    }
    if *name == ACCEPT_ENCODING {
        members.sort_unstable();
    }
    Some(members.join(&b","[..]))
}

/// The members of a list. A comma in quotes separates nothing.
fn members(line: &HeaderValue) -> Vec<Vec<u8>> {
    let (mut members, mut member) = (Vec::new(), Vec::new());
    let (mut quoted, mut escaped) = (false, false);
    for &byte in line.as_bytes() {
        match byte {
            b',' if !quoted => members.push(std::mem::take(&mut member)),
            _ => member.push(byte),
        }
        quoted ^= byte == b'"' && !escaped;
        escaped = quoted && byte == b'\\' && !escaped;
    }
    members.push(member);
    members.iter().map(|member| member.trim_ascii().to_vec()).filter(|m| !m.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use http::header::ACCEPT;

    use super::*;

    fn headers(name: &HeaderName, lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        headers
    }

    #[test]
    fn every_name_on_every_line_counts_once() {
        for (lines, expected) in [
            (&[][..], Some(&[][..])),
            (&["Accept"], Some(&["accept"])),
            (&["x-b, ,X-A", "x-B"], Some(&["x-a", "x-b"])),
            (&["*"], None),
            (&["accept, *"], None),
            (&["accept", "*"], None),
            (&["accept;q=1"], None),
            (&["\u{e9}"], None),
        ] {
            let names = names(&headers(&VARY, lines));
            let names = names.as_ref().map(|names| names.iter().map(HeaderName::as_str));
            assert_eq!(names.map(Iterator::collect::<Vec<_>>), expected.map(<[_]>::to_vec));
        }
        let many = (0..=MOST_NAMES).map(|n| format!("x-{n:02}")).collect::<Vec<_>>().join(",");
        assert_eq!(names(&headers(&VARY, &[&many])), None);
    }

    #[test]
    fn what_means_the_same_is_equal_and_nothing_else() {
        let normal = |name: &HeaderName, lines: &[&str]| super::normal(&headers(name, lines), name);
        for (name, one, other, same) in [
            (&ACCEPT, &["a, b"][..], &["a,b"][..], true),
            (&ACCEPT, &["a", " b"], &["a ,b"], true),
            (&ACCEPT, &["a, b"], &["b, a"], false),
            (&ACCEPT, &["A"], &["a"], false),
            (&ACCEPT, &["\"a , b\""], &["\"a,b\""], false),
            (&ACCEPT, &["\"a\\\" , b\""], &["\"a\\\",b\""], false),
            (&ACCEPT, &[""], &[], false),
            (&ACCEPT_ENCODING, &["gzip;q=1, BR"], &["br, gzip; q=1"], true),
            (&ACCEPT_LANGUAGE, &["EN, de"], &["en,de"], true),
            (&ACCEPT_LANGUAGE, &["de, en"], &["en, de"], false),
        ] {
            assert_eq!(normal(name, one) == normal(name, other), same, "{one:?} {other:?}");
        }
    }
}
