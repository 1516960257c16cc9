//! What became of a request, as `Cache-Status` says it (RFC 9211).

use http::{HeaderName, HeaderValue};

use crate::rules::{request::Bypass, response::Refusal};

pub(crate) const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Answered from the store.
    Hit,
    /// Answered from a recording that someone is making.
    Followed,
    /// Asked of the origin, and being recorded.
    Recorded,
    /// Asked of the origin, and not stored.
    NotStored(Refusal),
    /// Asked of the origin: the store had nothing for it, and nothing was to be stored.
    Missed,
    /// Asked of the origin alone.
    Bypassed(Bypass),
}

impl Outcome {
    pub(crate) fn header(self) -> HeaderValue {
        let text = match self {
            Self::Hit => "larder; hit".into(),
            Self::Followed => "larder; fwd=uri-miss; collapsed".into(),
            Self::Recorded => "larder; fwd=uri-miss; stored".into(),
            Self::NotStored(refusal) => {
                format!("larder; fwd=uri-miss; detail={}", refusal.as_str())
            }
            Self::Missed => "larder; fwd=miss".into(),
            Self::Bypassed(Bypass::Method) => "larder; fwd=method".into(),
            Self::Bypassed(bypass) => format!("larder; fwd=bypass; detail={}", bypass.as_str()),
        };
        HeaderValue::try_from(text).expect("printable ASCII makes a header")
    }
}
