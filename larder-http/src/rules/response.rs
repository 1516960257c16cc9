//! May this response be stored, for how long, and for whom may it be used?

use std::time::{Duration, SystemTime};

use http::{
    HeaderMap, HeaderName, StatusCode,
    header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_LENGTH, ORIGIN, SET_COOKIE},
};

use super::{
    cache_control::{CacheControl, MOST_SECONDS, Scope},
    freshness,
    request::Asked,
    reuse::{Freshness, millis},
    targeted, validators, vary,
};
use crate::{Control, Preset};

/// How long what is past its time is kept, for the origin to say that it is still good: as long as it was
/// fresh, within these.
const KEPT: (Duration, Duration) = (Duration::from_secs(600), Duration::from_secs(24 * 3600));

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
    /// The request had credentials, and the response does not say that it is for everyone.
    Authorization,
    /// The handler said so.
    Control,
    /// One of its tags was invalidated while the origin was asked, or there are too many.
    Tags,
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
            Self::Authorization => "authorization",
            Self::Control => "control",
            Self::Tags => "tags",
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
    pub(crate) preset: Preset,
    /// The lifetime of what names none itself, and the longest of what does.
    pub(crate) ttl: Option<Duration>,
    pub(crate) max_length: u64,
    /// Whether a request header is part of the key.
    pub(crate) is_keyed: &'a dyn Fn(&HeaderName) -> bool,
    pub(crate) now: SystemTime,
    /// How long the origin took.
    pub(crate) delay: Duration,
    /// What the handler said.
    pub(crate) control: Option<&'a Control>,
}

/// A response that may be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Storable {
    pub(crate) freshness: Freshness,
    /// How long it is of any use.
    pub(crate) kept: Duration,
    /// Fields that are not stored with it.
    pub(crate) without: Vec<HeaderName>,
    /// Request headers that it depends on, beyond those that are part of every key.
    pub(crate) vary: Vec<HeaderName>,
}

/// Whether and how this response to a GET may be stored (RFC 9111, section 3).
///
/// `length` is what the body says of its length, where it knows it.
pub(crate) fn judge(
    status: StatusCode,
    headers: &HeaderMap,
    length: Option<u64>,
    asked: Asked,
    terms: &Terms<'_>,
) -> Result<Storable, Refusal> {
    let is_safe = terms.preset == Preset::Safe;
    let general = CacheControl::of(headers);
    let targeted = targeted::of(headers);
    let is_targeted = targeted.is_some();
    let control = targeted.unwrap_or_else(|| general.clone());
    let explicit = freshness::explicit(headers, &control, is_targeted, terms.now);
    if terms.control.is_some_and(|control| !control.stored) {
        return Err(Refusal::Control);
    }
    let is_known = explicit.is_some() || terms.control.is_some_and(|control| control.ttl.is_some());
    may_be_stored(status, &control, is_known, is_safe)?;
    if is_safe {
        // What one field forbids, the other does not allow.
        may_be_shared(headers, &general, asked, terms)?;
        may_be_shared(headers, &control, asked, terms)?;
    }
    if asked.authorized && !is_for_authorized(&control) {
        return Err(Refusal::Authorization);
    }
    let mut vary = vary::names(headers).ok_or(Refusal::Vary)?;
    vary.retain(|name| !(terms.is_keyed)(name));
    if is_safe && !vary.is_empty() {
        return Err(Refusal::Vary);
    }
    let declared = declared_length(headers).map_err(|Unclear| Refusal::Size)?;
    let disagree = declared.is_some() && length.is_some() && declared != length;
    let too_long = declared.max(length).is_some_and(|length| length > terms.max_length);
    if disagree || too_long || header_bytes(headers) > MOST_HEADER_BYTES {
        return Err(Refusal::Size);
    }
    let age = freshness::initial_age(headers, terms.now, terms.delay);
    let left = left(status, headers, &control, explicit, age, terms);
    let never_stale =
        control.must_revalidate || control.proxy_revalidate || control.s_maxage.is_some();
    let grace = |seconds: Option<u64>| match seconds {
        Some(seconds) if !never_stale => seconds * 1000,
        _ => 0,
    };
    let mut freshness = Freshness {
        kept_ms: 0,
        left_ms: millis(left),
        age_ms: millis(age),
        while_ms: grace(control.stale_while_revalidate),
        error_ms: grace(control.stale_if_error),
        always_validate: control.no_cache.is_whole(),
        never_stale,
        immutable: control.immutable,
        authorized: is_for_authorized(&control),
    };
    let kept = kept(&freshness, left, validators::has_any(headers), is_safe)?;
    freshness.kept_ms = millis(kept);
    let without = [control.private.fields(), control.no_cache.fields()].concat();
    Ok(Storable { freshness, kept, without, vary })
}

/// Whether status and directives allow it. `is_known`: something says how long it is fresh.
fn may_be_stored(
    status: StatusCode,
    control: &CacheControl,
    is_known: bool,
    is_safe: bool,
) -> Result<(), Refusal> {
    let failure = if status.is_server_error() { Refusal::Failure } else { Refusal::Status };
    let is_allowed = if is_safe {
        is_good_by_default(status) || is_known && is_good_if_it_says_so(status)
    } else {
        // A final status. A part and a 304 need more than being stored; 206 is passed on.
        let is_whole = status.as_u16() >= 200 && ![206, 304].contains(&status.as_u16());
        let understood = is_good_by_default(status) || is_good_for_a_guess(status);
        // RFC 9111, section 5.2.2.3.
        let must = control.must_understand && !(understood || is_good_if_it_says_so(status));
        is_whole && !must && (is_known || control.public || understood)
    };
    if !is_allowed {
        return Err(failure);
    }
    // Who understands the status need not heed a `no-store` beside it.
    let no_store = control.no_store && (is_safe || !control.must_understand);
    if no_store || control.private.is_whole() {
        return Err(Refusal::CacheControl);
    }
    Ok(())
}

/// What [`Preset::Safe`] asks beyond the standard.
fn may_be_shared(
    headers: &HeaderMap,
    control: &CacheControl,
    asked: Asked,
    terms: &Terms<'_>,
) -> Result<(), Refusal> {
    let limited = [&control.private, &control.no_cache].iter().any(|s| **s != Scope::Nothing);
    if control.no_store || limited || control.malformed {
        return Err(Refusal::CacheControl);
    }
    if headers.contains_key(SET_COOKIE) {
        return Err(Refusal::SetCookie);
    }
    if !is_for_any_origin(headers) && !(terms.is_keyed)(&ORIGIN) {
        return Err(Refusal::Cors);
    }
    if asked.cookie && !is_for_everyone(control) {
        return Err(Refusal::Cookie);
    }
    Ok(())
}

/// How long it is fresh from now on.
fn left(
    status: StatusCode,
    headers: &HeaderMap,
    control: &CacheControl,
    explicit: Option<Duration>,
    age: Duration,
    terms: &Terms<'_>,
) -> Duration {
    let longest = Duration::from_secs(MOST_SECONDS);
    if let Some(told) = terms.control.and_then(|control| control.ttl) {
        return told.min(longest);
    }
    let left = match explicit {
        Some(lifetime) => lifetime.saturating_sub(age).min(terms.ttl.unwrap_or(longest)),
        None if terms.ttl.is_some() && is_good_by_default(status) => terms.ttl.unwrap_or_default(),
        None if terms.preset == Preset::Safe => Duration::ZERO,
        // RFC 9111, section 4.2.2.
        None if control.public || is_good_for_a_guess(status) => {
            let guess = freshness::heuristic(headers, terms.now).unwrap_or_default();
            guess.saturating_sub(age)
        }
        None => Duration::ZERO,
    };
    left.min(longest)
}

/// How long it is of any use.
fn kept(
    freshness: &Freshness,
    left: Duration,
    can_be_validated: bool,
    is_safe: bool,
) -> Result<Duration, Refusal> {
    let grace = Duration::from_millis(freshness.while_ms.max(freshness.error_ms));
    if left.is_zero() && (is_safe || !can_be_validated && grace.is_zero()) {
        return Err(Refusal::Stale);
    }
    if freshness.always_validate && !can_be_validated {
        return Err(Refusal::CacheControl);
    }
    // A client may take it stale, and so may we when the origin is gone.
    let is_of_use_stale = can_be_validated || !is_safe && !freshness.never_stale;
    let kept = if is_of_use_stale { left.clamp(KEPT.0, KEPT.1) } else { Duration::ZERO };
    Ok((left + kept.max(grace)).min(Duration::from_secs(MOST_SECONDS)))
}

/// Whether a stored response may answer this request too.
pub(crate) fn may_answer(headers: &HeaderMap, freshness: &Freshness, asked: Asked) -> bool {
    (!asked.cookie || is_for_everyone(&CacheControl::of(headers)))
        && (!asked.authorized || freshness.authorized)
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

/// Those that may be stored for as long as a guess says (RFC 9110, section 15.1).
fn is_good_for_a_guess(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200 | 203 | 204 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501)
}

/// RFC 9111, section 3.5.
fn is_for_authorized(control: &CacheControl) -> bool {
    control.public || control.s_maxage.is_some() || control.must_revalidate
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
