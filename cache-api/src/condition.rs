use std::fmt;

use crate::{Error, Result};

/// When a write may happen: judged and applied by the store in one atomic step.
///
/// `StartsWith` is the one primitive from which leases, locks, compare-and-swap and the commits of
/// streams are built, on one key, so that it works unchanged on a sharded store.
///
/// ```
/// use cache_api::{Condition, Prefix};
///
/// let version = Prefix::new(b"v1......")?;
/// assert!(Condition::StartsWith(version).holds(Some(b"v1......and the rest")));
/// assert!(!Condition::Absent.holds(Some(b"anything")));
/// # Ok::<(), cache_api::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Condition {
    /// Whatever stands there.
    #[default]
    Always,
    /// Only where nothing stands.
    Absent,
    /// Only over an entry that stands.
    Present,
    /// Only over an entry whose value begins with these bytes.
    StartsWith(Prefix),
}

impl Condition {
    /// Whether the condition holds for what stands there (`None`: nothing, or an expired entry).
    #[must_use]
    pub fn holds(&self, standing: Option<&[u8]>) -> bool {
        match (self, standing) {
            (Self::Always, _) | (Self::Absent, None) | (Self::Present, Some(_)) => true,
            (Self::StartsWith(prefix), Some(value)) => value.starts_with(prefix.as_bytes()),
            (Self::Absent, Some(_)) | (Self::Present | Self::StartsWith(_), None) => false,
        }
    }
}

/// 1 to 64 bytes that a value begins with.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Prefix {
    length: u8,
    bytes: [u8; Self::MAX_BYTES],
}

impl Prefix {
    /// The longest prefix that every store can compare.
    pub const MAX_BYTES: usize = 64;

    /// A prefix of 1 to 64 bytes.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for an empty one (it would hold for every value) or a longer one.
    pub fn new(prefix: &[u8]) -> Result<Self> {
        if prefix.is_empty() || prefix.len() > Self::MAX_BYTES {
            return Err(Error::InvalidArgument {
                operation: "condition",
                reason: format!(
                    "a prefix has 1 to {} bytes, this one has {}",
                    Self::MAX_BYTES,
                    prefix.len()
                )
                .into(),
            });
        }
        let mut bytes = [0; Self::MAX_BYTES];
        bytes[..prefix.len()].copy_from_slice(prefix);
        Ok(Self { length: prefix.len() as u8, bytes })
    }

    /// The bytes themselves.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

/// Escaped: a prefix is the head of a value, which may hold anything.
impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prefix({} bytes)", self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_has_1_to_64_bytes() {
        assert!(Prefix::new(b"").is_err());
        assert_eq!(Prefix::new(&[7; 64]).unwrap().as_bytes(), [7; 64]);
        assert!(Prefix::new(&[7; 65]).is_err());
    }

    #[test]
    fn a_shorter_value_does_not_start_with_a_longer_prefix() {
        let condition = Condition::StartsWith(Prefix::new(b"abc").unwrap());
        assert!(!condition.holds(Some(b"ab")));
        assert!(condition.holds(Some(b"abc")));
        assert!(!condition.holds(None));
    }

    #[test]
    fn debug_does_not_print_the_head_of_a_value() {
        let prefix = Prefix::new(b"secret").unwrap();
        assert!(!format!("{prefix:?}").contains("secret"));
    }
}
