//! From what an application calls its entries to the bytes of a key, injectively.
//!
//! A scalar is its text, so that `users:42` is the same entry whether the program asked with the
//! number, with the text of a URL's path, or a person with `redis-cli`. What has structure is marked
//! by a `\` that no text begins with:
//!
//! | value | key |
//! |---|---|
//! | `"42"`, `42`, `b"42"` | `42` |
//! | `true`, `'x'`, a `Uuid`, an `IpAddr` | `true`, `x`, and their usual text |
//! | `"\\x"` (text that starts with `\`) | `\\x`: the first `\` is doubled |
//! | `None`, `Some(x)` | `\-`, `\+x` |
//! | `("a", 1)` | `\(a\|1\)`, where text inside has each `\` and `\|` escaped |
//! | `()` | `\.` |
//! | over 1 KiB, when hashing was asked for | `\#` and 64 hex digits |

mod scalars;
mod structure;
mod writer;

use cache_api::{Key, Namespace, Result};
pub use writer::KeyWriter;

/// What can name an entry: strings, bytes, integers, `char`, `bool`, `Uuid`, `IpAddr`, and options,
/// tuples and references of them.
///
/// Different values give different keys; only a scalar and its text are the same. A type of one's own
/// says which of its fields name it:
///
/// ```
/// use larder::{KeyWriter, ToKey};
///
/// struct Page { path: String, language: Option<String> }
///
/// impl ToKey for Page {
///     fn write_key(&self, key: &mut KeyWriter) {
///         (&self.path, &self.language).write_key(key);
///     }
/// }
/// # let larder = larder::Larder::new(backend_memory::MemoryCache::builder().build());
/// let page = Page { path: "/".into(), language: None };
/// assert_eq!(larder.namespace("pages")?.key(page)?.as_bytes(), br"pages:\(/|\-\)");
/// # Ok::<(), larder::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot name a cache entry",
    label = "not a key",
    note = "keys are strings, bytes, integers, `char`, `bool`, `Uuid`, `IpAddr`, and options, tuples and references of them",
    note = "for a type of your own, implement `ToKey` by the tuple of the fields that name it"
)]
pub trait ToKey {
    /// Writes this value, with exactly one call of a method of `key` or of another `write_key`.
    fn write_key(&self, key: &mut KeyWriter);
}

/// The key of a value in a namespace.
pub(crate) fn key(namespace: &Namespace, value: impl ToKey, hash_long: bool) -> Result<Key> {
    let mut writer = KeyWriter::new();
    value.write_key(&mut writer);
    let bytes = writer.as_bytes();
    if hash_long && bytes.len() > Key::MAX_BYTES {
        return namespace.key(format!("\\#{}", blake3::hash(bytes).to_hex()));
    }
    namespace.key(bytes)
}

/// What a log says of a key: its namespace, and by a hash which key. The user's part may hold a session,
/// an address, whatever an application names its entries by.
pub(crate) fn shown(key: &Key) -> String {
    let hash = xxhash_rust::xxh3::xxh3_64(key.user());
    format!("{}:#{hash:016x}", key.namespace())
}

#[cfg(test)]
mod tests;
