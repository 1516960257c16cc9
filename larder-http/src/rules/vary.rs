//! `Vary`: which request headers a response depends on (RFC 9111, section 4.1).

use http::{HeaderMap, HeaderName, header::VARY};

/// Whether a response depends on nothing but what is part of the key already.
///
/// `*`, what is no header name, and any other header mean no.
pub(crate) fn is_within(headers: &HeaderMap, is_keyed: impl Fn(&HeaderName) -> bool) -> bool {
    let lines = headers.get_all(VARY).iter();
    let mut names = lines.flat_map(|line| line.as_bytes().split(|&b| b == b','));
    names.all(|name| {
        let name = name.trim_ascii();
        // `*` is a legal header name, but never one that is keyed.
        name.is_empty()
            || HeaderName::from_bytes(name).is_ok_and(|name| name != "*" && is_keyed(&name))
    })
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header::ACCEPT};

    use super::*;

    #[test]
    fn every_name_on_every_line_must_be_keyed() {
        for (lines, expected) in [
            (&[][..], true),
            (&["Accept"], true),
            (&["accept, ,ACCEPT", "Accept"], true),
            (&["*"], false),
            (&["accept, *"], false),
            (&["accept", "cookie"], false),
            (&["accept;q=1"], false),
            (&["\u{e9}"], false),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(VARY, HeaderValue::from_bytes(line.as_bytes()).unwrap());
            }
            assert_eq!(is_within(&headers, |name| name == ACCEPT), expected, "{lines:?}");
        }
    }
}
