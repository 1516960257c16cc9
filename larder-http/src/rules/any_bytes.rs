//! Whatever stands in headers, no rule panics, and what is decided stays within its bounds.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use proptest::prelude::*;

use super::*;
use crate::Preset;

const NAMES: [&str; 18] = [
    "age",
    "cache-control",
    "cache-tag",
    "cdn-cache-control",
    "connection",
    "content-length",
    "content-location",
    "date",
    "etag",
    "expires",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "last-modified",
    "location",
    "pragma",
    "range",
    "vary",
];

/// What means something, now and then cut short or altered, and any bytes.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        "max-age=60, private=\"a, b\", no-cache",
        "s-maxage=99999999999999999999, stale-while-revalidate=\"5\"",
        "max-age=1;a=\"\\\"\", no-store=?0",
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 9999 08:49:37 GMT",
        "bytes=0-18446744073709551615",
        "W/\"a\", \"b,c\", *",
        "http://shop.example:80/a?b#c",
        "//[::1]:x/../a",
        "accept, *, \"",
    ]);
    let altered =
        (known, any::<prop::sample::Index>(), any::<u8>()).prop_map(|(text, at, byte)| {
            let mut bytes = text.as_bytes().to_vec();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            bytes.truncate(at + usize::from(byte));
            bytes
        });
    prop_oneof![altered, prop::collection::vec(any::<u8>(), 0..24)]
}

fn headers() -> impl Strategy<Value = HeaderMap> {
    prop::collection::vec((prop::sample::select(NAMES.to_vec()), value()), 0..8).prop_map(|lines| {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                headers.append(name, value);
            }
        }
        headers
    })
}

proptest! {
    #[test]
    fn every_rule_takes_any_headers(
        asked in headers(),
        given in headers(),
        safe in any::<bool>(),
        status in 100..1000_u16,
        seconds in 0..4_000_000_000_u64,
    ) {
        let preset = if safe { Preset::Safe } else { Preset::Rfc9111 };
        let (mut parts, ()) = Request::new(()).into_parts();
        parts.headers = asked.clone();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let status = StatusCode::from_u16(status).unwrap();
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
        if let Ok(stored) = response::judge(status, &given, None, admitted, &terms) {
            let resident = Duration::from_secs(seconds);
            let _ = stored.freshness.judge(&admitted.wants, resident);
            let _ = stored.freshness.may_hide_failure(resident, !safe);
            let _ = response::may_answer(&given, &stored.freshness, admitted);
            prop_assert!(stored.kept <= Duration::from_secs(cache_control::MOST_SECONDS));
            prop_assert!(!safe || stored.vary.is_empty() && stored.freshness.left_ms > 0);
        }
        let _ = validators::is_not_modified(&asked, status, &given, now);
        let _ = validators::may_give_part(&asked, &given);
        let _ = validators::is_about(&given, &asked);
        if let range::Part::Bytes(bytes) = range::of(&asked, seconds) {
            prop_assert!(bytes.start < bytes.end && bytes.end <= seconds);
        }
        let _ = tags::of(&given, None);
        let target: Uri = "/a/b?c".parse().unwrap();
        for uri in invalidation::elsewhere("http", "shop.example", &target, &given) {
            prop_assert!(uri.authority().is_none_or(|authority| authority == "shop.example"));
        }
        let _ = invalidation::may_change(&Method::GET);
        for name in vary::names(&given).unwrap_or_default() {
            let normal = vary::normal(&asked, &name);
            prop_assert_eq!(normal.is_some(), asked.contains_key(&name));
        }
        let mut stored = given.clone();
        update::merge(&mut stored, &asked, safe);
        update::not_modified(&mut stored);
        validators::ask(&mut stored, &given);
    }
}
