use http::{HeaderValue, header::ACCEPT};

use super::*;

const HOUR: Duration = Duration::from_secs(3600);
const GET: Asked = Asked { head: false, cookie: false };

fn judge_as(
    asked: Asked,
    ttl: Option<Duration>,
    status: u16,
    lines: &[(&str, &str)],
) -> Result<Duration, Refusal> {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    let terms = Terms {
        ttl,
        max_length: 1000,
        is_keyed: &|name| name == ACCEPT,
        now: SystemTime::UNIX_EPOCH,
    };
    lifetime(StatusCode::from_u16(status).unwrap(), &headers, None, asked, &terms)
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
        assert_eq!(may_answer(&headers(value), asked), shared, "{value}");
        assert!(may_answer(&headers(value), GET));
    }
    assert_eq!(judge_as(asked, Some(HOUR), 200, &[]), Err(Refusal::Cookie));
}

#[test]
fn headers_over_64_kib_are_not_stored() {
    let long = "x".repeat(MOST_HEADER_BYTES);
    assert_eq!(judge(200, &[("x-long", &long)]), Err(Refusal::Size));
}
