//! May this request be answered from the store, and may its answer be recorded?

use http::{
    HeaderMap, Method,
    header::{
        AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, IF_MATCH, IF_MODIFIED_SINCE,
        IF_NONE_MATCH, IF_UNMODIFIED_SINCE, RANGE, TRANSFER_ENCODING, UPGRADE,
    },
    request::Parts,
};

use super::{cache_control::CacheControl, reuse::Wants};
use crate::Preset;

/// What of an admitted request decides about its answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Answered from a stored GET, never the reason to store one.
    pub(crate) head: bool,
    /// It carries a cookie: shared only where the response says so.
    pub(crate) cookie: bool,
    /// It carries credentials: the same.
    pub(crate) authorized: bool,
    /// It asks for a part, or about a copy that the client has: the origin's answer to that is for nobody
    /// else, unless it is a whole one.
    pub(crate) particular: bool,
    pub(crate) wants: Wants,
}

impl Asked {
    /// Whether others may wait for the answer to this request. HEAD fills nothing, and whether an answer
    /// to a cookie is for others is known only when it is there.
    pub(crate) const fn may_claim(self) -> bool {
        self.may_fill() && !self.cookie && !self.authorized && !self.particular
    }

    /// Whether the answer may be recorded, once it is there.
    pub(crate) const fn may_fill(self) -> bool {
        !self.head && !self.wants.only_if_cached
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
    /// It forbids to store the answer, or nobody knows what it means.
    CacheControl,
    /// It is to be carried out only on a certain version, which is the origin's to judge (RFC 9110,
    /// sections 13.1.1 and 13.1.4).
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
            Self::Conditional => "conditional",
            Self::Host => "host",
            Self::Misconfigured => "misconfigured",
        }
    }
}

/// They change what the handler believes it was asked.
const OVERRIDES: [&str; 3] = ["x-http-method-override", "x-http-method", "x-method-override"];

/// Judges a request. `has_body`: what the body says of itself, since over HTTP/2 no header need say it.
pub(crate) fn admit(request: &Parts, has_body: bool, preset: Preset) -> Result<Asked, Bypass> {
    let headers = &request.headers;
    let is_safe = preset == Preset::Safe;
    let head = request.method == Method::HEAD;
    if !head && request.method != Method::GET {
        return Err(Bypass::Method);
    }
    let authorized = headers.contains_key(AUTHORIZATION);
    if authorized && is_safe {
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
    if headers.contains_key(IF_MATCH) || headers.contains_key(IF_UNMODIFIED_SINCE) {
        return Err(Bypass::Conditional);
    }
    let control = CacheControl::of(headers);
    // RFC 9111, section 5.2.1.5: neither the request nor its answer is stored.
    if control.no_store || control.malformed && is_safe {
        return Err(Bypass::CacheControl);
    }
    let particular = [RANGE, IF_NONE_MATCH, IF_MODIFIED_SINCE];
    Ok(Asked {
        head,
        authorized,
        cookie: headers.contains_key(COOKIE),
        particular: particular.iter().any(|name| headers.contains_key(name)),
        wants: Wants::of(headers, &control),
    })
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

    fn judge_by(preset: Preset, method: &str, headers: &[(&str, &str)]) -> Result<Asked, Bypass> {
        let request =
            headers.iter().fold(Request::builder().method(method), |request, (name, value)| {
                request.header(*name, *value)
            });
        admit(&request.body(()).unwrap().into_parts().0, false, preset)
    }

    fn judge(method: &str, headers: &[(&str, &str)]) -> Result<Asked, Bypass> {
        judge_by(Preset::Safe, method, headers)
    }

    #[test]
    fn a_plain_get_or_head_is_admitted() {
        let plain = [
            ("accept", "*/*"),
            ("content-length", "0"),
            ("connection", "keep-alive"),
            ("cache-control", "no-transform"),
        ];
        let asked = judge("GET", &plain).unwrap();
        assert_eq!(asked, Asked::default());
        assert!(asked.may_claim());
        let asked = judge("HEAD", &[("cookie", "a=b")]).unwrap();
        assert_eq!(asked, Asked { head: true, cookie: true, ..Asked::default() });
        assert!(!asked.may_fill());
    }

    #[test]
    fn nobody_waits_for_an_answer_that_may_be_for_one_alone() {
        for header in [
            ("cookie", "a=b"),
            ("range", "bytes=0-1"),
            ("if-none-match", "*"),
            ("if-modified-since", "x"),
        ] {
            let asked = judge("GET", &[header]).unwrap();
            assert!(!asked.may_claim() && asked.may_fill(), "{header:?}");
        }
        let asked = judge_by(Preset::Rfc9111, "GET", &[("authorization", "a")]).unwrap();
        assert!(asked.authorized && !asked.may_claim());
        let asked = judge("GET", &[("cache-control", "only-if-cached")]).unwrap();
        assert!(!asked.may_claim() && !asked.may_fill());
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
            ("GET", ("if-match", "*"), Bypass::Conditional),
            ("GET", ("if-unmodified-since", "x"), Bypass::Conditional),
            ("GET", ("cache-control", "No-Store"), Bypass::CacheControl),
            ("GET", ("cache-control", "max-age=0; x"), Bypass::CacheControl),
        ] {
            assert_eq!(judge(method, &[header]), Err(reason), "{method} {header:?}");
        }
        let with_body = admit(&Request::new(()).into_parts().0, true, Preset::Rfc9111);
        assert_eq!(with_body, Err(Bypass::Body));
    }
}
