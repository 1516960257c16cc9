//! What is sent. The one place that spells the server's commands.

pub(crate) mod scripts;

use cache_api::{Key, Ttl};
use redis::{Cmd, cmd};

/// How many keys one MGET or UNLINK takes: more of them would keep the server from its other clients.
pub(crate) const KEYS_AT_ONCE: usize = 512;
/// How many places of its table the server looks at in one SCAN, about a third of a millisecond.
const SCAN_COUNT: usize = 1000;

pub(crate) fn get(key: &Key) -> Cmd {
    command("GET", 1, key.as_bytes().len()).arg(key.as_bytes()).take()
}

pub(crate) fn get_many(keys: &[Key]) -> Cmd {
    with_keys("MGET", keys)
}

pub(crate) fn unlink(keys: &[Key]) -> Cmd {
    with_keys("UNLINK", keys)
}

/// Removes and returns.
pub(crate) fn take(key: &Key) -> Cmd {
    command("GETDEL", 1, key.as_bytes().len()).arg(key.as_bytes()).take()
}

/// `millis`: `None` is for ever.
pub(crate) fn set(key: &Key, value: &[u8], millis: Option<u64>) -> Cmd {
    let mut set = command("SET", 4, key.as_bytes().len() + value.len() + 16);
    lifetime(set.arg(key.as_bytes()).arg(value), millis).take()
}

/// Writes where nothing stands, and returns what stood there. Redis 7.0 and later.
pub(crate) fn set_absent(key: &Key, value: &[u8], millis: Option<u64>) -> Cmd {
    set(key, value, millis).arg("NX").arg("GET").take()
}

pub(crate) fn ttl(key: &Key) -> Cmd {
    cmd("PTTL").arg(key.as_bytes()).take()
}

pub(crate) fn expire(key: &Key, millis: u64) -> Cmd {
    cmd("PEXPIRE").arg(key.as_bytes()).arg(millis).take()
}

/// A transaction: the last answer holds one of PERSIST and one of EXISTS.
pub(crate) fn persist(key: &Key) -> [Cmd; 4] {
    let key = key.as_bytes();
    [cmd("MULTI"), cmd("PERSIST").arg(key).take(), cmd("EXISTS").arg(key).take(), cmd("EXEC")]
}

pub(crate) fn increment(key: &Key, by: i64) -> Cmd {
    cmd("INCRBY").arg(key.as_bytes()).arg(by).take()
}

/// A transaction: the last answer holds one of SET and one of INCRBY.
///
/// Exact, where a script would count in doubles. Where INCRBY fails, SET did nothing: an error means
/// that a value stood there.
pub(crate) fn increment_with_ttl(key: &Key, by: i64, millis: u64) -> [Cmd; 4] {
    let create = set(key, b"0", Some(millis)).arg("NX").take();
    [cmd("MULTI"), create, increment(key, by), cmd("EXEC")]
}

/// The next part of the keys of a namespace and of its descendants.
///
/// What a namespace is made of has no meaning in a pattern, so it needs no escapes.
pub(crate) fn scan(cursor: &[u8], namespace: &str) -> Cmd {
    cmd("SCAN")
        .arg(cursor)
        .arg("MATCH")
        .arg(format!("{namespace}[:/]*"))
        .arg("COUNT")
        .arg(SCAN_COUNT)
        .arg("TYPE")
        .arg("string")
        .take()
}

pub(crate) fn ping() -> Cmd {
    cmd("PING")
}

/// Reports every change of a key that begins with one of the prefixes, whoever makes it.
pub(crate) fn track<'a>(prefixes: impl IntoIterator<Item = &'a str>) -> Cmd {
    let mut track = cmd("CLIENT");
    track.arg("TRACKING").arg("ON").arg("BCAST");
    for prefix in prefixes {
        track.arg("PREFIX").arg(format!("{prefix}:"));
    }
    track
}

fn with_keys(name: &str, keys: &[Key]) -> Cmd {
    let bytes = keys.iter().map(|key| key.as_bytes().len()).sum();
    let mut command = command(name, keys.len(), bytes);
    for key in keys {
        command.arg(key.as_bytes());
    }
    command
}

fn lifetime(set: &mut Cmd, millis: Option<u64>) -> &mut Cmd {
    match millis {
        Some(millis) => set.arg("PX").arg(millis),
        None => set,
    }
}

/// A command with room for its arguments.
fn command(name: &str, arguments: usize, bytes: usize) -> Cmd {
    let mut command = Cmd::with_capacity(arguments + 1, name.len() + bytes);
    command.arg(name);
    command
}

/// A lifetime as the scripts take it: empty is for ever, `0` leaves no entry.
pub(crate) fn lifetime_argument(ttl: Ttl) -> String {
    ttl.millis().map(|millis| millis.to_string()).unwrap_or_default()
}
