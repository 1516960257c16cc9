//! What can be opened: one table, from which every list in every message comes.

use cache_api::Result;

use super::refused;

/// A sort of store, and what its URL may say.
#[derive(Debug)]
pub(super) struct Scheme {
    pub(super) name: &'static str,
    pub(super) store: Store,
    pub(super) feature: &'static str,
    pub(super) enabled: bool,
    /// Several processes see the same entries. Of tiers: if they do of the store behind them.
    pub(super) shared: bool,
    pub(super) example: &'static str,
    pub(super) options: &'static [&'static str],
    /// The URL may hold a password: no message repeats a value of it.
    pub(super) secret: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Store {
    Memory,
    Sled,
    Redis,
    Tiered,
}

const SCHEMES: [Scheme; 5] = [
    Scheme {
        name: "memory",
        store: Store::Memory,
        feature: "memory",
        enabled: cfg!(feature = "memory"),
        shared: false,
        example: "memory:?max=64MiB",
        options: &["max", "max_value"],
        secret: false,
    },
    Scheme {
        name: "sled",
        store: Store::Sled,
        feature: "sled",
        enabled: cfg!(feature = "sled"),
        shared: false,
        example: "sled:./cache?max=1GiB",
        options: &["max", "max_value"],
        secret: false,
    },
    Scheme {
        name: "redis",
        store: Store::Redis,
        feature: "redis",
        enabled: cfg!(feature = "redis"),
        shared: true,
        example: "redis://127.0.0.1:6379",
        options: &["deadline", "connections", "max_value"],
        secret: true,
    },
    Scheme {
        name: "unix",
        store: Store::Redis,
        feature: "redis",
        enabled: cfg!(feature = "redis"),
        shared: true,
        example: "unix:/run/redis.sock",
        options: &["deadline", "connections", "max_value", "db", "user", "pass"],
        secret: true,
    },
    Scheme {
        name: "tiered",
        store: Store::Tiered,
        feature: "default",
        enabled: true,
        shared: true,
        example: "tiered:?near=64MiB&store=redis://127.0.0.1:6379",
        options: &["near", "memory", "disk", "disk_max"],
        secret: true,
    },
];

/// The scheme of a URL, and what follows its `:`.
pub(super) fn find(url: &str) -> Result<(&'static Scheme, &str)> {
    static TABLE: [Scheme; 5] = SCHEMES;
    let choices = || examples(|_| true);
    let Some((name, rest)) = url.split_once(':') else {
        return Err(refused("larder", format!("this is no URL; it can be {}", choices())));
    };
    if let Some(scheme) = TABLE.iter().find(|scheme| scheme.name == name) {
        return Ok((scheme, rest));
    }
    // What looks like `user:password@host` is repeated nowhere.
    let is_scheme = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-".contains(&byte))
        && (rest.is_empty() || rest.starts_with(['/', '?', '.']));
    let named = if is_scheme { format!(" `{name}:`") } else { String::new() };
    Err(refused("larder", format!("unknown scheme{named}; it can be {}", choices())))
}

/// How the URLs of some stores look.
pub(super) fn examples(which: impl Fn(&Scheme) -> bool) -> String {
    let examples = SCHEMES.iter().filter(|scheme| which(scheme)).map(|scheme| scheme.example);
    let examples: Vec<_> = examples.collect();
    if examples.is_empty() { "no store at all".into() } else { examples.join(", ") }
}
