//! May this response be stored, for how long, and for whom may it be used?

use std::time::{Duration, SystemTime};

use http::{
    HeaderMap, HeaderName, StatusCode,
    header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_LENGTH, ORIGIN, SET_COOKIE},
};

use super::{
    cache_control::{CacheControl, MOST_SECONDS},
    freshness,
    request::Asked,
    vary,
};

/// The longest block of headers that is stored, in bytes.
const MOST_HEADER_BYTES: usize = 64 << 10;

/// Why a response is not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Not a status that others may be given.
    Status,
    /// The origin failed.
    Failure,
    /// `private`, `no-store`, `no-cache`, or what cannot be read.
    CacheControl,
    /// Nothing says how long it stays good, or it is stale already.
    Stale,
    /// It sets a cookie.
    SetCookie,
    /// It depends on more of the request than the key holds.
    Vary,
    /// It allows one origin, and the request's `Origin` is not part of the key.
    Cors,
    /// The request had a cookie, and the response does not say that it is for everyone.
    Cookie,
    /// Its headers are too long, or its length is unclear or over the limit.
    Size,
}

impl Refusal {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Failure => "failure",
            Self::CacheControl => "cache-control",
            Self::Stale => "stale",
            Self::SetCookie => "set-cookie",
            Self::Vary => "vary",
            Self::Cors => "cors",
            Self::Cookie => "cookie",
            Self::Size => "size",
        }
    }

    /// How long nobody queues for an answer here. Short after a failure, which may pass.
    pub(crate) const fn pass_for(self) -> Duration {
        match self {
            Self::Failure => Duration::from_secs(1),
            _ => Duration::from_secs(10),
        }
    }
}

/// What the layer was told, as far as it bears on a response.
pub(crate) struct Terms<'a> {
    /// The lifetime of what names none itself, and the longest of what does.
    pub(crate) ttl: Option<Duration>,
    pub(crate) max_length: u64,
    /// Whether a request header is part of the key.
    pub(crate) is_keyed: &'a dyn Fn(&HeaderName) -> bool,
    pub(crate) now: SystemTime,
}

/// How long this response to a GET may be stored.
///
/// `length` is what the body says of its length, where it knows it.
pub(crate) fn lifetime(
    status: StatusCode,
    headers: &HeaderMap,
    length: Option<u64>,
    asked: Asked,
    terms: &Terms<'_>,
) -> Result<Duration, Refusal> {
    if status.is_server_error() {
        return Err(Refusal::Failure);
    }
    let control = CacheControl::of(headers);
    let explicit = freshness::explicit(headers, &control, terms.now);
    if !(is_good_by_default(status) || explicit.is_some() && is_good_if_it_says_so(status)) {
        return Err(Refusal::Status);
    }
    if control.private || control.no_store || control.no_cache || control.malformed {
        return Err(Refusal::CacheControl);
    }
    if headers.contains_key(SET_COOKIE) {
        return Err(Refusal::SetCookie);
    }
    if !vary::is_within(headers, terms.is_keyed) {
        return Err(Refusal::Vary);
    }
    if !is_for_any_origin(headers) && !(terms.is_keyed)(&ORIGIN) {
        return Err(Refusal::Cors);
    }
    if asked.cookie && !is_for_everyone(&control) {
        return Err(Refusal::Cookie);
    }
    let declared = declared_length(headers).map_err(|Unclear| Refusal::Size)?;
    let disagree = declared.is_some() && length.is_some() && declared != length;
    let too_long = declared.max(length).is_some_and(|length| length > terms.max_length);
    if disagree || too_long || header_bytes(headers) > MOST_HEADER_BYTES {
        return Err(Refusal::Size);
    }
    let lifetime = match (explicit, terms.ttl) {
        (Some(explicit), Some(ttl)) => explicit.min(ttl),
        (Some(only), None) | (None, Some(only)) => only,
        (None, None) => return Err(Refusal::Stale),
    };
    if lifetime.is_zero() {
        Err(Refusal::Stale)
    } else {
        Ok(lifetime.min(Duration::from_secs(MOST_SECONDS)))
    }
}

/// Whether a stored response may answer this request too.
pub(crate) fn may_answer(headers: &HeaderMap, asked: Asked) -> bool {
    !asked.cookie || is_for_everyone(&CacheControl::of(headers))
}

/// `Content-Length` contradicts itself or is no number.
#[derive(Debug)]
pub(crate) struct Unclear;

/// The length that the headers declare.
pub(crate) fn declared_length(headers: &HeaderMap) -> Result<Option<u64>, Unclear> {
    let mut lines = headers.get_all(CONTENT_LENGTH).iter();
    let Some(first) = lines.next() else { return Ok(None) };
    let text = first.to_str().ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
    let length = text.and_then(|text| text.parse().ok()).ok_or(Unclear)?;
    if lines.any(|other| other != first) { Err(Unclear) } else { Ok(Some(length)) }
}

/// Complete answers that stay good for as long as whoever set up the layer says.
fn is_good_by_default(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200 | 203 | 204 | 300 | 301 | 308)
}

/// Answers that last only where the response itself says how long: an error that a crafted request
/// provoked must not become everyone's for an hour.
fn is_good_if_it_says_so(status: StatusCode) -> bool {
    matches!(status.as_u16(), 302 | 307 | 404 | 410)
}

fn is_for_everyone(control: &CacheControl) -> bool {
    control.public || control.s_maxage.is_some()
}

fn is_for_any_origin(headers: &HeaderMap) -> bool {
    headers.get_all(ACCESS_CONTROL_ALLOW_ORIGIN).iter().all(|origin| origin == "*")
}

fn header_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 2).sum()
}

#[cfg(test)]
mod tests;
