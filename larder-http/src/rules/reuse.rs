//! May a stored response be used for this request, as it is (RFC 9111, section 4)?

use std::time::Duration;

use http::HeaderMap;
use serde::{Deserialize, Serialize};

use super::cache_control::CacheControl;

/// What a stored response says about its use. Kept beside it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Freshness {
    /// How long it is fresh, in milliseconds from when it came.
    pub(crate) left_ms: u64,
    /// How long it is of any use, in milliseconds from when it came.
    pub(crate) kept_ms: u64,
    /// How old it was when it came, in milliseconds.
    pub(crate) age_ms: u64,
    /// How long after that it may be used while it is validated (RFC 5861, section 3).
    pub(crate) while_ms: u64,
    /// How long after that it may be used when the origin fails (RFC 5861, section 4).
    pub(crate) error_ms: u64,
    /// `no-cache`: never without a validation (RFC 9111, section 5.2.2.4).
    pub(crate) always_validate: bool,
    /// Never stale: `must-revalidate`, `proxy-revalidate`, `s-maxage` (RFC 9111, sections 5.2.2.2,
    /// 5.2.2.8 and 5.2.2.10).
    pub(crate) never_stale: bool,
    /// RFC 8246: it does not change while it is fresh.
    pub(crate) immutable: bool,
    /// It may be used for requests with `Authorization` (RFC 9111, section 3.5).
    pub(crate) authorized: bool,
}

/// What a request asks of a stored response (RFC 9111, section 5.2.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Wants {
    pub(crate) no_cache: bool,
    pub(crate) max_age: Option<u64>,
    pub(crate) min_fresh: Option<u64>,
    pub(crate) max_stale: Option<u64>,
    pub(crate) only_if_cached: bool,
}

/// How a stored response may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reuse {
    Fresh,
    /// Past its time, and the client takes that.
    Stale,
    /// Past its time, and to be validated meanwhile.
    StaleWhileValidated,
    /// Not before the origin has said that it is still good.
    Validated,
}

impl Wants {
    /// `Pragma: no-cache` counts where there is no `Cache-Control` (RFC 9111, section 5.4).
    pub(crate) fn of(headers: &HeaderMap, control: &CacheControl) -> Self {
        use http::header::{CACHE_CONTROL, PRAGMA};
        let is_no_cache = |line: &http::HeaderValue| {
            let mut parts = line.as_bytes().split(|&b| b == b',').map(<[u8]>::trim_ascii);
            parts.any(|part| part.eq_ignore_ascii_case(b"no-cache"))
        };
        let pragma =
            !headers.contains_key(CACHE_CONTROL) && headers.get_all(PRAGMA).iter().any(is_no_cache);
        Self {
            no_cache: pragma || control.no_cache != super::cache_control::Scope::Nothing,
            max_age: control.max_age,
            min_fresh: control.min_fresh,
            max_stale: control.max_stale,
            only_if_cached: control.only_if_cached,
        }
    }

    /// Whether nothing that is stored would do.
    pub(crate) fn is_origin_only(&self) -> bool {
        self.no_cache || self.max_age == Some(0)
    }
}

impl Freshness {
    /// How old it is, so long after it came.
    pub(crate) fn age(&self, resident: Duration) -> Duration {
        Duration::from_millis(self.age_ms).saturating_add(resident)
    }

    /// Whether it is fresh, so long after it came.
    pub(crate) fn is_fresh(&self, resident: Duration) -> bool {
        !self.always_validate && millis(resident) < self.left_ms
    }

    /// Whether and how it may be used, so long after it came.
    pub(crate) fn judge(&self, wants: &Wants, resident: Duration) -> Reuse {
        let (resident_ms, age) = (millis(resident), self.age(resident).as_secs());
        if self.always_validate || wants.no_cache {
            return Reuse::Validated;
        }
        let fresh = resident_ms < self.left_ms;
        if fresh && self.immutable {
            return Reuse::Fresh;
        }
        let left = self.left_ms.saturating_sub(resident_ms) / 1000;
        if wants.max_age.is_some_and(|most| age > most || most == 0)
            || wants.min_fresh.is_some_and(|least| left < least)
        {
            return Reuse::Validated;
        }
        if fresh {
            return Reuse::Fresh;
        }
        if self.never_stale {
            return Reuse::Validated;
        }
        let past = resident_ms - self.left_ms;
        if wants.max_stale.is_some_and(|most| past / 1000 <= most) {
            return Reuse::Stale;
        }
        if past < self.while_ms { Reuse::StaleWhileValidated } else { Reuse::Validated }
    }

    /// Whether it may be used in place of the origin's failure. `disconnected`: whether it is up to the
    /// cache where nothing is said (RFC 9111, section 4.2.4).
    pub(crate) fn may_hide_failure(&self, resident: Duration, disconnected: bool) -> bool {
        if self.always_validate || self.never_stale {
            return false;
        }
        disconnected || millis(resident).saturating_sub(self.left_ms) < self.error_ms
    }
}

pub(crate) fn millis(duration: Duration) -> u64 {
    duration.as_millis().try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    /// Fresh for ten seconds, and two seconds old when it came.
    const TEN: Freshness = Freshness {
        left_ms: 10_000,
        kept_ms: 10_000,
        age_ms: 2_000,
        while_ms: 0,
        error_ms: 0,
        always_validate: false,
        never_stale: false,
        immutable: false,
        authorized: false,
    };

    fn judge(freshness: Freshness, request: &str, seconds: u64) -> Reuse {
        let mut headers = HeaderMap::new();
        headers.insert("cache-control", HeaderValue::from_str(request).unwrap());
        let wants = Wants::of(&headers, &CacheControl::of(&headers));
        freshness.judge(&wants, Duration::from_secs(seconds))
    }

    #[test]
    fn what_a_request_asks_for() {
        use Reuse::{Fresh, Stale, Validated};
        for (request, seconds, expected) in [
            ("", 9, Fresh),
            ("", 10, Validated),
            ("no-cache", 0, Validated),
            ("max-age=0", 0, Validated),
            ("max-age=5", 3, Fresh),
            ("max-age=5", 4, Validated),
            ("min-fresh=5", 5, Fresh),
            ("min-fresh=5", 6, Validated),
            ("max-stale=5", 15, Stale),
            ("max-stale=5", 16, Validated),
            ("max-stale", 1_000_000, Stale),
            ("max-stale, max-age=5", 12, Validated),
        ] {
            assert_eq!(judge(TEN, request, seconds), expected, "{request} after {seconds} s");
        }
    }

    #[test]
    fn what_a_response_says() {
        let must = Freshness { never_stale: true, while_ms: 5000, error_ms: 5000, ..TEN };
        assert_eq!(judge(must, "max-stale", 11), Reuse::Validated);
        assert!(!must.may_hide_failure(Duration::from_secs(11), true));
        let never = Freshness { always_validate: true, ..TEN };
        assert_eq!(judge(never, "max-stale", 0), Reuse::Validated);
        let meanwhile = Freshness { while_ms: 5000, ..TEN };
        assert_eq!(judge(meanwhile, "", 14), Reuse::StaleWhileValidated);
        assert_eq!(judge(meanwhile, "", 15), Reuse::Validated);
        assert_eq!(judge(meanwhile, "no-cache", 14), Reuse::Validated);
        let immutable = Freshness { immutable: true, ..TEN };
        assert_eq!(judge(immutable, "max-age=0", 9), Reuse::Fresh);
        assert_eq!(judge(immutable, "max-age=0", 10), Reuse::Validated);
        assert_eq!(judge(immutable, "no-cache", 9), Reuse::Validated);
    }

    #[test]
    fn a_failure_is_hidden_for_as_long_as_is_said() {
        let error = Freshness { error_ms: 5000, ..TEN };
        let hides =
            |seconds, up_to_us| error.may_hide_failure(Duration::from_secs(seconds), up_to_us);
        assert!(hides(3, false) && hides(14, false) && !hides(15, false) && hides(15, true));
    }

    #[test]
    fn pragma_counts_without_cache_control_alone() {
        let mut headers =
            HeaderMap::from_iter([(http::header::PRAGMA, HeaderValue::from_static("x, No-Cache"))]);
        let wants = |headers: &HeaderMap| Wants::of(headers, &CacheControl::of(headers));
        assert!(wants(&headers).no_cache);
        headers.insert("cache-control", HeaderValue::from_static("max-stale=5"));
        assert!(!wants(&headers).no_cache);
    }
}
