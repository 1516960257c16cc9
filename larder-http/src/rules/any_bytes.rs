//! Headers of which some mean something, and [`every_rule`].

use http::{HeaderMap, HeaderValue, StatusCode};
use proptest::prelude::*;

use super::every_rule;

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
        let status = StatusCode::from_u16(status).unwrap();
        every_rule::apply(&asked, &given, safe, status, seconds);
    }
}
