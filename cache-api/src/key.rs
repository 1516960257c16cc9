use std::{borrow::Borrow, fmt, hash};

use bytes::Bytes;

use crate::{Error, Namespace, Result};

/// The name of an entry: a [`Namespace`], a `:`, and any bytes of the user's.
///
/// Injective: two different pairs never make the same bytes, since a namespace holds no `:`. Cheap to
/// clone. `Debug` and `Display` escape what is not printable.
///
/// ```
/// use cache_api::{Key, Namespace};
///
/// let key = Namespace::new("users")?.key("4:2")?;
/// assert_eq!(key.as_bytes(), b"users:4:2");
/// assert_eq!(key.user(), b"4:2");
/// assert_eq!(Key::parse(b"users:4:2".as_slice()), Some(key));
/// assert_eq!(Key::parse(b"not one of ours".as_slice()), None);
/// # Ok::<(), cache_api::Error>(())
/// ```
#[derive(Clone)]
pub struct Key {
    bytes: Text,
    /// Where the `:` stands.
    colon: u8,
}

/// Most keys are short: they are made for one call, and an allocation would be a good part of its cost.
#[derive(Clone)]
enum Text {
    Short { length: u8, bytes: [u8; Text::SHORT] },
    Long(Bytes),
}

impl Text {
    /// What makes a key 64 bytes in all.
    const SHORT: usize = 54;

    fn of(namespace: &[u8], user: &[u8]) -> Self {
        let colon = namespace.len();
        let length = colon + 1 + user.len();
        if length <= Self::SHORT {
            let mut bytes = [0; Self::SHORT];
            bytes[..colon].copy_from_slice(namespace);
            bytes[colon] = b':';
            bytes[colon + 1..length].copy_from_slice(user);
            return Self::Short { length: length as u8, bytes };
        }
        Self::Long([namespace, b":", user].concat().into())
    }

    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Short { length, bytes } => &bytes[..usize::from(*length)],
            Self::Long(bytes) => bytes,
        }
    }
}

impl Key {
    /// The longest user part, in bytes.
    pub const MAX_BYTES: usize = 1024;

    pub(crate) fn new(namespace: &Namespace, user: &[u8]) -> Result<Self> {
        if user.len() > Self::MAX_BYTES {
            return Err(Error::InvalidKey {
                reason: format!(
                    "it has {} bytes, the longest has {}; hash it, or have `larder` hash it",
                    user.len(),
                    Self::MAX_BYTES
                )
                .into(),
            });
        }
        let namespace = namespace.as_str().as_bytes();
        Ok(Self { bytes: Text::of(namespace, user), colon: namespace.len() as u8 })
    }

    /// A key as a store holds it. `None` if these bytes are no key of ours.
    #[must_use]
    pub fn parse(bytes: impl Into<Bytes>) -> Option<Self> {
        let bytes = bytes.into();
        let colon = bytes.iter().take(Namespace::MAX_BYTES + 1).position(|&byte| byte == b':')?;
        Namespace::parse(std::str::from_utf8(&bytes[..colon]).ok()?).ok()?;
        (bytes.len() - colon - 1 <= Self::MAX_BYTES)
            .then_some(Self { bytes: Text::Long(bytes), colon: colon as u8 })
    }

    /// What a store holds the entry under.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.as_slice()
    }

    /// The part after the namespace.
    #[must_use]
    pub fn user(&self) -> &[u8] {
        &self.as_bytes()[usize::from(self.colon) + 1..]
    }

    /// The namespace it lies in. Allocates; to compare, use [`is_in`](Self::is_in).
    #[must_use]
    pub fn namespace(&self) -> Namespace {
        let name = String::from_utf8_lossy(self.namespace_bytes());
        Namespace::parse(&name).expect("a key is only ever built with a valid namespace")
    }

    /// Whether it lies in exactly this namespace.
    #[must_use]
    pub fn is_in(&self, namespace: &Namespace) -> bool {
        self.namespace_bytes() == namespace.as_str().as_bytes()
    }

    /// Whether it lies in this namespace or in one of its descendants: what `clear` reaches.
    #[must_use]
    pub fn is_within(&self, namespace: &Namespace) -> bool {
        self.namespace_bytes()
            .strip_prefix(namespace.as_str().as_bytes())
            .is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
    }

    fn namespace_bytes(&self) -> &[u8] {
        &self.as_bytes()[..usize::from(self.colon)]
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Key {}

impl hash::Hash for Key {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        // As `[u8]` does, so that a map can be asked with a slice.
        self.as_bytes().hash(state);
    }
}

impl Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_bytes().escape_ascii())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use proptest::prelude::*;

    use super::*;

    fn key(namespace: &str, user: &[u8]) -> Key {
        Namespace::new(namespace).unwrap().key(user).unwrap()
    }

    #[test]
    fn the_longest_key_is_1_kib_of_the_users() {
        let namespace = Namespace::new("n").unwrap();
        assert!(namespace.key([0; 1024]).is_ok());
        let message = namespace.key([0; 1025]).unwrap_err().to_string();
        assert!(message.contains("1025") && message.contains("1024"), "{message}");
    }

    #[test]
    fn short_and_long_keys_are_the_same_to_everyone() {
        for length in [0, 52, 53, 54, 200] {
            let user = vec![b'x'; length];
            let made = key("n", &user);
            let read = Key::parse([b"n:", &user[..]].concat()).unwrap();
            assert_eq!(
                (&made, made.user(), made.cmp(&read)),
                (&read, read.user(), Ordering::Equal)
            );
        }
        assert!(size_of::<Key>() <= 64);
    }

    #[test]
    fn debug_escapes() {
        assert_eq!(format!("{:?}", key("n", b"a\0\n\xff")), "Key(n:a\\x00\\n\\xff)");
    }

    #[test]
    fn descendants_are_within_and_siblings_are_not() {
        let users = Namespace::new("users").unwrap();
        assert!(key("users", b"1").is_within(&users));
        assert!(key("users/eu", b"1").is_within(&users));
        assert!(!key("users2", b"1").is_within(&users));
        assert!(!key("users/eu", b"1").is_in(&users));
    }

    proptest! {
        #[test]
        fn keys_are_injective_and_parse_back(
            a in "[a-z]{1,3}(/[a-z]{1,3})?", b in "[a-z]{1,3}(/[a-z]{1,3})?",
            x: Vec<u8>, y: Vec<u8>,
        ) {
            let (first, second) = (key(&a, &x), key(&b, &y));
            prop_assert_eq!(first == second, (&a, &x) == (&b, &y));
            prop_assert_eq!(Key::parse(first.as_bytes().to_vec()), Some(first.clone()));
            prop_assert_eq!(first.namespace(), Namespace::new(&a).unwrap());
        }

        #[test]
        fn parse_takes_any_bytes(bytes: Vec<u8>) {
            let _ = Key::parse(bytes);
        }
    }
}
