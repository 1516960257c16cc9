//! Where a server is, out of a URL.

use std::fmt;
#[cfg(unix)]
use std::path::PathBuf;

use cache_api::Result;
use redis::{ConnectionAddr, IntoConnectionInfo};

use crate::reply::cannot_open;

const SUPPORTED: &str = "redis://[user:password@]host[:port][/database] and \
     unix:/path[?db=number&user=name&pass=password] (also as redis+unix:)";

/// A server, and as whom to use it. Prints as the place alone.
#[derive(Clone)]
pub(crate) struct Address {
    pub(crate) place: Place,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) database: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Tcp {
        host: String,
        port: u16,
    },
    #[cfg(unix)]
    Unix(PathBuf),
}

impl Address {
    /// Reads a URL. No error repeats any of it: a password may stand anywhere in a mistyped one.
    pub(crate) fn parse(url: &str) -> Result<Self> {
        let Some((scheme, rest)) = url.split_once(':') else {
            return Err(cannot_open(format!("this is no URL; supported are {SUPPORTED}")));
        };
        let known_options: &[&str] = match scheme {
            "redis" => &[],
            "unix" | "redis+unix" => &["db", "user", "pass"],
            "rediss" | "redis+tls" | "redis+cluster" | "redis+sentinel" => {
                return Err(cannot_open(format!(
                    "{scheme}: is not supported yet; supported are {SUPPORTED}"
                )));
            }
            _ => {
                return Err(cannot_open(format!("unknown scheme; supported are {SUPPORTED}")));
            }
        };
        if rest.contains('#') {
            return Err(cannot_open(
                "a `#` in the URL has no meaning; in a password it is written `%23`",
            ));
        }
        check_options(rest, known_options)?;
        let info = url.into_connection_info().map_err(|error| {
            // The crate's texts for a bad URL are fixed ones.
            cannot_open(format!("{}; supported are {SUPPORTED}", error.category()))
        })?;
        let place = match info.addr() {
            ConnectionAddr::Tcp(host, port) => Place::Tcp { host: host.clone(), port: *port },
            #[cfg(unix)]
            ConnectionAddr::Unix(path) => Place::Unix(path.clone()),
            _ => return Err(cannot_open(format!("supported are {SUPPORTED}"))),
        };
        let settings = info.redis_settings();
        let user = settings.username().filter(|user| !user.is_empty()).map(str::to_owned);
        let password = settings.password().map(str::to_owned);
        Ok(Self {
            place,
            // A user without a password is asked for by name all the same.
            password: password.or_else(|| user.as_ref().map(|_| String::new())),
            user,
            database: settings.db(),
        })
    }
}

fn check_options(rest: &str, known: &[&str]) -> Result<()> {
    let Some((_, options)) = rest.split_once('?') else { return Ok(()) };
    for option in options.split('&') {
        let name = option.split('=').next().unwrap_or_default();
        if !known.contains(&name) {
            return Err(cannot_open(match known {
                [] => "options after `?` are not known here; the database follows the port as \
                       `/number`, a `?` in a password is written `%3F`"
                    .into(),
                known => format!("an unknown option after `?`; known are {}", known.join(", ")),
            }));
        }
    }
    Ok(())
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Place::Tcp { host, port } => write!(f, "{host}:{port}"),
            #[cfg(unix)]
            Place::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self}, database {})", self.database)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_url_says() {
        let address = Address::parse("redis://app:s%23cret@cache.local:7000/3").unwrap();
        assert_eq!(address.place, Place::Tcp { host: "cache.local".into(), port: 7000 });
        assert_eq!(address.user.as_deref(), Some("app"));
        assert_eq!(address.password.as_deref(), Some("s#cret"));
        assert_eq!(address.database, 3);

        let address = Address::parse("redis://127.0.0.1").unwrap();
        assert_eq!(address.to_string(), "127.0.0.1:6379");
        assert_eq!((address.user, address.password, address.database), (None, None, 0));

        let address = Address::parse("redis://:secret@[::1]").unwrap();
        assert_eq!(address.to_string(), "[::1]:6379");
        assert_eq!((address.user, address.password.as_deref()), (None, Some("secret")));
    }

    #[cfg(unix)]
    #[test]
    fn a_socket_has_its_options_after_the_path() {
        for scheme in ["unix", "redis+unix"] {
            let url = format!("{scheme}:/run/redis.sock?db=2&user=app&pass=se%26cret");
            let address = Address::parse(&url).unwrap();
            assert_eq!(address.place, Place::Unix("/run/redis.sock".into()));
            assert_eq!(address.user.as_deref(), Some("app"));
            assert_eq!(address.password.as_deref(), Some("se&cret"));
            assert_eq!(address.database, 2);
        }
    }

    #[test]
    fn a_mistake_is_named_with_the_choices_and_without_the_secret() {
        for (url, named) in [
            ("s3cret", "no URL"),
            ("http://s3cret@host", "unknown scheme"),
            ("rediss://:s3cret@host", "not supported yet"),
            ("redis+cluster://:s3cret@host", "not supported yet"),
            ("redis+sentinel://:s3cret@host", "not supported yet"),
            ("redis://:s3#cret@host", "%23"),
            ("redis://host?password=s3cret", "%3F"),
            ("unix:/run/redis.sock?password=s3cret", "db, user, pass"),
            ("redis://:s3cret@host:port", "supported are"),
            ("redis://:s3cret@host/db", "supported are"),
        ] {
            let error = Address::parse(url).unwrap_err();
            let message = format!("{error} {error:?}");
            assert!(message.contains(named), "{url}: {message}");
            assert!(!message.contains("s3"), "{message}");
        }
    }
}
