use http::{HeaderValue, header::ACCEPT};

use super::*;
use crate::rules::reuse::Wants;

const HOUR: Duration = Duration::from_secs(3600);
const GET: Asked = Asked {
    head: false,
    cookie: false,
    authorized: false,
    particular: false,
    wants: Wants {
        no_cache: false,
        max_age: None,
        min_fresh: None,
        max_stale: None,
        only_if_cached: false,
    },
};

fn judge_as(
    asked: Asked,
    ttl: Option<Duration>,
    status: u16,
    lines: &[(&str, &str)],
) -> Result<Duration, Refusal> {
    let stored = judge_by(Preset::Safe, asked, ttl, status, lines, None)?;
    Ok(Duration::from_millis(stored.freshness.left_ms))
}

fn judge_by(
    preset: Preset,
    asked: Asked,
    ttl: Option<Duration>,
    status: u16,
    lines: &[(&str, &str)],
    control: Option<&Control>,
) -> Result<Storable, Refusal> {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    let terms = Terms {
        preset,
        ttl,
        max_length: 1000,
        is_keyed: &|name| name == ACCEPT,
        now: SystemTime::UNIX_EPOCH,
        delay: Duration::ZERO,
        control,
    };
    super::judge(StatusCode::from_u16(status).unwrap(), &headers, None, asked, &terms)
}

fn judge(status: u16, lines: &[(&str, &str)]) -> Result<Duration, Refusal> {
    judge_as(GET, Some(HOUR), status, lines)
}

#[test]
fn what_is_never_stored() {
    for (line, reason) in [
        (("cache-control", "private"), Refusal::CacheControl),
        (("cache-control", "Private"), Refusal::CacheControl),
        (("cache-control", "private=\"x-user\", max-age=60"), Refusal::CacheControl),
        (("cache-control", "max-age=60, No-Store"), Refusal::CacheControl),
        (("cache-control", "no-cache"), Refusal::CacheControl),
        (("cache-control", "no-cache=\"set-cookie\""), Refusal::CacheControl),
        (("cache-control", "public; max-age=60"), Refusal::CacheControl),
        (("cache-control", "max-age=0"), Refusal::Stale),
        (("cache-control", "s-maxage=0, max-age=60"), Refusal::Stale),
        (("cache-control", "max-age=x"), Refusal::Stale),
        (("expires", "0"), Refusal::Stale),
        (("set-cookie", "id=1"), Refusal::SetCookie),
        (("vary", "*"), Refusal::Vary),
        (("vary", "accept, cookie"), Refusal::Vary),
        (("access-control-allow-origin", "https://a.example"), Refusal::Cors),
        (("content-length", "1001"), Refusal::Size),
        (("content-length", "1x"), Refusal::Size),
        (("content-length", "+1"), Refusal::Size),
    ] {
        assert_eq!(judge(200, &[line]), Err(reason), "{line:?}");
    }
}

#[test]
fn every_line_counts() {
    let lines = [("cache-control", "max-age=60"), ("cache-control", "private")];
    assert_eq!(judge(200, &lines), Err(Refusal::CacheControl));
    assert_eq!(judge(200, &[("vary", "accept"), ("vary", "origin")]), Err(Refusal::Vary));
    assert_eq!(judge(200, &[("content-length", "1"), ("content-length", "2")]), Err(Refusal::Size));
}

#[test]
fn what_is_stored_and_for_how_long() {
    for (lines, seconds) in [
        (&[][..], 3600),
        (&[("cache-control", "public, ext=\"no-store\"")], 3600),
        (&[("cache-control", "max-age=60")], 60),
        (&[("cache-control", "max-age=7200")], 3600),
        (&[("cache-control", "max-age=600, s-maxage=30")], 30),
        (&[("vary", "Accept"), ("access-control-allow-origin", "*")], 3600),
        (&[("content-length", "1000")], 3600),
    ] {
        assert_eq!(judge(200, lines), Ok(Duration::from_secs(seconds)), "{lines:?}");
    }
}

#[test]
fn statuses() {
    let explicit = [("cache-control", "max-age=60")];
    for status in [200, 203, 204, 300, 301, 308] {
        assert!(judge(status, &[]).is_ok(), "{status}");
    }
    for status in [302, 307, 404, 410] {
        assert_eq!(judge(status, &[]), Err(Refusal::Status), "{status}");
        assert!(judge(status, &explicit).is_ok(), "{status}");
    }
    for status in [100, 101, 103, 201, 206, 303, 304, 400, 401, 403, 413, 414, 421, 429, 431] {
        assert_eq!(judge(status, &explicit), Err(Refusal::Status), "{status}");
    }
    for status in [500, 502, 503] {
        assert_eq!(judge(status, &explicit), Err(Refusal::Failure), "{status}");
    }
}

#[test]
fn without_a_lifetime_of_the_layer_the_response_must_name_one() {
    assert_eq!(judge_as(GET, None, 200, &[]), Err(Refusal::Stale));
    let explicit = [("cache-control", "max-age=60")];
    assert_eq!(judge_as(GET, None, 200, &explicit), Ok(Duration::from_secs(60)));
    assert_eq!(judge_as(GET, Some(Duration::ZERO), 200, &explicit), Err(Refusal::Stale));
    let longest = Duration::from_secs(MOST_SECONDS);
    assert_eq!(judge_as(GET, Some(Duration::MAX), 200, &[]), Ok(longest));
}

#[test]
fn with_a_cookie_only_what_is_said_to_be_for_everyone() {
    let asked = Asked { cookie: true, ..GET };
    let headers = |value| {
        HeaderMap::from_iter([(http::header::CACHE_CONTROL, HeaderValue::from_static(value))])
    };
    for (value, shared) in [("max-age=60", false), ("public", true), ("s-maxage=60", true)] {
        assert_eq!(
            judge_as(asked, Some(HOUR), 200, &[("cache-control", value)]).is_ok(),
            shared,
            "{value}"
        );
        assert_eq!(may_answer(&headers(value), &Freshness::default(), asked), shared, "{value}");
        assert!(may_answer(&headers(value), &Freshness::default(), GET));
    }
    assert_eq!(judge_as(asked, Some(HOUR), 200, &[]), Err(Refusal::Cookie));
}

#[test]
fn headers_over_64_kib_are_not_stored() {
    let long = "x".repeat(MOST_HEADER_BYTES);
    assert_eq!(judge(200, &[("x-long", &long)]), Err(Refusal::Size));
}

/// By the standard, without a lifetime of the layer's.
fn standard(status: u16, lines: &[(&str, &str)]) -> Result<Storable, Refusal> {
    judge_by(Preset::Rfc9111, GET, None, status, lines, None)
}

#[test]
fn what_the_standard_does_not_allow() {
    for (status, lines, reason) in [
        (200, &[("cache-control", "no-store, max-age=60")][..], Refusal::CacheControl),
        (200, &[("cache-control", "private, max-age=60")], Refusal::CacheControl),
        (200, &[("cache-control", "no-cache, max-age=60")], Refusal::CacheControl),
        (200, &[("cache-control", "max-age=60"), ("vary", "*")], Refusal::Vary),
        (200, &[], Refusal::Stale),
        (200, &[("cache-control", "max-age=0")], Refusal::Stale),
        (201, &[], Refusal::Status),
        (206, &[("cache-control", "max-age=60")], Refusal::Status),
        (304, &[("cache-control", "max-age=60")], Refusal::Status),
        (299, &[("cache-control", "max-age=60, must-understand")], Refusal::Status),
        (503, &[], Refusal::Failure),
    ] {
        assert_eq!(standard(status, lines).unwrap_err(), reason, "{status} {lines:?}");
    }
}

const CHANGED: (&str, &str) = ("last-modified", "Thu, 01 Jan 1970 00:50:00 GMT");
const SENT: (&str, &str) = ("date", "Thu, 01 Jan 1970 01:00:00 GMT");

#[test]
fn what_the_standard_allows() {
    for (status, lines, seconds) in [
        (599, &[("cache-control", "max-age=60")][..], 60),
        (200, &[("cache-control", "max-age=60"), ("set-cookie", "a=b")], 60),
        (200, &[("cache-control", "max-age=60; x=y")], 60),
        (200, &[("cache-control", "no-store, must-understand, max-age=60")], 60),
        (200, &[("cache-control", "private"), ("cdn-cache-control", "max-age=60")], 60),
        (200, &[("cache-control", "max-age=60"), ("cdn-cache-control", "max-age=9")], 9),
        (200, &[("cache-control", "max-age=60"), ("access-control-allow-origin", "x")], 60),
        (200, &[("etag", "\"a\"")], 0),
        (200, &[("cache-control", "max-age=0, stale-if-error=60")], 0),
        (404, &[CHANGED, SENT], 60),
        (299, &[("cache-control", "public"), CHANGED, SENT], 60),
    ] {
        let stored = standard(status, lines).unwrap_or_else(|why| panic!("{lines:?}: {why:?}"));
        assert_eq!(stored.freshness.left_ms, seconds * 1000, "{lines:?}");
    }
}

#[test]
fn fields_that_are_not_for_others_are_left_out() {
    let lines = [("cache-control", "max-age=60, private=\"x-user\", no-cache=\"x-a, x-b\"")];
    let names: Vec<_> =
        standard(200, &lines).unwrap().without.iter().map(|n| n.as_str().to_owned()).collect();
    assert_eq!(names, ["x-user", "x-a", "x-b"]);
}

#[test]
fn an_answer_to_credentials_says_that_it_is_for_others() {
    let asked = Asked { authorized: true, ..GET };
    for (value, shared) in [
        ("max-age=60", false),
        ("max-age=60, public", true),
        ("s-maxage=60", true),
        ("max-age=60, must-revalidate", true),
        ("max-age=60, proxy-revalidate", false),
    ] {
        let lines = [("cache-control", value)];
        let stored = judge_by(Preset::Rfc9111, asked, None, 200, &lines, None);
        assert_eq!(stored.is_ok(), shared, "{value}");
        let freshness = standard(200, &lines).unwrap().freshness;
        assert_eq!(may_answer(&HeaderMap::new(), &freshness, asked), shared, "{value}");
    }
}

#[test]
fn how_long_what_is_stale_is_kept() {
    let tag = ("etag", "\"a\"");
    for (lines, seconds) in [
        (&[("cache-control", "max-age=60"), tag][..], 660),
        (&[("cache-control", "max-age=6000"), tag], 12_000),
        (&[("cache-control", "max-age=60, stale-if-error=3600")], 3660),
        (&[("cache-control", "max-age=60, must-revalidate, stale-if-error=3600")], 60),
        (&[("cache-control", "max-age=60, must-revalidate"), tag], 660),
    ] {
        assert_eq!(standard(200, lines).unwrap().kept.as_secs(), seconds, "{lines:?}");
    }
    let safe = judge_by(Preset::Safe, GET, None, 200, &[("cache-control", "max-age=60")], None);
    assert_eq!(safe.unwrap().kept.as_secs(), 60);
}

#[test]
fn what_the_handler_says_counts_before_its_headers() {
    let (hour, never) = (Control::new().ttl(HOUR), Control::do_not_store());
    let lines = [("cache-control", "max-age=60")];
    let by = |control| judge_by(Preset::Safe, GET, None, 200, &lines, Some(control));
    assert_eq!(by(&hour).unwrap().freshness.left_ms, millis(HOUR));
    assert_eq!(by(&never), Err(Refusal::Control));
    let private = [("cache-control", "private")];
    let by = judge_by(Preset::Safe, GET, None, 200, &private, Some(&hour));
    assert_eq!(by, Err(Refusal::CacheControl));
}
