//! The key of a response: what it is allowed to depend on, written so that two requests never share
//! one by accident.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, Uri,
    header::{FORWARDED, HOST},
    request::Parts,
    uri::Authority,
};

use larder::envelope::Version;
use serde::{Deserialize, Serialize};

use crate::rules::{invalidation, request::Bypass, vary};

/// Headers that tell a handler under which address it was asked. Part of the key when present: who
/// forges one gets an entry of his own. A proxy that knows better takes them away.
///
/// `X-Forwarded-For` is not among them: it says who asked, not for what.
///
/// ```
/// use larder_http::FORWARDING_HEADERS;
///
/// let mut request = http::Request::get("/").header("x-forwarded-host", "forged").body(()).unwrap();
/// for name in &FORWARDING_HEADERS {
///     request.headers_mut().remove(name);
/// }
/// assert!(request.headers().is_empty());
/// ```
pub static FORWARDING_HEADERS: [HeaderName; 15] = [
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

/// What a request is for, and what of it every answer may depend on.
#[derive(Clone)]
pub(crate) struct Address {
    scheme: String,
    /// `None`: it does not matter.
    host: Option<String>,
    /// Under which address the client asked.
    target: Uri,
    /// What else is part of every key: headers, and the address that the handler sees if it is another one.
    presets: Bytes,
}

/// Where an answer stands.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// All of it. A long one is stored under its hash, so this is kept beside the response and compared.
    pub(crate) key: Bytes,
    /// The index through which it was found. `None`: it is found without.
    pub(crate) index: Option<Index>,
}

/// What stands in the place of an answer where there are several: the request headers by which they are
/// told apart.
///
/// The epoch is part of the keys of all variants, so whoever removes the index removes them all, together
/// with those that are being recorded.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Index {
    epoch: u64,
    names: Vec<String>,
    /// When it dies, in milliseconds since 1970.
    pub(crate) until_ms: u64,
}

/// Lengths alone: a query or a varied header may hold what is no one else's business.
impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Address").field("presets", &self.presets.len()).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Place({} bytes, {:?})", self.key.len(), self.index)
    }
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Index").field("names", &self.names).finish_non_exhaustive()
    }
}

impl Address {
    /// The address of a request, with the values of these headers.
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
        let mut this = Self::of(uri, Some(&request.headers), ignore_host)?;
        let mut presets = Fields::default();
        if *uri != request.uri {
            presets.address(&request.uri);
        }
        let present = FORWARDING_HEADERS.iter().filter(|name| request.headers.contains_key(*name));
        for name in present.chain(vary_on) {
            presets.header(name, &request.headers);
        }
        this.presets = presets.0.into();
        Ok(this)
    }

    /// An address alone, whatever else a request for it carries.
    pub(crate) fn of(
        uri: &Uri,
        headers: Option<&HeaderMap>,
        ignore_host: bool,
    ) -> Result<Self, Bypass> {
        let scheme = uri.scheme_str().unwrap_or("http");
        let none = HeaderMap::new();
        let host = match ignore_host {
            true => None,
            false => Some(host(uri, scheme, headers.unwrap_or(&none))?),
        };
        Ok(Self { scheme: scheme.into(), host, target: uri.clone(), presets: Bytes::new() })
    }

    /// The same under another scheme.
    pub(crate) fn under(self, scheme: &str) -> Self {
        Self { scheme: scheme.into(), ..self }
    }

    /// Where the answer stands, or the index of several.
    pub(crate) fn root(&self) -> Place {
        let key = if self.is_varied() { self.indexed() } else { self.plain(&self.target) };
        Place { key: key.into(), index: None }
    }

    /// Whether answers are always told apart by something, so that an index stands at the root.
    pub(crate) fn is_varied(&self) -> bool {
        !self.presets.is_empty()
    }

    /// Where the answer for these request headers stands, according to this index.
    pub(crate) fn variant(&self, index: &Index, headers: &HeaderMap) -> Place {
        let mut fields = Fields(self.plain(&self.target));
        fields.0.push(b'@');
        fields.put(Some(&index.epoch.to_be_bytes()));
        fields.0.extend_from_slice(&self.presets);
        for name in &index.names {
            let value = HeaderName::from_bytes(name.as_bytes());
            let value = value.ok().and_then(|name| vary::normal(headers, &name));
            fields.put(Some(name.as_bytes())).put(value.as_deref());
        }
        Place { key: fields.0.into(), index: Some(index.clone()) }
    }

    /// All keys through which answers of an address are found: without them there are none.
    pub(crate) fn roots(&self) -> [Bytes; 2] {
        [self.plain(&self.target).into(), self.indexed().into()]
    }

    /// Where the name of one variant stands, or how many names were put there so far. See
    /// [`ring`](crate::ring).
    pub(crate) fn slot(&self, number: Option<i64>) -> Vec<u8> {
        let mut key = self.plain(&self.target);
        key.push(b'#');
        key.extend(number.map(|number| number.to_string()).unwrap_or_default().into_bytes());
        key
    }

    /// The addresses on the same server to which an answer refers.
    pub(crate) fn elsewhere(&self, answer: &HeaderMap) -> Vec<Self> {
        let host = self.host.as_deref().unwrap_or_default();
        let found = invalidation::elsewhere(&self.scheme, host, &self.target, answer);
        found.into_iter().map(|target| Self { target, ..self.clone() }).collect()
    }

    fn plain(&self, uri: &Uri) -> Vec<u8> {
        let mut fields = Fields::default();
        let scheme = self.host.as_ref().map(|_| self.scheme.as_bytes());
        fields.put(scheme).put(self.host.as_deref().map(str::as_bytes)).address(uri);
        fields.0
    }

    fn indexed(&self) -> Vec<u8> {
        let mut key = self.plain(&self.target);
        key.push(b'*');
        key
    }
}

impl Index {
    /// A new one, under which there is nothing yet.
    pub(crate) fn new(names: &[HeaderName], until_ms: u64) -> Self {
        let epoch = u64::from_be_bytes(*Version::random().as_bytes());
        Self { epoch, names: Vec::new(), until_ms }.with(names)
    }

    /// The same with more names. What is found by fewer is lost, since nobody knows what it depends on.
    pub(crate) fn with(&self, names: &[HeaderName]) -> Self {
        let mut all = self.names.clone();
        all.extend(names.iter().map(|name| name.as_str().to_owned()));
        all.sort_unstable();
        all.dedup();
        Self { names: all, ..self.clone() }
    }

    /// Whether answers are told apart by all of these.
    pub(crate) fn covers(&self, names: &[HeaderName]) -> bool {
        names.iter().all(|name| self.names.iter().any(|known| known == name.as_str()))
    }

    /// The same, for longer.
    pub(crate) fn until(self, until_ms: u64) -> Self {
        Self { until_ms, ..self }
    }

    /// Whether this is a later state of the same index.
    pub(crate) fn is_of(&self, other: &Self) -> bool {
        self.epoch == other.epoch
    }

    /// Whether there is room for more names.
    pub(crate) fn is_full(&self) -> bool {
        self.names.len() > 32
    }
}

impl Place {
    /// Whether answers of this place are told apart by all of these.
    pub(crate) fn covers(&self, names: &[HeaderName]) -> bool {
        match &self.index {
            Some(index) => index.covers(names),
            None => names.is_empty(),
        }
    }
}

/// Whether the value of this header is part of every key.
pub(crate) fn is_keyed(name: &HeaderName, vary_on: &[HeaderName], ignore_host: bool) -> bool {
    vary_on.contains(name) || FORWARDING_HEADERS.contains(name) || name == HOST && !ignore_host
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
