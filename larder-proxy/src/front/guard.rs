//! Requests that are none, or that two servers could read in two ways.
//!
//! hyper refuses most of them before they come here: lengths that contradict each other, a coding that
//! is not chunked at last, names and values with characters that they may not hold. Where a request has
//! a length beside `Transfer-Encoding` hyper drops the length and closes the connection behind it, as
//! RFC 9112, section 6.3, has it.

use http::{
    Method, Request, StatusCode, Version,
    header::{HOST, TRANSFER_ENCODING},
    uri::Authority,
};

/// Why a request goes no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) why: &'static str,
}

impl Refusal {
    pub(crate) const LOOP: Self =
        Self { status: StatusCode::LOOP_DETECTED, why: "this proxy is asked by itself" };

    const fn bad(why: &'static str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, why }
    }
}

/// Whether this is a request that a reverse proxy may pass on.
pub(crate) fn check<B>(request: &Request<B>) -> Result<(), Refusal> {
    if request.method() == Method::CONNECT {
        let status = StatusCode::NOT_IMPLEMENTED;
        return Err(Refusal { status, why: "CONNECT is not for a reverse proxy" });
    }
    // A coding that nobody decodes here would be lost on the way (RFC 9112, section 6.1).
    let mut codings = request.headers().get_all(TRANSFER_ENCODING).iter();
    let is_chunked = |coding: &[u8]| coding.trim_ascii().eq_ignore_ascii_case(b"chunked");
    if codings.next().is_some_and(|coding| !is_chunked(coding.as_bytes()))
        || codings.next().is_some()
    {
        let status = StatusCode::NOT_IMPLEMENTED;
        return Err(Refusal { status, why: "no transfer coding but chunked is taken" });
    }
    let path = request.uri().path();
    let is_all = path == "*" && request.method() == Method::OPTIONS;
    if !path.starts_with('/') && !is_all {
        return Err(Refusal::bad("the path is none"));
    }
    Ok(())
}

/// Who was asked. Two names are one too many, even where the RFC has the one win over the other: servers
/// differ in which one they believe.
pub(crate) fn authority<B>(request: &Request<B>) -> Result<Option<Authority>, Refusal> {
    let mut lines = request.headers().get_all(HOST).iter();
    let line = lines.next();
    if lines.next().is_some() {
        return Err(Refusal::bad("more than one Host"));
    }
    let named = match line {
        Some(line) => Some(parse(line.as_bytes())?),
        None => None,
    };
    let uri = match request.uri().authority() {
        Some(authority) => Some(parse(authority.as_str().as_bytes())?),
        None => None,
    };
    match (uri, named) {
        (Some(uri), Some(named)) if uri != named => {
            Err(Refusal::bad("the address and Host name two servers"))
        }
        (None, None) if request.version() == Version::HTTP_10 => Ok(None),
        (None, None) => Err(Refusal::bad("Host is missing")),
        (Some(one), _) | (None, Some(one)) => Ok(Some(one)),
    }
}

fn parse(text: &[u8]) -> Result<Authority, Refusal> {
    let none = Refusal::bad("Host is no name of a server");
    let authority = Authority::try_from(text).map_err(|_| none)?;
    let name = authority.host();
    // What may stand in a name by RFC 3986, section 3.2.2, of which quotes could end others' quoting.
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~%:[]!$&()*+,;=".contains(&b);
    let is_port = authority
        .as_str()
        .strip_prefix(name)
        .is_some_and(|rest| rest.is_empty() || rest == ":" || authority.port_u16().is_some());
    if name.is_empty() || !name.bytes().all(is_plain) || !is_port {
        return Err(none);
    }
    Ok(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(uri: &str, hosts: &[&str]) -> Result<Option<String>, &'static str> {
        let request =
            hosts.iter().fold(Request::get(uri), |request, host| request.header(HOST, *host));
        let authority = authority(&request.body(()).unwrap());
        authority.map(|one| one.map(|one| one.to_string())).map_err(|refusal| refusal.why)
    }

    #[test]
    fn there_is_one_name() {
        for (uri, hosts, name) in [
            ("/", &["a.example"][..], "a.example"),
            ("/", &["a.example:80"], "a.example:80"),
            ("/", &["[::1]:8080"], "[::1]:8080"),
            ("http://a.example/", &[], "a.example"),
            ("http://a.example/", &["A.example"], "a.example"),
        ] {
            assert_eq!(asked(uri, hosts), Ok(Some(name.to_owned())), "{uri} {hosts:?}");
        }
    }

    #[test]
    fn none_two_and_what_is_none_are_refused() {
        for (uri, hosts) in [
            ("/", &[][..]),
            ("/", &["a", "a"]),
            ("/", &[""]),
            ("/", &["a b"]),
            ("/", &["a/b"]),
            ("/", &["user@a"]),
            ("/", &["a:port"]),
            ("/", &["a:99999"]),
            ("/", &["a\"b"]),
            ("/", &["a, b"]),
            ("http://a/", &["b"]),
            ("http://user@a/", &["a"]),
        ] {
            assert!(asked(uri, hosts).is_err(), "{uri} {hosts:?}: {:?}", asked(uri, hosts));
        }
        let old = Request::get("/").version(Version::HTTP_10).body(()).unwrap();
        assert_eq!(authority(&old), Ok(None));
    }

    #[test]
    fn what_is_not_for_a_reverse_proxy_is_refused() {
        let status = |request: http::request::Builder| {
            check(&request.body(()).unwrap()).map_err(|refusal| refusal.status.as_u16())
        };
        assert_eq!(status(Request::connect("a:443")), Err(501));
        assert_eq!(
            status(Request::post("/").header("transfer-encoding", "gzip, chunked")),
            Err(501)
        );
        assert_eq!(status(Request::post("/").header("transfer-encoding", "Chunked")), Ok(()));
        assert_eq!(status(Request::get("*")), Err(400));
        assert_eq!(status(Request::options("*")), Ok(()));
        assert_eq!(status(Request::builder().method("FROB").uri("/")), Ok(()));
    }
}
