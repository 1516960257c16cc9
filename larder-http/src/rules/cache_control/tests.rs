use http::HeaderValue;

use super::*;

fn parse(lines: &[&str]) -> CacheControl {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(CACHE_CONTROL, HeaderValue::from_bytes(line.as_bytes()).unwrap());
    }
    CacheControl::of(&headers)
}

#[test]
fn names_in_any_case_on_any_line() {
    let read = parse(&["Public , MAX-AGE=60", "s-maxage=\"30\",,", "No-Store"]);
    let expected = CacheControl {
        public: true,
        no_store: true,
        max_age: Some(60),
        s_maxage: Some(30),
        ..CacheControl::default()
    };
    assert_eq!(read, expected);
}

#[test]
fn what_stands_in_quotes_is_no_directive() {
    let read = parse(&[r#"ext="a, no-store, \" private", max-age=5"#]);
    assert_eq!(read, CacheControl { max_age: Some(5), ..CacheControl::default() });
}

#[test]
fn a_directive_may_be_limited_to_fields() {
    let named = |names: &[&str]| {
        Scope::Fields(
            names.iter().map(|name| HeaderName::from_bytes(name.as_bytes()).unwrap()).collect(),
        )
    };
    assert_eq!(parse(&[r#"private="x-user, X-Id""#]).private, named(&["x-user", "x-id"]));
    assert_eq!(
        parse(&[r#"no-cache="set-cookie""#, "No-Cache=x"]).no_cache,
        named(&["set-cookie", "x"])
    );
    for whole in [
        "private",
        "private=\"a\", private",
        "private, private=\"a\"",
        "private=\"a b\"",
        "private=\"\"",
    ] {
        assert!(parse(&[whole]).private.is_whole(), "{whole}");
    }
}

#[test]
fn the_least_of_several_ages_and_none_for_what_is_no_number() {
    assert_eq!(parse(&["max-age=60, max-age=10", "max-age=30"]).max_age, Some(10));
    for bad in ["max-age", "max-age=", "max-age=-1", "max-age=1.5", "max-age=abc", "max-age=\"\""] {
        assert_eq!(parse(&[bad]).max_age, Some(0), "{bad}");
    }
    assert_eq!(parse(&["max-age=99999999999999999999999"]).max_age, Some(MOST_SECONDS));
}

#[test]
fn the_directives_of_other_documents_and_of_requests() {
    let read = parse(&["stale-while-revalidate=5, stale-if-error=9, immutable, must-understand"]);
    assert_eq!((read.stale_while_revalidate, read.stale_if_error), (Some(5), Some(9)));
    assert!(read.immutable && read.must_understand);
    let read = parse(&["max-stale, min-fresh=1, min-fresh=3, only-if-cached"]);
    assert_eq!((read.max_stale, read.min_fresh), (Some(u64::MAX), Some(3)));
    assert_eq!(parse(&["max-stale=7"]).max_stale, Some(7));
    assert!(read.only_if_cached);
}

#[test]
fn what_cannot_be_read_is_said_to_be_so_and_the_rest_still_counts() {
    for bad in ["max-age=60; private", "=x, private", "private no-cache", "private=\"x"] {
        let read = parse(&[bad]);
        assert!(read.malformed, "{bad}");
        assert!(read.private.is_whole(), "{bad}");
    }
    assert!(parse(&["max-age = 60"]).malformed);
    assert!(!parse(&["", " , ,", "immutable, stale-while-revalidate=5"]).malformed);
}

#[test]
fn bytes_that_are_no_text_do_no_harm() {
    let mut headers = HeaderMap::new();
    let line = b"x=\"\xff\", \xfe, no-store";
    headers.append(CACHE_CONTROL, HeaderValue::from_bytes(line).unwrap());
    let read = CacheControl::of(&headers);
    assert!(read.malformed && read.no_store);
}
