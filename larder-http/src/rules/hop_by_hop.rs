//! Headers that belong to one connection and are never stored (RFC 9110, section 7.6.1).

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{
        CONNECTION, CONTENT_LENGTH, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, SET_COOKIE, TE,
        TRANSFER_ENCODING, UPGRADE,
    },
};

static CONNECTION_BOUND: [HeaderName; 9] = [
    CONNECTION,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("proxy-authentication-info"),
];

/// The headers of a response that are stored, in their order.
///
/// `Content-Length` is not among them: it is made anew from the length that was recorded. `Trailer` is,
/// since it tells the next server which trailers it may send.
pub(crate) fn stored(headers: &HeaderMap) -> HeaderMap {
    without(headers, |name| name == CONTENT_LENGTH)
}

/// The trailers of a response that are stored: those that may stand in a trailer, and set no cookie.
pub(crate) fn stored_trailers(trailers: &HeaderMap) -> HeaderMap {
    without(trailers, |name| name == CONTENT_LENGTH || name == SET_COOKIE)
}

fn without(headers: &HeaderMap, also: impl Fn(&HeaderName) -> bool) -> HeaderMap {
    let nominated = nominated(headers);
    let is_kept = |name: &HeaderName| {
        !CONNECTION_BOUND.contains(name)
            && !nominated.iter().any(|other| name.as_str().as_bytes().eq_ignore_ascii_case(other))
            && !also(name)
    };
    let kept = headers.iter().filter(|(name, _)| is_kept(name));
    let mut stored = HeaderMap::with_capacity(headers.len());
    for (name, value) in kept {
        stored.append(name, HeaderValue::clone(value));
    }
    stored
}

/// What `Connection` declares to belong to this connection.
fn nominated(headers: &HeaderMap) -> Vec<&[u8]> {
    let lines = headers.get_all(CONNECTION).iter();
    lines.flat_map(|line| line.as_bytes().split(|&b| b == b',').map(<[u8]>::trim_ascii)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_the_connection_is_left_out_and_the_rest_keeps_its_order() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Hop"),
            ("connection", " x-other "),
            ("x-hop", "1"),
            ("x-other", "1"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("content-length", "5"),
            ("link", "<b>"),
            ("trailer", "x-sum"),
            ("link", "<a>"),
        ] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let stored = stored(&headers);
        let names: Vec<_> = stored.iter().map(|(n, v)| (n.as_str(), v.to_str().unwrap())).collect();
        assert_eq!(names, [("link", "<b>"), ("link", "<a>"), ("trailer", "x-sum")]);
    }

    #[test]
    fn a_trailer_sets_no_cookie() {
        let trailers = [(SET_COOKIE, "id=1"), (HeaderName::from_static("x-sum"), "9")];
        let trailers = trailers.map(|(name, value)| (name, HeaderValue::from_static(value)));
        assert_eq!(stored_trailers(&trailers.into_iter().collect()).len(), 1);
    }
}
