//! Whatever stands in headers, no rule panics, and what is decided stays within its bounds: for tests and
//! fuzzers.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, Method, Request, StatusCode, Uri};

use super::{
    cache_control, hop_by_hop, invalidation, range, request, response, rest, tags, update,
    validators, vary,
};
use crate::Preset;

/// Asks every rule about a request with these headers and a response with those.
///
/// # Panics
///
/// If a decision is out of its bounds.
pub(crate) fn apply(
    asked: &HeaderMap,
    given: &HeaderMap,
    safe: bool,
    status: StatusCode,
    seconds: u64,
) {
    let preset = if safe { Preset::Safe } else { Preset::Rfc9111 };
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.headers = asked.clone();
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let terms = response::Terms {
        preset,
        ttl: None,
        max_length: 100,
        is_keyed: &|_| false,
        now,
        delay: Duration::from_secs(seconds),
        control: None,
    };
    let admitted = request::admit(&parts, false, preset).unwrap_or_default();
    if let Ok(stored) = response::judge(status, given, None, admitted, &terms) {
        let resident = Duration::from_secs(seconds);
        let _ = stored.freshness.judge(&admitted.wants, resident);
        let _ = stored.freshness.may_hide_failure(resident, !safe);
        let _ = response::may_answer(given, &stored.freshness, admitted);
        assert!(stored.kept <= Duration::from_secs(cache_control::MOST_SECONDS));
        assert!(!safe || stored.vary.is_empty() && stored.freshness.left_ms > 0);
    }
    let _ = validators::is_not_modified(asked, status, given, now);
    let _ = validators::may_give_part(asked, given);
    let _ = validators::is_about(given, asked);
    if let range::Part::Bytes(bytes) = range::of(asked, seconds) {
        assert!(bytes.start < bytes.end && bytes.end <= seconds);
        if let Some(tag) = validators::strong_tag(given).cloned() {
            let wanted = rest::Wanted { missing: bytes, total: seconds, tag };
            let (mut answer, ()) = http::Response::new(()).into_parts();
            (answer.status, answer.headers) = (status, given.clone());
            let begins = rest::begins_at(&answer, &wanted);
            assert!([None, Some(0), Some(wanted.missing.start)].contains(&begins));
            rest::ask(&mut asked.clone(), &wanted);
        }
    }
    let _ = tags::of(given, None);
    let target = Uri::from_static("/a/b?c");
    for uri in invalidation::elsewhere("http", "shop.example", &target, given) {
        assert!(uri.authority().is_none_or(|authority| authority == "shop.example"));
    }
    let _ = invalidation::may_change(&Method::GET);
    for name in vary::names(given).unwrap_or_default() {
        let normal = vary::normal(asked, &name);
        assert_eq!(normal.is_some(), asked.contains_key(&name));
    }
    let mut stored = hop_by_hop::stored(given);
    update::merge(&mut stored, asked, safe);
    update::not_modified(&mut stored);
    validators::ask(&mut stored, given);
}
