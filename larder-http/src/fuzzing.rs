//! What fuzzers run, for minutes by `cargo fuzz` and for a second in tests. Any bytes are taken; a panic is a
//! mistake in what is fuzzed.

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use larder::codec::{Codec, MessagePack};

use crate::{
    head::Head,
    header_block,
    key::{Address, Place},
    rules::{
        cache_control::{CacheControl, MOST_SECONDS},
        every_rule, targeted, update, vary,
    },
};

/// Headers of a request and of a response, and every rule. The first line is a status and a time in
/// seconds; an empty line parts the two.
pub fn headers(input: &[u8]) {
    let mut lines = input.split(|&byte| byte == b'\n');
    let first = String::from_utf8_lossy(lines.next().unwrap_or_default());
    let mut numbers = first.split(' ').map(|number| number.parse().unwrap_or(0_u64));
    let status = numbers.next().and_then(|status| u16::try_from(status).ok());
    let status = status.and_then(|status| StatusCode::from_u16(status).ok());
    let seconds = numbers.next().unwrap_or(0).min(MOST_SECONDS * 2);
    let asked = fields(lines.by_ref().take_while(|line| !line.is_empty()));
    let given = fields(lines);
    for safe in [true, false] {
        every_rule::apply(&asked, &given, safe, status.unwrap_or_default(), seconds);
    }
    for name in asked.keys() {
        // Its own normal form, or two that are equal would differ once more.
        let normal = vary::normal(&asked, name).expect("it is there");
        if let Ok(value) = HeaderValue::from_bytes(&normal) {
            let again = vary::normal(&HeaderMap::from_iter([(name.clone(), value)]), name);
            assert_eq!(again, Some(normal));
        }
    }
}

/// `CDN-Cache-Control` as structured field, and the same lines as `Cache-Control`.
pub fn structured_fields(input: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in input.split(|&byte| byte == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append("cdn-cache-control", value.clone());
            headers.append("cache-control", value);
        }
    }
    for control in targeted::of(&headers).into_iter().chain([CacheControl::of(&headers)]) {
        let CacheControl { max_age, s_maxage, min_fresh, max_stale, .. } = control;
        let known = [max_age, s_maxage, min_fresh, max_stale].into_iter().flatten();
        assert!(known.max().is_none_or(|most| most <= MOST_SECONDS));
    }
}

/// A head as it may lie in a store, and a block of headers.
pub fn stored_head(input: &[u8]) {
    let input = Bytes::copy_from_slice(input);
    if let Some(headers) = header_block::decode(&input) {
        let again = header_block::decode(&header_block::encode(&headers));
        assert_eq!(again.as_ref(), Some(&headers));
    }
    let Ok(head) = Codec::<Head>::decode(&MessagePack, input) else { return };
    let place = Place { key: head.key().clone(), index: None };
    let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let _ = head.is_useless(now);
    if let Some(index) = head.index(&place) {
        let (request, ()) = Request::new(()).into_parts();
        let address = Address::new(&request, None, &[], true).expect("a host does not matter");
        assert!(address.variant(index, &request.headers).index.as_ref() == Some(index));
    }
    let Some(mut opened) = head.open(&place) else { return };
    let resident = opened.resident(now);
    let _ = opened.freshness.judge(&Default::default(), resident);
    let _ = opened.freshness.may_hide_failure(resident, true);
    let _ = HeaderValue::from(opened.freshness.age(resident).as_secs());
    let given = opened.headers.clone();
    update::merge(&mut opened.headers, &given, false);
}

fn fields<'a>(lines: impl Iterator<Item = &'a [u8]>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines {
        let colon = line.iter().position(|&byte| byte == b':').unwrap_or(line.len());
        let (name, value) = line.split_at(colon);
        let name = HeaderName::from_bytes(name);
        let value = HeaderValue::from_bytes(value.get(1..).unwrap_or_default().trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use integration_tests::fuzzed;

    use super::*;

    #[test]
    fn headers_for_a_second() {
        fuzzed::run("headers", 4000, headers);
    }

    #[test]
    fn structured_fields_for_a_second() {
        fuzzed::run("structured_fields", 10_000, structured_fields);
    }

    #[test]
    fn stored_heads_for_a_second() {
        fuzzed::run("stored_head", 10_000, stored_head);
    }
}
