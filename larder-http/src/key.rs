//! The key of a response: what it is allowed to depend on, written so that two requests never share
//! one by accident.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, Uri,
    header::{FORWARDED, HOST},
    request::Parts,
    uri::Authority,
};

use crate::rules::request::Bypass;

/// Headers that tell a handler under which address it was asked. Part of the key when present: who
/// forges one gets an entry of his own.
static FORWARDING: [HeaderName; 15] = [
    FORWARDED,
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-forwarded-scheme"),
    HeaderName::from_static("x-forwarded-ssl"),
    HeaderName::from_static("x-forwarded-port"),
    HeaderName::from_static("x-forwarded-prefix"),
    HeaderName::from_static("x-forwarded-path"),
    HeaderName::from_static("x-forwarded-server"),
    HeaderName::from_static("x-forwarded-uri"),
    HeaderName::from_static("x-host"),
    HeaderName::from_static("x-original-host"),
    HeaderName::from_static("x-original-url"),
    HeaderName::from_static("x-rewrite-url"),
    HeaderName::from_static("x-url-scheme"),
];

/// Everything a stored response depends on, in one sequence of length-prefixed fields.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RequestKey(Bytes);

/// Its length alone: a query or a varied header may hold what is no one else's business.
impl std::fmt::Debug for RequestKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RequestKey({} bytes)", self.0.len())
    }
}

impl RequestKey {
    /// The key of a request, with the values of these headers.
    ///
    /// `original`: the address before a router cut a prefix off, if there is one. Both are part of the
    /// key: the one tells two nested routers apart, the other is what the handler sees.
    pub(crate) fn new(
        request: &Parts,
        original: Option<&Uri>,
        vary_on: &[HeaderName],
        ignore_host: bool,
    ) -> Result<Self, Bypass> {
        let uri = original.unwrap_or(&request.uri);
        let scheme = uri.scheme_str().unwrap_or("http");
        let mut fields = Fields::default();
        if ignore_host {
            fields.put(None).put(None);
        } else {
            let host = host(uri, scheme, &request.headers)?;
            fields.put(Some(scheme.as_bytes())).put(Some(host.as_bytes()));
        }
        fields.address(uri);
        if *uri == request.uri {
            fields.put(None);
        } else {
            fields.address(&request.uri);
        }
        let present = FORWARDING.iter().filter(|name| request.headers.contains_key(*name));
        for name in present.chain(vary_on) {
            fields.header(name, &request.headers);
        }
        Ok(Self(fields.0.into()))
    }

    /// All of it. A long one is stored under its hash, so this is kept beside the response and compared.
    pub(crate) fn as_bytes(&self) -> &Bytes {
        &self.0
    }
}

/// Whether the value of this header is part of every key.
pub(crate) fn is_keyed(name: &HeaderName, vary_on: &[HeaderName], ignore_host: bool) -> bool {
    vary_on.contains(name) || FORWARDING.contains(name) || name == HOST && !ignore_host
}

/// The host that was asked, in lower case, without the port that the scheme implies.
fn host(uri: &Uri, scheme: &str, headers: &HeaderMap) -> Result<String, Bypass> {
    let mut lines = headers.get_all(HOST).iter();
    let line = lines.next().map(|line| Authority::try_from(line.as_bytes()));
    if lines.next().is_some() {
        return Err(Bypass::Host);
    }
    let line = line.transpose().map_err(|_| Bypass::Host)?;
    let mut named = uri.authority().into_iter().chain(&line).map(|name| normal(name, scheme));
    let host = named.next().flatten().ok_or(Bypass::Host)?;
    if named.all(|other| other.as_ref() == Some(&host)) { Ok(host) } else { Err(Bypass::Host) }
}

fn normal(authority: &Authority, scheme: &str) -> Option<String> {
    let name = authority.as_str();
    if name.contains('@') || authority.host().is_empty() {
        return None;
    }
    let default = match scheme {
        "https" => ":443",
        _ => ":80",
    };
    Some(name.strip_suffix(default).or(name.strip_suffix(':')).unwrap_or(name).to_ascii_lowercase())
}

/// Fields as netstrings, `4:http,`; `-,` is a field that is absent.
#[derive(Default)]
struct Fields(Vec<u8>);

impl Fields {
    fn put(&mut self, field: Option<&[u8]>) -> &mut Self {
        if let Some(field) = field {
            self.0.extend_from_slice(format!("{}:", field.len()).as_bytes());
            self.0.extend_from_slice(field);
        } else {
            self.0.push(b'-');
        }
        self.0.push(b',');
        self
    }

    fn address(&mut self, uri: &Uri) {
        self.put(Some(uri.path().as_bytes())).put(uri.query().map(str::as_bytes));
    }

    /// A header: its name, every line of it, and an absent field as the end. No line is joined with
    /// another, since a handler that reads the first sees the difference.
    fn header(&mut self, name: &HeaderName, headers: &HeaderMap) {
        self.put(Some(name.as_str().as_bytes()));
        for line in headers.get_all(name) {
            self.put(Some(line.as_bytes()));
        }
        self.put(None);
    }
}

#[cfg(test)]
mod tests;
