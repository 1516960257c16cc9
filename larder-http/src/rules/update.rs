//! What an answer without a body changes in a stored response (RFC 9111, section 3.2), and what of a
//! stored one goes into an answer without a body.

use http::{
    HeaderMap, HeaderName,
    header::{
        CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
        LAST_MODIFIED, SET_COOKIE, TRAILER,
    },
};

use super::hop_by_hop;

/// What describes the bytes that are stored, and stays with them: who reads them by other fields than they
/// came with reads them wrong.
static OF_THE_BODY: [HeaderName; 6] = [
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    CONTENT_RANGE,
    TRAILER,
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("content-md5"),
];

/// Takes the fields of a 304, or of an answer to HEAD, into those of a stored response: each field that
/// it names replaces all lines of the old one.
pub(crate) fn merge(stored: &mut HeaderMap, answer: &HeaderMap, keeps_cookies: bool) {
    let fresh = hop_by_hop::stored(answer);
    let changes =
        |name: &&HeaderName| !OF_THE_BODY.contains(name) && (keeps_cookies || **name != SET_COOKIE);
    for name in fresh.keys().filter(changes) {
        stored.remove(name);
    }
    for (name, value) in fresh.iter().filter(|(name, _)| changes(name)) {
        stored.append(name, value.clone());
    }
}

/// The fields of a 304 that is made from a stored response: all but those that describe a body
/// (RFC 9110, section 15.4.5).
pub(crate) fn not_modified(stored: &mut HeaderMap) {
    let has_tag = stored.contains_key(ETAG);
    for name in
        [CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, TRAILER]
    {
        stored.remove(name);
    }
    if has_tag {
        stored.remove(LAST_MODIFIED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::headers;

    #[test]
    fn fields_are_replaced_whole_and_those_of_the_body_stay() {
        let mut stored = headers(&[
            ("x-a", "1"),
            ("x-a", "2"),
            ("x-kept", "1"),
            ("content-type", "text/csv"),
            ("content-encoding", "gzip"),
        ]);
        let answer = headers(&[
            ("x-a", "3"),
            ("x-new", "4"),
            ("x-new", "5"),
            ("content-encoding", "br"),
            ("content-md5", "x"),
            ("content-length", "0"),
            ("content-range", "bytes 0-1/2"),
            ("connection", "x-hop"),
            ("x-hop", "1"),
            ("set-cookie", "id=1"),
        ]);
        merge(&mut stored, &answer, false);
        let expected = headers(&[
            ("x-kept", "1"),
            ("content-type", "text/csv"),
            ("content-encoding", "gzip"),
            ("x-a", "3"),
            ("x-new", "4"),
            ("x-new", "5"),
        ]);
        assert_eq!(stored, expected);
        merge(&mut stored, &answer, true);
        assert!(stored.contains_key(SET_COOKIE));
    }

    #[test]
    fn a_304_describes_no_body() {
        let mut stored = headers(&[
            ("etag", "\"a\""),
            ("last-modified", "x"),
            ("content-type", "text/csv"),
            ("content-location", "/a"),
            ("access-control-allow-origin", "*"),
        ]);
        not_modified(&mut stored);
        let names: Vec<_> = stored.keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["etag", "content-location", "access-control-allow-origin"]);
    }
}
