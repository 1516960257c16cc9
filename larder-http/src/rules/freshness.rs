//! How long a response says that it stays good (RFC 9111, section 4.2).

use std::time::{Duration, SystemTime};

use http::{
    HeaderMap,
    header::{AGE, DATE, EXPIRES},
};

use super::cache_control::{CacheControl, MOST_SECONDS};

/// The lifetime that the response itself names for a shared cache, less the age it already has.
/// `None`: it names none.
pub(crate) fn explicit(
    headers: &HeaderMap,
    control: &CacheControl,
    now: SystemTime,
) -> Option<Duration> {
    let lifetime = control
        .s_maxage
        .or(control.max_age)
        .map(Duration::from_secs)
        .or_else(|| headers.contains_key(EXPIRES).then(|| until_expires(headers, now)))?;
    Some(lifetime.saturating_sub(age(headers)))
}

/// `Expires` counts from `Date`, so that neither clock must be right. What is no date has passed.
fn until_expires(headers: &HeaderMap, now: SystemTime) -> Duration {
    let date = |name| {
        headers.get(name).and_then(|value| httpdate::parse_http_date(value.to_str().ok()?).ok())
    };
    let several = headers.get_all(EXPIRES).iter().count() > 1;
    let Some(expires) = date(EXPIRES).filter(|_| !several) else { return Duration::ZERO };
    let lifetime = expires.duration_since(date(DATE).unwrap_or(now)).unwrap_or_default();
    lifetime.min(Duration::from_secs(MOST_SECONDS))
}

/// What caches before us counted. An unreadable one is as old as can be.
pub(crate) fn age(headers: &HeaderMap) -> Duration {
    let ages = headers.get_all(AGE).iter();
    let read = |value: &http::HeaderValue| value.to_str().ok()?.trim().parse::<u64>().ok();
    Duration::from_secs(ages.map(|value| read(value).unwrap_or(MOST_SECONDS)).max().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: &str = "Sun, 06 Nov 1994 12:00:00 GMT";
    const ONE: &str = "Sun, 06 Nov 1994 13:00:00 GMT";

    fn lifetime(headers: &[(&'static str, &str)]) -> Option<u64> {
        let headers: HeaderMap = headers
            .iter()
            .map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap()))
            .collect::<HeaderMap>();
        let now = httpdate::parse_http_date(NOON).unwrap();
        explicit(&headers, &CacheControl::of(&headers), now).map(|left| left.as_secs())
    }

    #[test]
    fn the_rules_in_their_order() {
        for (headers, expected) in [
            (&[][..], None),
            (&[("cache-control", "public")], None),
            (&[("cache-control", "max-age=60")], Some(60)),
            (&[("cache-control", "max-age=60, s-maxage=10"), ("expires", ONE)], Some(10)),
            (&[("cache-control", "s-maxage=60, max-age=0")], Some(60)),
            (&[("cache-control", "s-maxage=0, max-age=60")], Some(0)),
            (&[("cache-control", "max-age=60"), ("age", "45")], Some(15)),
            (&[("cache-control", "max-age=60"), ("age", "90")], Some(0)),
            (&[("cache-control", "max-age=60"), ("age", "soon")], Some(0)),
            (&[("expires", ONE)], Some(3600)),
            (&[("expires", ONE), ("date", ONE)], Some(0)),
            (&[("expires", ONE), ("date", NOON), ("age", "600")], Some(3000)),
            (&[("expires", NOON), ("date", ONE)], Some(0)),
            (&[("expires", "0")], Some(0)),
        ] {
            assert_eq!(lifetime(headers), expected, "{headers:?}");
        }
    }
}
