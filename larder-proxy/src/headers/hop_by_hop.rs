//! Headers of one connection, which go no further (RFC 9110, section 7.6.1).

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{
        CONNECTION, CONTENT_LENGTH, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE,
        TRANSFER_ENCODING, UPGRADE,
    },
};

static ALWAYS: [HeaderName; 8] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Takes away what belongs to the connection, and what `Connection` says belongs to it.
///
/// Not `Content-Length` and `Host`, whoever nominates them: without these a message has another end, or
/// another meaning. `Trailer` stays too, since it is about the message.
pub(crate) fn remove(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let nominated: Vec<HeaderName> = options(headers)
            .filter_map(|name| HeaderName::from_bytes(name).ok())
            .filter(|name| name != CONTENT_LENGTH && name != HOST)
            .collect();
        for name in nominated {
            headers.remove(name);
        }
    }
    for name in &ALWAYS {
        headers.remove(name);
    }
}

/// Whether `Connection` names this option.
pub(crate) fn nominates(headers: &HeaderMap, option: &str) -> bool {
    options(headers).any(|name| name.eq_ignore_ascii_case(option.as_bytes()))
}

/// Whether trailers are taken (RFC 9110, section 10.1.4).
pub(crate) fn takes_trailers(headers: &HeaderMap) -> bool {
    let mut codings = members(headers, &TE);
    // A weight after the name makes it no other name.
    codings.any(|coding| {
        let name = coding.split(|&b| b == b';').next().unwrap_or_default();
        name.trim_ascii().eq_ignore_ascii_case(b"trailers")
    })
}

/// Says to the next server that trailers are taken.
pub(crate) fn take_trailers(headers: &mut HeaderMap) {
    headers.insert(TE, HeaderValue::from_static("trailers"));
    headers.append(CONNECTION, HeaderValue::from_static("te"));
}

fn options(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    members(headers, &CONNECTION)
}

/// The members of a list, whatever lines it stands on.
fn members<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
    let lines = headers.get_all(name).into_iter();
    lines.flat_map(|line| line.as_bytes().split(|&b| b == b',').map(<[u8]>::trim_ascii))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let lines = lines
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        lines.collect()
    }

    #[test]
    fn what_belongs_to_the_connection_goes() {
        let mut headers = headers(&[
            ("connection", "close, X-Hop ,content-length,host"),
            ("keep-alive", "timeout=5"),
            ("x-hop", "1"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("proxy-authorization", "Basic x"),
            ("te", "gzip"),
            ("trailer", "x-sum"),
            ("content-length", "5"),
            ("host", "h"),
            ("x-kept", "1"),
        ]);
        remove(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["content-length", "host", "trailer", "x-kept"]);
    }

    #[test]
    fn trailers_are_taken_by_those_who_say_so() {
        for (value, taken) in
            [("trailers", true), ("gzip, Trailers;q=0.5", true), ("gzip", false), ("", false)]
        {
            assert_eq!(takes_trailers(&headers(&[("te", value)])), taken, "{value}");
        }
        assert!(nominates(&headers(&[("connection", "keep-alive, Upgrade")]), "upgrade"));
        assert!(!nominates(&headers(&[("connection", "upgraded")]), "upgrade"));
    }
}
