use std::{fmt, str::FromStr};

use cache_api::{Error, Result};

use crate::envelope::Version;

/// Which write it was, for a reader on another server who must see it.
///
/// That reader's [near](crate::Near) copy may be older than the write, for as long as a report of the
/// change takes to arrive. With the token, in a cookie or a header, it reads past every copy but that of
/// this very write.
///
/// ```
/// # use larder::{Larder, ReadToken};
/// # use std::time::Duration;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), larder::Error> {
/// # let larder = Larder::new(backend_memory::MemoryCache::builder().build());
/// let users = larder.namespace("users")?.typed::<String>();
/// let token = users.set(42, &"Ada".into()).ttl(Duration::from_secs(60)).token().await?;
/// let cookie = token.expect("without a condition it is stored").to_string();
///
/// // On another server, with the next request:
/// let users = users.near();
/// let user = users.get(42).after(&cookie.parse()?).await?;
/// assert_eq!(user.as_deref().map(String::as_str), Some("Ada"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReadToken(Version);

impl ReadToken {
    pub(crate) const fn new(version: Version) -> Self {
        Self(version)
    }

    pub(crate) const fn version(self) -> Version {
        self.0
    }
}

/// Sixteen hexadecimal digits.
impl fmt::Display for ReadToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(*self.0.as_bytes()))
    }
}

impl FromStr for ReadToken {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let digits = Some(text).filter(|text| text.len() == 16 && !text.starts_with('+'));
        let version = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
        version.map(|version| Self(Version::from_bytes(version.to_be_bytes()))).ok_or_else(|| {
            Error::InvalidArgument {
                operation: "read",
                reason: "a read token has 16 hexadecimal digits".into(),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_its_text_and_nothing_else_is_one() {
        let token = ReadToken::new(Version::from_bytes([0, 1, 2, 3, 4, 5, 6, 0xFF]));
        assert_eq!(token.to_string(), "00010203040506ff");
        assert_eq!(token.to_string().parse::<ReadToken>().unwrap(), token);
        for bad in ["", "0001", "+00102030405060ff", "00010203040506fg", "00010203040506ff0"] {
            assert!(bad.parse::<ReadToken>().is_err(), "{bad}");
        }
    }
}
