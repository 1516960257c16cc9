use super::*;
use crate::rules::headers;

const EIGHT: &str = "Sun, 06 Nov 1994 08:00:00 GMT";
const NINE: &str = "Sun, 06 Nov 1994 09:00:00 GMT";

fn nine() -> SystemTime {
    httpdate::parse_http_date(NINE).unwrap()
}

#[test]
fn what_a_client_has_is_not_sent_again() {
    let tagged = &[("etag", "\"a,b\""), ("last-modified", EIGHT)][..];
    let weak = &[("etag", "W/\"a,b\"")][..];
    for (request, stored, expected) in [
        (&[][..], tagged, false),
        (&[("if-none-match", "\"a,b\"")], tagged, true),
        (&[("if-none-match", "W/\"a,b\"")], tagged, true),
        (&[("if-none-match", "\"x\", W/\"a,b\"")], weak, true),
        (&[("if-none-match", "\"x\""), ("if-none-match", "\"a,b\"")], tagged, true),
        (&[("if-none-match", "\"a\"")], tagged, false),
        (&[("if-none-match", "\"a")], tagged, false),
        (&[("if-none-match", "*")], &[], true),
        (&[("if-none-match", "\"a\"")], &[], false),
        (&[("if-none-match", "\"x\""), ("if-modified-since", NINE)], tagged, false),
        (&[("if-modified-since", EIGHT)], tagged, true),
        (&[("if-modified-since", "Sun, 06 Nov 1994 07:59:59 GMT")], tagged, false),
        (&[("if-modified-since", "yesterday")], tagged, false),
        (&[("if-modified-since", NINE)], weak, true),
        (&[("if-modified-since", EIGHT)], weak, false),
    ] {
        let (request, stored) = (headers(request), headers(stored));
        let found = is_not_modified(&request, StatusCode::OK, &stored, nine());
        assert_eq!(found, expected, "{request:?} {stored:?}");
        assert!(!is_not_modified(&request, StatusCode::NOT_FOUND, &stored, nine()));
    }
}

#[test]
fn a_part_is_given_of_the_same_version_alone() {
    let stored = &[("etag", "\"a\""), ("last-modified", EIGHT), ("date", NINE)][..];
    for (condition, stored, expected) in [
        ("\"a\"", stored, true),
        ("\"b\"", stored, false),
        ("W/\"a\"", stored, false),
        ("W/\"a\"", &[("etag", "W/\"a\"")], false),
        ("\"a\"", &[("etag", "W/\"a\"")], false),
        (EIGHT, stored, true),
        (NINE, stored, false),
        (EIGHT, &[("last-modified", EIGHT), ("date", EIGHT)], false),
        (EIGHT, &[("last-modified", EIGHT)], false),
    ] {
        let request = headers(&[("if-range", condition)]);
        assert_eq!(may_give_part(&request, &headers(stored)), expected, "{condition}");
    }
    assert!(may_give_part(&HeaderMap::new(), &HeaderMap::new()));
}

#[test]
fn the_origin_is_asked_about_our_copy_and_not_the_clients() {
    let mut request = headers(&[
        ("if-none-match", "\"theirs\""),
        ("if-range", "\"theirs\""),
        ("range", "bytes=0-1"),
        ("accept", "x"),
    ]);
    ask(&mut request, &headers(&[("etag", "W/\"a\""), ("last-modified", EIGHT)]));
    let expected = [("accept", "x"), ("if-none-match", "W/\"a\""), ("if-modified-since", EIGHT)];
    assert_eq!(request, headers(&expected));
}

#[test]
fn an_answer_is_about_the_stored_one_unless_its_validators_differ() {
    for (stored, answer, expected) in [
        (&[("etag", "\"a\"")][..], &[][..], true),
        (&[("etag", "\"a\"")], &[("etag", "\"a\"")], true),
        (&[("etag", "W/\"a\"")], &[("etag", "\"a\"")], true),
        (&[("etag", "\"a\"")], &[("etag", "\"b\"")], false),
        (&[("last-modified", EIGHT)], &[("etag", "\"b\"")], false),
        (&[("last-modified", EIGHT)], &[("last-modified", NINE)], false),
        (&[("last-modified", EIGHT)], &[("last-modified", EIGHT)], true),
    ] {
        assert_eq!(is_about(&headers(stored), &headers(answer)), expected, "{stored:?} {answer:?}");
    }
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_taken_without_a_panic(
        list in proptest::collection::vec(proptest::sample::select(b"W/\"a, *\t\\\xff0".to_vec()), 0..20),
    ) {
        let Ok(value) = HeaderValue::from_bytes(&list) else { return Ok(()) };
        let request = HeaderMap::from_iter([
            (IF_NONE_MATCH, value.clone()),
            (IF_MODIFIED_SINCE, value.clone()),
            (IF_RANGE, value.clone()),
        ]);
        let stored = HeaderMap::from_iter([(ETAG, value.clone()), (LAST_MODIFIED, value)]);
        let _ = is_not_modified(&request, StatusCode::OK, &stored, nine());
        let _ = may_give_part(&request, &stored);
        assert!(is_about(&stored, &stored));
    }
}
