//! What whoever runs a proxy decides.

use std::{net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};

use http::{
    Uri,
    uri::{Authority, Scheme},
};

/// The decisions of a [`Server`](crate::Server). [`new`](Self::new) has the defaults.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// Where to listen. Default: `127.0.0.1:8080`.
    pub listen: SocketAddr,
    /// Certificate and key, to speak TLS there. Default: plain HTTP.
    pub tls: Option<Tls>,
    /// Where requests go that the cache does not answer.
    pub origin: OriginUrl,
    /// Certificates, PEM, that an https origin is trusted by. Default: those of the system.
    pub origin_ca: Option<PathBuf>,
    /// The client's `Host` is given to the origin. Default: the origin gets its own name.
    pub preserve_host: bool,
    /// What becomes of forwarding headers that a client sends. Default: they are replaced.
    pub forwarded: ForwardedFrom,
    /// The name in `Via`. Default: `larder`.
    pub via: String,
    /// What this server is called on the page of the admin address. Default: `larder`.
    pub name: String,
    /// Clients get `Cache-Status`, which says what became of their request. Default: off.
    pub cache_status: bool,
    /// Answers are kept with the tags that they name, and can be purged by them. Default: off, since it
    /// costs a round trip.
    pub tags: bool,
    /// Where the page, `/status.json`, `/metrics`, `/healthz`, `/readyz` and `/purge` are served. With it,
    /// this server is on the pages of all that share its store. Default: nowhere.
    pub admin: Option<SocketAddr>,
    /// One line per request on stdout. Default: text.
    pub access_log: LogFormat,
    /// That line, and the page, hold the query, which may hold secrets. Default: they do not.
    pub log_query: bool,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// How much there may be of what.
    pub limits: Limits,
}

impl Config {
    /// A proxy of this origin, with the defaults.
    #[must_use]
    pub fn new(origin: OriginUrl) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            tls: None,
            origin,
            origin_ca: None,
            preserve_host: false,
            forwarded: ForwardedFrom::default(),
            via: "larder".into(),
            name: "larder".into(),
            cache_status: false,
            tags: false,
            admin: None,
            access_log: LogFormat::default(),
            log_query: false,
            timeouts: Timeouts::default(),
            limits: Limits::default(),
        }
    }
}

/// A certificate chain and its key, as PEM files.
#[derive(Debug, Clone)]
pub struct Tls {
    /// The chain, the server's own certificate first.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// What becomes of `Forwarded` and the `X-Forwarded-…` headers of a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ForwardedFrom {
    /// They are removed, and say what this proxy saw itself: anyone may have sent them.
    #[default]
    Client,
    /// They are from a proxy in front that is trusted: this one adds itself.
    Proxy,
}

/// How requests are logged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Not at all.
    Off,
    /// Words on a line.
    #[default]
    Text,
    /// An object on a line.
    Json,
}

/// How long things may take.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Timeouts {
    /// A connection to the origin, TLS included. Default: 5 s.
    pub connect: Duration,
    /// From the end of a request to the head of its answer. Default: 60 s.
    pub first_byte: Duration,
    /// Between two parts of a body, of the origin's or the client's. Default: 60 s.
    pub idle: Duration,
    /// An idle connection to the origin is kept for later. Default: 4 s, since many servers close theirs
    /// after 5.
    pub pool_idle: Duration,
    /// The head of a client's request, and the wait for a next request. Default: 30 s.
    pub header: Duration,
    /// A WebSocket over which nothing goes. Default: an hour.
    pub tunnel_idle: Duration,
    /// What is under way when the server is to end. Default: 30 s.
    pub grace: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            connect: seconds(5),
            first_byte: seconds(60),
            idle: seconds(60),
            pool_idle: seconds(4),
            header: seconds(30),
            tunnel_idle: seconds(3600),
            grace: seconds(30),
        }
    }
}

/// How much there may be of what.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Limits {
    /// Connections of clients at a time; others wait to be accepted. Default: 4096.
    pub connections: usize,
    /// The head of a request, in bytes; at least 8 KiB. Default: 64 KiB.
    pub header_bytes: usize,
    /// Idle connections to the origin. Default: 64.
    pub pool: usize,
    /// Requests at a time on one HTTP/2 connection. Default: 128.
    pub streams: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 4096, header_bytes: 64 << 10, pool: 64, streams: 128 }
    }
}

/// The scheme and the authority of an origin, `http://127.0.0.1:8000`.
///
/// ```
/// use larder_proxy::OriginUrl;
///
/// assert!("https://shop.example".parse::<OriginUrl>().is_ok());
/// let mistake = "shop.example/path".parse::<OriginUrl>().unwrap_err();
/// assert!(mistake.to_string().contains("http://127.0.0.1:8000"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginUrl {
    pub(crate) scheme: Scheme,
    pub(crate) authority: Authority,
}

/// What stands for an origin and is none.
#[derive(Debug, thiserror::Error)]
#[error("{0}; an origin is like http://127.0.0.1:8000 or https://shop.example")]
pub struct NoOrigin(&'static str);

impl FromStr for OriginUrl {
    type Err = NoOrigin;

    fn from_str(text: &str) -> Result<Self, NoOrigin> {
        let uri: Uri = text.parse().map_err(|_| NoOrigin("it is no URL"))?;
        let parts = uri.into_parts();
        let scheme = parts.scheme.ok_or(NoOrigin("its scheme is missing"))?;
        let authority = parts.authority.ok_or(NoOrigin("its host is missing"))?;
        if scheme != Scheme::HTTP && scheme != Scheme::HTTPS {
            return Err(NoOrigin("its scheme is neither http nor https"));
        }
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(NoOrigin("a user, a password or an empty host is not taken"));
        }
        if parts.path_and_query.is_some_and(|path| path != "/") {
            return Err(NoOrigin("a path is not taken: paths go to the origin as they come"));
        }
        Ok(Self { scheme, authority })
    }
}

impl std::fmt::Display for OriginUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_and_a_host_and_nothing_else() {
        for good in ["http://a", "https://a.example:8443/", "http://[::1]:80", "HTTP://a"] {
            assert!(good.parse::<OriginUrl>().is_ok(), "{good}");
        }
        for (bad, why) in [
            ("", "no URL"),
            ("a.example", "scheme"),
            ("/path", "scheme"),
            ("ftp://a", "neither"),
            ("http://u:p@a", "password"),
            ("http://a/base", "path"),
            ("http://a/?q", "path"),
            ("http:// a", "no URL"),
        ] {
            let mistake = bad.parse::<OriginUrl>().unwrap_err().to_string();
            assert!(mistake.contains(why), "{bad}: {mistake}");
        }
    }
}
