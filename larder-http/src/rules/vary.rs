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
/// Names of encodings, languages and character sets have no case, and a weight is a number: `gzip;q=1.0` is
/// `gzip` (RFC 9110, section 12.4.2). Encodings stand in no order; of languages the order may count
/// (section 12.5.4).
pub(crate) fn normal(headers: &HeaderMap, name: &HeaderName) -> Option<Vec<u8>> {
    let mut lines = headers.get_all(name).iter().map(HeaderValue::as_bytes).peekable();
    lines.peek()?;
    let value = lines.collect::<Vec<_>>().join(&b", "[..]);
    // Where a quote is never closed, nobody knows what is a member.
    let Some(mut members) = members(&value) else { return Some(value) };
    if [ACCEPT_ENCODING, ACCEPT_LANGUAGE, ACCEPT_CHARSET].contains(name) {
        members.iter_mut().filter(|member| !member.contains(&b'"')).for_each(fold);
    }
    if *name == ACCEPT_ENCODING {
        members.sort_unstable();
    }
    Some(members.join(&b","[..]))
}

/// The members of a list. A comma in quotes separates nothing. `None`: a quote is not closed.
fn members(value: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (mut members, mut member) = (Vec::new(), Vec::new());
    let (mut quoted, mut escaped) = (false, false);
    for &byte in value {
        match byte {
            b',' if !quoted => members.push(std::mem::take(&mut member)),
            _ => member.push(byte),
        }
        quoted ^= byte == b'"' && !escaped;
        escaped = quoted && byte == b'\\' && !escaped;
    }
    members.push(member);
    let members = members.iter().map(|member| member.trim_ascii().to_vec());
    (!quoted).then(|| members.filter(|member| !member.is_empty()).collect())
}

/// A name without its case, and its weight as short as can be.
fn fold(member: &mut Vec<u8>) {
    member.make_ascii_lowercase();
    member.retain(|byte| !byte.is_ascii_whitespace());
    let Some(at) = member.iter().position(|&byte| byte == b';') else { return };
    let Some(weight) = member[at..].strip_prefix(b";q=") else { return };
    let Some((whole @ (b'0' | b'1'), rest)) = weight.split_first() else { return };
    let Some(part) = rest.strip_prefix(b".").or(rest.is_empty().then_some(rest)) else { return };
    let zeros = part.iter().rev().take_while(|&&byte| byte == b'0').count();
    let part = &part[..part.len() - zeros];
    if !part.iter().all(u8::is_ascii_digit) || *whole == b'1' && !part.is_empty() {
        return;
    }
    let point: &[u8] = if part.is_empty() { b"" } else { b"." };
    let weight = if *whole == b'1' { Vec::new() } else { [b";q=0", point, part].concat() };
    member.truncate(at);
    member.extend(weight);
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
            (&ACCEPT, &["\"a", "b\""], &["\"a, b\""], true),
            (&ACCEPT, &["\"a, b"], &["\"a,b"], false),
            (&ACCEPT, &["a;q=1"], &["a"], false),
            (&ACCEPT_ENCODING, &["gzip;q=1, BR"], &["br, gzip; q=1"], true),
            (&ACCEPT_ENCODING, &["gzip;q=1.000, br;Q=0.500"], &["br;q=0.5, gzip"], true),
            (&ACCEPT_ENCODING, &["gzip;q=0.0"], &["gzip;q=0"], true),
            (&ACCEPT_ENCODING, &["gzip;q=0"], &["gzip"], false),
            (&ACCEPT_ENCODING, &["gzip;q=0.05"], &["gzip;q=0.5"], false),
            (&ACCEPT_ENCODING, &["gzip;q=1.1"], &["gzip"], false),
            (&ACCEPT_ENCODING, &["gzip;q=1;q=1"], &["gzip"], false),
            (&ACCEPT_ENCODING, &["gzip;q=10"], &["gzip"], false),
            // A quote that is never closed: the one has a member more.
            (&ACCEPT_ENCODING, &["br, \"gzip"], &["\"gzip, br"], false),
            (&ACCEPT_ENCODING, &["\"\\ \", a"], &["\"\\\", a"], false),
            (&ACCEPT_LANGUAGE, &["EN, de"], &["en,de"], true),
            (&ACCEPT_LANGUAGE, &["de, en"], &["en, de"], false),
        ] {
            assert_eq!(normal(name, one) == normal(name, other), same, "{one:?} {other:?}");
        }
    }
}
