//! May this request be answered from the store, and may its answer be recorded?

use http::{
    HeaderMap, HeaderName, Method,
    header::{
        AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, IF_MATCH, IF_MODIFIED_SINCE,
        IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE, TRANSFER_ENCODING, UPGRADE,
    },
    request::Parts,
};

use super::cache_control::CacheControl;

/// What of an admitted request decides about its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Answered from a stored GET, never the reason to store one.
    pub(crate) head: bool,
    /// It carries a cookie: shared only where the response says so.
    pub(crate) cookie: bool,
}

impl Asked {
    /// Whether others may wait for the answer to this request. HEAD fills nothing, and whether an answer
    /// to a cookie is for others is known only when it is there.
    pub(crate) const fn may_claim(self) -> bool {
        !self.head && !self.cookie
    }

    /// Whether the answer may be recorded although nobody could wait for it.
    pub(crate) const fn may_claim_late(self) -> bool {
        !self.head && self.cookie
    }
}

/// Why a request goes straight to the origin, leaving no trace in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bypass {
    /// Neither GET nor HEAD.
    Method,
    /// Its answer may be meant for one user.
    Authorization,
    /// It asks for something else than a response: another protocol, a `100 Continue`.
    Upgrade,
    /// A GET with a body: the body is no part of the key, and may decide the answer.
    Body,
    /// Headers that some frameworks obey instead of the request line.
    Override,
    /// It asks for an answer from the origin, or forbids to store it.
    CacheControl,
    /// It asks for a part.
    Range,
    /// It asks about a copy that the client has.
    Conditional,
    /// No host, several, or two that contradict each other.
    Host,
    /// The layer was given a header name that is none.
    Misconfigured,
}

impl Bypass {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::Authorization => "authorization",
            Self::Upgrade => "upgrade",
            Self::Body => "request-body",
            Self::Override => "override",
            Self::CacheControl => "request-cache-control",
            Self::Range => "range",
            Self::Conditional => "conditional",
            Self::Host => "host",
            Self::Misconfigured => "misconfigured",
        }
    }
}

/// They change what the handler believes it was asked.
const OVERRIDES: [&str; 3] = ["x-http-method-override", "x-http-method", "x-method-override"];

const CONDITIONS: [HeaderName; 5] =
    [IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE, IF_RANGE];

/// Judges a request. `has_body`: what the body says of itself, since over HTTP/2 no header need say it.
pub(crate) fn admit(request: &Parts, has_body: bool) -> Result<Asked, Bypass> {
    let headers = &request.headers;
    let head = request.method == Method::HEAD;
    if !head && request.method != Method::GET {
        return Err(Bypass::Method);
    }
    if headers.contains_key(AUTHORIZATION) {
        return Err(Bypass::Authorization);
    }
    if headers.contains_key(UPGRADE) || headers.contains_key(EXPECT) || names_upgrade(headers) {
        return Err(Bypass::Upgrade);
    }
    if has_body || announces_body(headers) {
        return Err(Bypass::Body);
    }
    if OVERRIDES.iter().any(|name| headers.contains_key(*name)) {
        return Err(Bypass::Override);
    }
    if headers.contains_key(RANGE) {
        return Err(Bypass::Range);
    }
    if CONDITIONS.iter().any(|name| headers.contains_key(name)) {
        return Err(Bypass::Conditional);
    }
    let control = CacheControl::of(headers);
    // Ages are not judged yet: who names one is answered by the origin.
    let wants_fresh = control.no_cache || control.max_age.is_some() || control.min_fresh.is_some();
    if control.no_store || wants_fresh || control.only_if_cached || control.malformed {
        return Err(Bypass::CacheControl);
    }
    Ok(Asked { head, cookie: headers.contains_key(COOKIE) })
}

fn announces_body(headers: &HeaderMap) -> bool {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    headers.contains_key(TRANSFER_ENCODING) || lengths.any(|length| length.as_bytes() != b"0")
}

fn names_upgrade(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(CONNECTION).iter();
    let mut options = lines.flat_map(|line| line.as_bytes().split(|&b| b == b','));
    options.any(|option| option.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn judge(method: &str, headers: &[(&str, &str)]) -> Result<Asked, Bypass> {
        let request =
            headers.iter().fold(Request::builder().method(method), |request, (name, value)| {
                request.header(*name, *value)
            });
        admit(&request.body(()).unwrap().into_parts().0, false)
    }

    #[test]
    fn a_plain_get_or_head_is_admitted() {
        let plain = [
            ("accept", "*/*"),
            ("content-length", "0"),
            ("connection", "keep-alive"),
            ("cache-control", "no-transform"),
        ];
        assert_eq!(judge("GET", &plain), Ok(Asked { head: false, cookie: false }));
        assert_eq!(judge("HEAD", &[("cookie", "a=b")]), Ok(Asked { head: true, cookie: true }));
    }

    #[test]
    fn each_reason_to_stay_out() {
        for (method, header, reason) in [
            ("POST", ("x", "y"), Bypass::Method),
            ("get", ("x", "y"), Bypass::Method),
            ("GET", ("authorization", ""), Bypass::Authorization),
            ("GET", ("upgrade", "websocket"), Bypass::Upgrade),
            ("GET", ("connection", "keep-alive, Upgrade"), Bypass::Upgrade),
            ("GET", ("expect", "100-continue"), Bypass::Upgrade),
            ("GET", ("content-length", "1"), Bypass::Body),
            ("GET", ("content-length", "00"), Bypass::Body),
            ("HEAD", ("transfer-encoding", "chunked"), Bypass::Body),
            ("GET", ("x-http-method-override", "DELETE"), Bypass::Override),
            ("GET", ("range", "bytes=0-1"), Bypass::Range),
            ("GET", ("if-none-match", "*"), Bypass::Conditional),
            ("GET", ("if-range", "\"a\""), Bypass::Conditional),
            ("GET", ("cache-control", "No-Store"), Bypass::CacheControl),
            ("GET", ("cache-control", "no-cache"), Bypass::CacheControl),
            ("GET", ("cache-control", "max-age=0"), Bypass::CacheControl),
            ("GET", ("cache-control", "max-age=0; x"), Bypass::CacheControl),
        ] {
            assert_eq!(judge(method, &[header]), Err(reason), "{method} {header:?}");
        }
        let with_body = admit(&Request::new(()).into_parts().0, true);
        assert_eq!(with_body, Err(Bypass::Body));
    }
}
