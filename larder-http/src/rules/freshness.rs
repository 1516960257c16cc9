//! How long a response stays good, and how old it is (RFC 9111, section 4.2).

use std::time::{Duration, SystemTime};

use http::{
    HeaderMap, HeaderValue,
    header::{AGE, DATE, EXPIRES, LAST_MODIFIED},
};

use super::{
    cache_control::{CacheControl, MOST_SECONDS, seconds},
    date,
};

/// A guess is never longer than this.
const LONGEST_GUESS: Duration = Duration::from_secs(7 * 24 * 3600);

/// The lifetime that a response names for a shared cache, from its origination on (RFC 9111, section
/// 4.2.1): `s-maxage`, else `max-age`, else `Expires`. `None`: it names none.
pub(crate) fn explicit(
    headers: &HeaderMap,
    control: &CacheControl,
    is_targeted: bool,
    received: SystemTime,
) -> Option<Duration> {
    let directive = control.s_maxage.or(control.max_age).map(Duration::from_secs);
    // Who has a field of his own is not meant by the others (RFC 9213, section 2.2).
    let has_expires = !is_targeted && headers.contains_key(EXPIRES);
    directive.or_else(|| has_expires.then(|| until_expires(headers, received)))
}

/// `Expires` counts from `Date`, so that neither clock must be right. What is no date, or stands there
/// several times, has passed (RFC 9111, section 5.3).
fn until_expires(headers: &HeaderMap, received: SystemTime) -> Duration {
    let Some(expires) = date::of(headers, &EXPIRES) else { return Duration::ZERO };
    let lifetime = expires.duration_since(originated(headers, received)).unwrap_or_default();
    lifetime.min(Duration::from_secs(MOST_SECONDS))
}

/// A guess by how long it has not changed: a tenth of that (RFC 9111, section 4.2.2).
pub(crate) fn heuristic(headers: &HeaderMap, received: SystemTime) -> Option<Duration> {
    let modified = date::of(headers, &LAST_MODIFIED)?;
    let unchanged = originated(headers, received).duration_since(modified).unwrap_or_default();
    Some((unchanged / 10).min(LONGEST_GUESS))
}

/// When the origin made it: `Date`, else when it came (RFC 9110, section 6.6.1).
fn originated(headers: &HeaderMap, received: SystemTime) -> SystemTime {
    date::of(headers, &DATE).unwrap_or(received)
}

/// How old a response already was when it came (RFC 9111, section 4.2.3). `delay`: how long the answer
/// took to come.
pub(crate) fn initial_age(headers: &HeaderMap, received: SystemTime, delay: Duration) -> Duration {
    let apparent = received.duration_since(originated(headers, received)).unwrap_or_default();
    let told = age(headers);
    // On its way it may have aged by the delay; a second and more is worth the mention.
    let corrected = told.saturating_add(Duration::from_secs(delay.as_secs()));
    let apparent = Duration::from_secs(apparent.as_secs());
    apparent.max(corrected).min(Duration::from_secs(MOST_SECONDS))
}

/// What caches before us counted (RFC 9111, section 5.1). What is no number, or stands there several
/// times, is as old as can be: caches are encouraged to take what cannot be read for stale (section 4.2.1).
pub(crate) fn age(headers: &HeaderMap) -> Duration {
    let mut lines = headers.get_all(AGE).iter().map(HeaderValue::as_bytes);
    let seconds = match (lines.next(), lines.next()) {
        (None, _) => 0,
        (Some(age), None) if is_number(age.trim_ascii()) => seconds(age.trim_ascii()),
        _ => MOST_SECONDS,
    };
    Duration::from_secs(seconds)
}

fn is_number(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::headers;

    const NOON: &str = "Sun, 06 Nov 1994 12:00:00 GMT";
    const ONE: &str = "Sun, 06 Nov 1994 13:00:00 GMT";

    fn noon() -> SystemTime {
        httpdate::parse_http_date(NOON).unwrap()
    }

    #[test]
    fn the_rules_in_their_order() {
        for (lines, expected) in [
            (&[][..], None),
            (&[("cache-control", "public")], None),
            (&[("cache-control", "max-age=60")], Some(60)),
            (&[("cache-control", "max-age=60, s-maxage=10"), ("expires", ONE)], Some(10)),
            (&[("cache-control", "s-maxage=60, max-age=0")], Some(60)),
            (&[("cache-control", "s-maxage=0, max-age=60")], Some(0)),
            (&[("cache-control", "max-age=x"), ("expires", ONE)], Some(0)),
            (&[("expires", ONE)], Some(3600)),
            (&[("expires", ONE), ("date", ONE)], Some(0)),
            (&[("expires", ONE), ("date", NOON)], Some(3600)),
            (&[("expires", ONE), ("date", "soon")], Some(3600)),
            (&[("expires", NOON), ("date", ONE)], Some(0)),
            (&[("expires", "0")], Some(0)),
            (&[("expires", ONE), ("expires", ONE)], Some(0)),
        ] {
            let headers = headers(lines);
            let control = CacheControl::of(&headers);
            let lifetime = explicit(&headers, &control, false, noon());
            assert_eq!(lifetime.map(|lifetime| lifetime.as_secs()), expected, "{headers:?}");
        }
        let headers = headers(&[("expires", ONE)]);
        assert_eq!(explicit(&headers, &CacheControl::default(), true, noon()), None);
    }

    #[test]
    fn a_guess_is_a_tenth_of_the_time_without_a_change() {
        for (lines, expected) in [
            (&[][..], None),
            (&[("last-modified", NOON), ("date", ONE)], Some(360)),
            (&[("last-modified", ONE), ("date", NOON)], Some(0)),
            (&[("last-modified", "soon")], None),
            (&[("last-modified", "Sun, 06 Nov 1988 12:00:00 GMT")], Some(LONGEST_GUESS.as_secs())),
        ] {
            let guess = heuristic(&headers(lines), noon());
            assert_eq!(guess.map(|guess| guess.as_secs()), expected, "{lines:?}");
        }
    }

    #[test]
    fn the_age_at_first_is_the_greater_of_two_counts() {
        let hour = noon() + Duration::from_secs(3600);
        for (lines, expected) in [
            (&[][..], 3),
            (&[("age", "60")], 63),
            (&[("age", "60, 5")], MOST_SECONDS),
            (&[("age", "60"), ("age", "60")], MOST_SECONDS),
            (&[("age", "soon")], MOST_SECONDS),
            (&[("age", "-7")], MOST_SECONDS),
            (&[("age", "99999999999999999999")], MOST_SECONDS),
            (&[("date", NOON)], 3600),
            (&[("date", NOON), ("age", "7200")], 7203),
            (&[("date", "Sun, 06 Nov 1994 14:00:00 GMT")], 3),
        ] {
            let age = initial_age(&headers(lines), hour, Duration::from_millis(3900));
            assert_eq!(age.as_secs(), expected, "{lines:?}");
        }
    }
}
