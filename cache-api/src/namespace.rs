use std::{fmt, str::FromStr, sync::Arc};

use crate::{Error, Key, Result};

/// A room of keys: `segment(/segment)*`, each segment 1 to 64 of `A–Z a–z 0–9 _ . -`.
///
/// It holds no `:`, so the first `:` of a stored key ends its namespace. Segments that start with `.`
/// belong to the library. Cheap to clone.
///
/// ```
/// use cache_api::Namespace;
///
/// let shop = Namespace::new("shop")?;
/// let carts = shop.child("carts")?;
/// assert_eq!(carts.as_str(), "shop/carts");
/// assert!(shop.contains(&carts) && !carts.contains(&shop));
/// assert!(Namespace::new("a:b").is_err());
/// # Ok::<(), cache_api::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Namespace(Arc<str>);

impl Namespace {
    /// The longest namespace, in bytes.
    pub const MAX_BYTES: usize = 255;

    /// The longest segment, in bytes.
    pub const MAX_SEGMENT_BYTES: usize = 64;

    /// A namespace of the application's own.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidNamespace`], which says what is wrong with it.
    pub fn new(name: &str) -> Result<Self> {
        Self::checked(name, false)
    }

    /// A namespace as it stands in a stored key, the library's own included.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidNamespace`], which says what is wrong with it.
    pub fn parse(name: &str) -> Result<Self> {
        Self::checked(name, true)
    }

    /// A namespace inside this one.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidNamespace`] if the name is none, or the two together are too long.
    pub fn child(&self, name: &str) -> Result<Self> {
        Self::new(name)?;
        Self::parse(&format!("{self}/{name}"))
    }

    /// The library's own namespace inside this one: `users` and `tag` make `users/.tag`.
    ///
    /// For layers and for `larder` itself. Applications never need it.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidNamespace`] if the two together are too long.
    pub fn reserved(&self, name: &str) -> Result<Self> {
        Self::parse(&format!("{self}/.{name}"))
    }

    /// The key of an entry in this namespace. Any bytes are legal; equal bytes are the same entry.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidKey`] over [`Key::MAX_BYTES`].
    pub fn key(&self, user: impl AsRef<[u8]>) -> Result<Key> {
        Key::new(self, user.as_ref())
    }

    /// Whether that namespace is this one or lies inside it.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        other.0.strip_prefix(&*self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Whether one of its segments belongs to the library.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        self.0.split('/').any(|segment| segment.starts_with('.'))
    }

    /// The name, as it stands in stored keys.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn checked(name: &str, reserved: bool) -> Result<Self> {
        match flaw(name, reserved) {
            None => Ok(Self(name.into())),
            Some(reason) => Err(Error::InvalidNamespace {
                namespace: name.escape_default().take(Self::MAX_BYTES).collect(),
                reason,
            }),
        }
    }
}

fn flaw(name: &str, reserved: bool) -> Option<&'static str> {
    if name.len() > Namespace::MAX_BYTES {
        return Some("it is longer than 255 bytes");
    }
    for segment in name.split('/') {
        if segment.is_empty() {
            return Some("a segment is empty; write it like `shop/carts`");
        }
        if segment.len() > Namespace::MAX_SEGMENT_BYTES {
            return Some("a segment is longer than 64 bytes");
        }
        if !segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b)) {
            return Some("a segment holds something else than A–Z a–z 0–9 _ . -");
        }
        if segment.starts_with('.') && !reserved {
            return Some("segments that start with `.` belong to the library");
        }
    }
    None
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Namespace({})", self.0)
    }
}

impl FromStr for Namespace {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::new(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_namespace_is_refused_with_a_reason() {
        let long = "x".repeat(65);
        for bad in ["", "/", "a/", "/a", "a//b", "a:b", "a b", "ä", ".tag", "a/.tag", &long] {
            assert!(Namespace::new(bad).is_err(), "{bad:?}");
        }
        let message = Namespace::new("a/.tag").unwrap_err().to_string();
        assert!(message.contains("belong to the library"), "{message}");
    }

    #[test]
    fn a_sibling_with_a_longer_name_is_not_inside() {
        let users = Namespace::new("users").unwrap();
        assert!(!users.contains(&Namespace::new("users2").unwrap()));
        assert!(users.contains(&users.reserved("tag").unwrap()));
    }
}
