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
    /// Answered from the store, past its time.
    Stale,
    /// The same, because the origin failed.
    StaleOnError,
    /// Answered from the store: the origin said that it is still good.
    Validated,
    /// The client wanted no other answer than a stored one, and there is none.
    NotCached,
    /// Asked of the origin, and being recorded.
    Recorded,
    /// The same, in the place of what was past its time.
    Refreshed,
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
            Self::Stale => "larder; hit; detail=stale".into(),
            Self::StaleOnError => "larder; hit; detail=stale-if-error".into(),
            Self::Validated => "larder; fwd=stale; fwd-status=304".into(),
            Self::NotCached => "larder; detail=only-if-cached".into(),
            Self::Refreshed => "larder; fwd=stale; stored".into(),
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
