//! What clients ask about their copies, and for parts, is answered from the store.

use crate::common::*;
use http::Response;

const SENT: &str = "Sun, 06 Nov 1994 09:00:00 GMT";
const CHANGED: &str = "Sun, 06 Nov 1994 08:00:00 GMT";

fn origin() -> Origin {
    Origin::new(|_, _| {
        Response::builder()
            .header("etag", "\"a\"")
            .header("date", SENT)
            .header("last-modified", CHANGED)
            .header("content-type", "text/csv")
            .header("x-kept", "1")
            .body(full("0123456789"))
            .unwrap()
    })
}

#[tokio::test]
async fn who_has_it_is_told_so() {
    let origin = origin();
    let service = origin.behind(layer(&memory()));
    fetch(&service, get("/r")).await;
    drop(hit(&service, "/r").await);
    for (header, status) in [
        (("if-none-match", "W/\"a\""), 304),
        (("if-none-match", "\"b\", \"a\""), 304),
        (("if-none-match", "*"), 304),
        (("if-none-match", "\"b\""), 200),
        (("if-modified-since", SENT), 304),
        (("if-modified-since", CHANGED), 304),
        (("if-modified-since", "Sun, 06 Nov 1994 07:00:00 GMT"), 200),
    ] {
        for method in ["GET", "HEAD"] {
            let answer = send(&service, request(method, "/r", &[header])).await;
            assert_eq!(answer.status(), status, "{header:?}");
            assert_eq!(answer.headers()["etag"], "\"a\"");
            assert_eq!(answer.headers()["x-kept"], "1");
            if status == 304 {
                assert!(!answer.headers().contains_key("content-type"));
                assert!(!answer.headers().contains_key("content-length"));
                assert_eq!(text(answer).await.unwrap(), "");
            } else if method == "GET" {
                assert_eq!(text(answer).await.unwrap(), "0123456789");
            }
        }
    }
    assert_eq!(origin.calls(), 1);
}

#[tokio::test]
async fn a_part_is_cut_from_what_is_stored() {
    let origin = origin();
    let service = origin.behind(layer(&memory()));
    fetch(&service, get("/r")).await;
    drop(hit(&service, "/r").await);
    for (headers, status, range, body) in [
        (&[("range", "bytes=2-4")][..], 206, Some("bytes 2-4/10"), "234"),
        (&[("range", "bytes=8-")], 206, Some("bytes 8-9/10"), "89"),
        (&[("range", "bytes=-1")], 206, Some("bytes 9-9/10"), "9"),
        (&[("range", "bytes=10-")], 416, Some("bytes */10"), ""),
        (&[("range", "bytes=0-1,4-5")], 200, None, "0123456789"),
        (&[("range", "rows=1-2")], 200, None, "0123456789"),
        (&[("range", "bytes=2-4"), ("if-range", "\"a\"")], 206, Some("bytes 2-4/10"), "234"),
        (&[("range", "bytes=2-4"), ("if-range", CHANGED)], 206, Some("bytes 2-4/10"), "234"),
        (&[("range", "bytes=2-4"), ("if-range", "\"b\"")], 200, None, "0123456789"),
    ] {
        let answer = send(&service, request("GET", "/r", headers)).await;
        assert_eq!(answer.status(), status, "{headers:?}");
        let given = answer.headers().get("content-range").map(|range| range.to_str().unwrap());
        assert_eq!(given, range, "{headers:?}");
        assert_eq!(answer.headers()["content-length"], body.len().to_string());
        assert_eq!(text(answer).await.unwrap(), body, "{headers:?}");
    }
    assert_eq!(origin.calls(), 1);
}

#[tokio::test]
async fn a_part_of_a_long_body_is_the_right_one() {
    let whole: Vec<u8> = (0..3_000_000_u32).map(|at| (at / 251) as u8).collect();
    let expected = whole.clone();
    let origin = Origin::new(move |_, _| Response::new(full(whole.clone())));
    let service = origin.behind(layer(&memory()));
    fetch(&service, get("/r")).await;
    drop(hit(&service, "/r").await);
    for (first, last) in [(0, 0), (65_535, 65_536), (1_000_000, 2_222_222), (2_999_999, 2_999_999)]
    {
        let range = format!("bytes={first}-{last}");
        let answer = send(&service, request("GET", "/r", &[("range", &range)])).await;
        assert_eq!(answer.status(), 206);
        let body = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes();
        assert!(body == expected[first..=last], "{range}");
    }
}

#[tokio::test]
async fn on_a_miss_the_origin_is_asked_as_the_client_asked() {
    for rfc9111 in [false, true] {
        let origin = Origin::new(|call, request| {
            let asked = request.headers().contains_key("range");
            let response = Response::builder().header("cache-control", "max-age=60");
            let response = if asked {
                response.status(206).header("content-range", "bytes 0-0/2")
            } else {
                response
            };
            response.body(full(format!("answer {call}"))).unwrap()
        });
        let larder = memory();
        let service = origin.behind(if rfc9111 { standard(&larder) } else { layer(&larder) });
        let part = || request("GET", "/r", &[("range", "bytes=0-0")]);
        for call in 1..=2 {
            let answer = send(&service, part()).await;
            assert_eq!(answer.status(), 206);
            assert_eq!(text(answer).await.unwrap(), format!("answer {call}"));
        }
        assert_eq!(fetch(&service, get("/r")).await, "answer 3", "a part is never a whole");
    }
}
