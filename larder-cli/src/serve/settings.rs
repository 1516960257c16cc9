//! What can be set: by flags, and by the keys of a file.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use clap::Args;
use http::HeaderName;
use larder_http::CacheLayer;
use larder_proxy::{Config, LogFormat, OriginUrl, Tls};
use serde::Deserialize;

use super::setting::{AccessLog, Forwarded, Preset, Size, Span, written};
use crate::{args::CacheUrl, failure::Failure};

/// Makes each setting a flag, a key, and something that gives way to another source.
macro_rules! settings {
    ($($(#[$of:meta])* $name:ident: $kind:ty,)+) => {
        /// Each setting, as far as it was given.
        #[derive(Debug, Clone, Default, Args, Deserialize)]
        #[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
        pub(super) struct Settings {
            $($(#[$of])* pub(super) $name: Option<$kind>,)+
        }

        impl Settings {
            /// These settings, and of others what was not given here.
            pub(super) fn or(self, other: Self) -> Self {
                Self { $($name: self.$name.or(other.$name),)+ }
            }
        }
    };
}

settings! {
    /// Where requests go that the cache does not answer: http://… or https://…
    #[arg(long, value_name = "URL", help_heading = "Origin")]
    #[serde(deserialize_with = "written")]
    origin: OriginUrl,

    /// Certificates to trust an https origin by, PEM. [default: those of the system]
    #[arg(long, value_name = "FILE", help_heading = "Origin")]
    origin_ca: PathBuf,

    /// Give the origin the Host that the client named, not its own.
    #[arg(long, value_name = "BOOL", help_heading = "Origin", num_args = 0..=1,
        require_equals = true, default_missing_value = "true")]
    preserve_host: bool,

    /// What becomes of Forwarded and X-Forwarded-… of a client. [default: replace]
    #[arg(long, value_name = "HOW", help_heading = "Origin")]
    forwarded: Forwarded,

    /// Time for a connection to the origin. [default: 5s]
    #[arg(long, value_name = "TIME", help_heading = "Origin")]
    #[serde(deserialize_with = "written")]
    connect_timeout: Span,

    /// Time from the end of a request to the head of its answer. [default: 60s]
    #[arg(long, value_name = "TIME", help_heading = "Origin")]
    #[serde(deserialize_with = "written")]
    first_byte_timeout: Span,

    /// Time between two parts of a body, either way. [default: 60s]
    #[arg(long, value_name = "TIME", help_heading = "Origin")]
    #[serde(deserialize_with = "written")]
    idle_timeout: Span,

    /// Keep idle connections to the origin for so long; less than it keeps its own. [default: 4s]
    #[arg(long, value_name = "TIME", help_heading = "Origin")]
    #[serde(deserialize_with = "written")]
    pool_idle: Span,

    /// Keep so many of them. [default: 64]
    #[arg(long, value_name = "COUNT", help_heading = "Origin")]
    pool_size: usize,

    /// Where to listen. [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS", help_heading = "Clients")]
    listen: SocketAddr,

    /// A certificate chain, PEM, to speak TLS with clients.
    #[arg(long, value_name = "FILE", help_heading = "Clients")]
    tls_cert: PathBuf,

    /// Its private key, PEM.
    #[arg(long, value_name = "FILE", help_heading = "Clients")]
    tls_key: PathBuf,

    /// Clients at a time; others wait. [default: 4096]
    #[arg(long, value_name = "COUNT", help_heading = "Clients")]
    max_connections: usize,

    /// The longest head of a request. [default: 64KiB]
    #[arg(long, value_name = "SIZE", help_heading = "Clients")]
    #[serde(deserialize_with = "written")]
    max_header_bytes: Size,

    /// Time for the head of a request, and for the next one to begin. [default: 30s]
    #[arg(long, value_name = "TIME", help_heading = "Clients")]
    #[serde(deserialize_with = "written")]
    header_timeout: Span,

    /// Time that a WebSocket may be silent. [default: 1h]
    #[arg(long, value_name = "TIME", help_heading = "Clients")]
    #[serde(deserialize_with = "written")]
    tunnel_idle: Span,

    /// Time to finish what is under way at the end. [default: 30s]
    #[arg(long, value_name = "TIME", help_heading = "Clients")]
    #[serde(deserialize_with = "written")]
    grace: Span,

    /// This proxy's name in Via. [default: larder]
    #[arg(long, value_name = "NAME", help_heading = "Clients")]
    via: String,

    /// How much of what the standard allows is cached. [default: safe]
    #[arg(long, value_name = "PRESET", help_heading = "Caching")]
    preset: Preset,

    /// Keep answers for so long that say nothing of it, and at most so long those that do.
    #[arg(long, value_name = "TIME", help_heading = "Caching")]
    #[serde(deserialize_with = "written")]
    ttl: Span,

    /// Headers of a request that answers may depend on, with commas between.
    #[arg(long, value_name = "HEADERS", help_heading = "Caching", value_delimiter = ',')]
    vary_on: Vec<String>,

    /// The origin answers the same, whatever cookies a request has.
    #[arg(long, value_name = "BOOL", help_heading = "Caching", num_args = 0..=1,
        require_equals = true, default_missing_value = "true")]
    ignore_cookies: bool,

    /// The origin answers the same, whatever its scheme and host are.
    #[arg(long, value_name = "BOOL", help_heading = "Caching", num_args = 0..=1,
        require_equals = true, default_missing_value = "true")]
    ignore_host: bool,

    /// The longest body that is kept. [default: 64MiB]
    #[arg(long, value_name = "SIZE", help_heading = "Caching")]
    #[serde(deserialize_with = "written")]
    max_length: Size,

    /// Time for the store to say what it has, before the origin is asked. [default: 50ms]
    #[arg(long, value_name = "TIME", help_heading = "Caching")]
    #[serde(deserialize_with = "written")]
    lookup_deadline: Span,

    /// Keep answers with the tags in their Surrogate-Key or Cache-Tag, to purge them by.
    #[arg(long, value_name = "BOOL", help_heading = "Caching", num_args = 0..=1,
        require_equals = true, default_missing_value = "true")]
    tags: bool,

    /// Tell clients in Cache-Status what became of their request.
    #[arg(long, value_name = "BOOL", help_heading = "Caching", num_args = 0..=1,
        require_equals = true, default_missing_value = "true")]
    cache_status: bool,

    /// Where the page, /status.json, /metrics, /healthz, /readyz and /purge are; whoever reaches it is trusted.
    /// This server is then on the pages of all that share its store.
    #[arg(long, value_name = "ADDRESS", help_heading = "Watching")]
    admin: SocketAddr,

    /// A line on stdout for each request. [default: text; json with --json]
    #[arg(long, value_name = "FORMAT", help_heading = "Watching")]
    access_log: AccessLog,

    /// Have the query in that line and in keys on the page; it may hold secrets.
    #[arg(long, value_name = "BOOL", help_heading = "Watching", num_args = 0..=1,
        require_equals = true, default_missing_value = "true")]
    log_query: bool,

    // As flags these two belong to all commands.
    #[arg(skip)]
    cache: CacheUrl,
    #[arg(skip)]
    namespace: String,
}

/// The settings of a file.
pub(super) fn read(path: &Path) -> Result<Settings, Failure> {
    let shown = path.display();
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::new(format!("cannot read {shown}")).because(&error))?;
    toml::from_str(&text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let line = text.get(..at).unwrap_or_default().matches('\n').count() + 1;
        Failure::new(format!("{shown}, line {line}: {}", error.message()))
    })
}

impl Settings {
    /// What the proxy is to do.
    pub(super) fn proxy(&self, json: bool) -> Result<Config, Failure> {
        let origin = self.origin.clone().ok_or_else(|| {
            Failure::new("there is no origin to ask").hint("name it with --origin http://…")
        })?;
        let mut config = Config::new(origin);
        config.tls = match (&self.tls_cert, &self.tls_key) {
            (Some(cert), Some(key)) => Some(Tls { cert: cert.clone(), key: key.clone() }),
            (None, None) => None,
            _ => return Err(Failure::new("--tls-cert and --tls-key go together")),
        };
        let default = if json { LogFormat::Json } else { config.access_log };
        config.access_log = self.access_log.map_or(default, Into::into);
        config.origin_ca.clone_from(&self.origin_ca);
        config.admin = self.admin;
        set(&mut config.name, super::machine::name());
        set(&mut config.listen, self.listen);
        set(&mut config.preserve_host, self.preserve_host);
        set(&mut config.forwarded, self.forwarded);
        set(&mut config.via, self.via.clone());
        set(&mut config.cache_status, self.cache_status);
        set(&mut config.tags, self.tags);
        set(&mut config.log_query, self.log_query);
        let times = &mut config.timeouts;
        for (time, given) in [
            (&mut times.connect, self.connect_timeout),
            (&mut times.first_byte, self.first_byte_timeout),
            (&mut times.idle, self.idle_timeout),
            (&mut times.pool_idle, self.pool_idle),
            (&mut times.header, self.header_timeout),
            (&mut times.tunnel_idle, self.tunnel_idle),
            (&mut times.grace, self.grace),
        ] {
            set(time, given.map(|span| span.0));
        }
        set(&mut config.limits.connections, self.max_connections);
        set(&mut config.limits.pool, self.pool_size);
        let bytes = self.max_header_bytes.map(|size| usize::try_from(size.0).unwrap_or(usize::MAX));
        set(&mut config.limits.header_bytes, bytes);
        Ok(config)
    }

    /// What the cache is to do.
    pub(super) fn layer(&self, mut layer: CacheLayer) -> Result<CacheLayer, Failure> {
        if let Some(preset) = self.preset {
            layer = layer.preset(preset.into());
        }
        if let Some(Span(ttl)) = self.ttl {
            layer = layer.ttl(ttl);
        }
        if let Some(Size(length)) = self.max_length {
            layer = layer.max_length(length);
        }
        if let Some(Span(deadline)) = self.lookup_deadline {
            layer = layer.lookup_deadline(deadline);
        }
        if self.ignore_cookies == Some(true) {
            layer = layer.ignore_cookies();
        }
        if self.ignore_host == Some(true) {
            layer = layer.ignore_host();
        }
        let names: Vec<_> = self.vary_on.iter().flatten().map(|name| name.trim()).collect();
        if let Some(odd) = names.iter().find(|name| name.parse::<HeaderName>().is_err()) {
            return Err(Failure::new(format!("`{odd}` in --vary-on is no name of a header")));
        }
        Ok(layer.vary_on(names))
    }
}

fn set<T>(setting: &mut T, given: Option<impl Into<T>>) {
    if let Some(given) = given {
        *setting = given.into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_the_guide_is_one() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let settings = read(&root.join("examples/fastapi/serve.toml")).expect("it can be read");
        let config = settings.proxy(false).expect("it is whole");
        assert_eq!(config.origin.to_string(), "http://127.0.0.1:8000");
        assert_eq!(settings.vary_on.as_deref(), Some(&["accept".to_owned()][..]));
    }
}
