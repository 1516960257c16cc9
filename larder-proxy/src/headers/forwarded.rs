//! Who asked, under which name and by which scheme: `Forwarded` (RFC 7239) and its older kin.

use std::net::IpAddr;

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::FORWARDED,
    uri::{Authority, Scheme},
};

use larder_http::FORWARDING_HEADERS;

use crate::ForwardedFrom;

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// What some origin may believe of who asked it, and how.
static CLAIMS: [HeaderName; 3] =
    [FOR, HeaderName::from_static("x-real-ip"), HeaderName::from_static("x-original-method")];

/// The same, and of what it was asked for.
fn claims() -> impl Iterator<Item = &'static HeaderName> {
    CLAIMS.iter().chain(&FORWARDING_HEADERS)
}

/// Who asked this proxy, and for what.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) by: IpAddr,
    pub(crate) scheme: Scheme,
    pub(crate) authority: Option<Authority>,
}

/// Takes away what a client says of itself. Before the cache, so that it has no part in the key either.
pub(crate) fn distrust(headers: &mut HeaderMap, from: ForwardedFrom) {
    if from == ForwardedFrom::Client {
        for name in claims() {
            headers.remove(name);
        }
        // To an origin behind CGI or WSGI `X_Forwarded_For` is the same header.
        let disguised = |name: &&HeaderName| {
            let name = name.as_str();
            name.contains('_') && claims().any(|claim| *claim == *name.replace('_', "-"))
        };
        let disguised: Vec<_> = headers.keys().filter(disguised).cloned().collect();
        for name in disguised {
            headers.remove(name);
        }
    }
}

/// Adds what this proxy saw, behind what one in front of it said.
///
/// `X-Forwarded-Host` and `-Proto` are about the first request, so what stands there stays.
pub(crate) fn add(headers: &mut HeaderMap, asked: &Asked) {
    append(headers, FOR, &asked.by.to_string());
    if !headers.contains_key(PROTO) {
        append(headers, PROTO, asked.scheme.as_str());
    }
    if let Some(authority) = asked.authority.as_ref().filter(|_| !headers.contains_key(HOST)) {
        append(headers, HOST, authority.as_str());
    }
    append(headers, FORWARDED, &element(asked));
}

/// `for=192.0.2.1;host="a:80";proto=http`
fn element(asked: &Asked) -> String {
    let mut element = match asked.by {
        IpAddr::V4(by) => format!("for={by}"),
        IpAddr::V6(by) => format!("for=\"[{by}]\""),
    };
    if let Some(authority) = &asked.authority {
        // An authority holds neither quotes nor backslashes.
        element.push_str(&format!(";host=\"{authority}\""));
    }
    element.push_str(&format!(";proto={}", asked.scheme));
    element
}

/// Adds a member to a list on one line, as many readers of these headers expect.
fn append(headers: &mut HeaderMap, name: HeaderName, member: &str) {
    let mut joined = Vec::new();
    for line in headers.get_all(&name) {
        joined.extend_from_slice(line.as_bytes());
        joined.extend_from_slice(b", ");
    }
    joined.extend_from_slice(member.as_bytes());
    if let Ok(value) = HeaderValue::from_bytes(&joined) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(by: &str) -> Asked {
        Asked {
            by: by.parse().unwrap(),
            scheme: Scheme::HTTPS,
            authority: Some(Authority::from_static("shop.example:8443")),
        }
    }

    fn forged() -> HeaderMap {
        let lines = [
            ("x-forwarded-for", "6.6.6.6"),
            ("x-forwarded-for", "7.7.7.7"),
            ("x-forwarded-host", "evil.example"),
            ("forwarded", "for=6.6.6.6"),
            ("x-original-url", "/admin"),
            ("x_forwarded-for", "8.8.8.8"),
            ("x_real_ip", "8.8.8.8"),
            ("accept", "*/*"),
        ];
        lines
            .map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v)))
            .into_iter()
            .collect()
    }

    fn all(headers: &HeaderMap) -> Vec<String> {
        headers.iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap())).collect()
    }

    #[test]
    fn what_a_client_says_is_replaced() {
        let mut headers = forged();
        distrust(&mut headers, ForwardedFrom::Client);
        add(&mut headers, &asked("2001:db8::1"));
        let mut all = all(&headers);
        all.sort();
        assert_eq!(
            all,
            [
                "accept: */*",
                "forwarded: for=\"[2001:db8::1]\";host=\"shop.example:8443\";proto=https",
                "x-forwarded-for: 2001:db8::1",
                "x-forwarded-host: shop.example:8443",
                "x-forwarded-proto: https",
            ]
        );
    }

    #[test]
    fn behind_what_a_proxy_says_it_is_added() {
        let mut headers = forged();
        distrust(&mut headers, ForwardedFrom::Proxy);
        add(&mut headers, &asked("192.0.2.1"));
        let all = all(&headers);
        for line in [
            "x-forwarded-for: 6.6.6.6, 7.7.7.7, 192.0.2.1",
            "x-forwarded-host: evil.example",
            "x-forwarded-proto: https",
            "forwarded: for=6.6.6.6, for=192.0.2.1;host=\"shop.example:8443\";proto=https",
        ] {
            assert!(all.iter().any(|found| found == line), "{line} in {all:?}");
        }
    }
}
