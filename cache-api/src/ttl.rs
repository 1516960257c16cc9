use std::time::Duration;

/// How long an entry lives. A [`Duration`] converts into it.
///
/// ```
/// use cache_api::Ttl;
/// use std::time::Duration;
///
/// assert_eq!(Ttl::from(Duration::from_millis(1500)).millis(), Some(1500));
/// assert_eq!(Ttl::After(Duration::from_nanos(1)).millis(), Some(1));
/// assert_eq!(Ttl::After(Duration::MAX).millis(), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ttl {
    /// Until it is deleted or evicted.
    Never,
    /// This long, counted from the write. Zero leaves no entry.
    After(Duration),
}

impl Ttl {
    /// The lifetime over which an entry lives for ever: 100 years of 365 days.
    pub const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

    /// The lifetime in whole milliseconds: the one normalisation that every store uses.
    ///
    /// `None` is for ever; `Some(0)` leaves no entry. Parts of a millisecond round up, and more than
    /// [`LONGEST`](Self::LONGEST) is for ever.
    #[must_use]
    pub fn millis(self) -> Option<u64> {
        match self {
            Self::After(lifetime) if lifetime <= Self::LONGEST => {
                Some(lifetime.as_nanos().div_ceil(1_000_000) as u64)
            }
            Self::After(_) | Self::Never => None,
        }
    }

    /// Whether an entry with this lifetime does not come to be.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        matches!(self, Self::After(Duration::ZERO))
    }
}

impl From<Duration> for Ttl {
    fn from(lifetime: Duration) -> Self {
        Self::After(lifetime)
    }
}

/// What is left of an entry's lifetime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remaining {
    /// No entry stands there.
    Missing,
    /// It lives until it is deleted or evicted.
    Never,
    /// It lives this much longer.
    For(Duration),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalisation_keeps_its_edges() {
        assert_eq!(Ttl::After(Duration::ZERO).millis(), Some(0));
        assert_eq!(Ttl::After(Duration::from_micros(1001)).millis(), Some(2));
        assert_eq!(Ttl::After(Ttl::LONGEST).millis(), Some(3_153_600_000_000));
        assert_eq!(Ttl::After(Ttl::LONGEST + Duration::from_nanos(1)).millis(), None);
        assert_eq!(Ttl::Never.millis(), None);
    }
}
