//! A stored body of which a chunk is gone: the origin is asked for the rest of this very one, or the body
//! ends in an error.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering::SeqCst},
};

use crate::common::*;
use cache_api::Key;
use futures_util::StreamExt;
use http::{HeaderMap, Request, Response, response::Builder};
use http_body_util::{BodyExt, Empty};
use larder::Larder;

const LENGTH: usize = 3 << 20;

/// Far behind what is verified before the first byte.
const LOST: &[u8] = b":30";

/// No two places look alike.
fn body(version: u8) -> Vec<u8> {
    (0..LENGTH / 4).flat_map(|n| (n as u32 * 251 + u32::from(version)).to_be_bytes()).collect()
}

/// How an origin answers once it is asked for a part.
type Part = fn(Builder, &HeaderMap, (usize, usize)) -> Response<OriginBody>;

fn same(builder: Builder, _: &HeaderMap, (first, last): (usize, usize)) -> Response<OriginBody> {
    let builder = builder.header("etag", "\"a\"").status(206);
    let builder = builder.header("content-range", format!("bytes {first}-{last}/{LENGTH}"));
    builder.body(full(body(1)[first..=last].to_vec())).unwrap()
}

struct Bench {
    origin: Origin,
    larder: Larder,
    service: larder_http::CacheService<Origin>,
    /// The parts that were asked for.
    asked: Arc<Mutex<Vec<HeaderMap>>>,
}

/// A stored body of several windows that has lost a chunk.
async fn bench(tag: &'static str, part: Part) -> Bench {
    let asked: Arc<Mutex<Vec<HeaderMap>>> = Arc::default();
    let is_stored = Arc::new(AtomicBool::new(false));
    let (parts, stored) = (Arc::clone(&asked), Arc::clone(&is_stored));
    let origin = Origin::new(move |_, request: Request<Empty<bytes::Bytes>>| {
        let builder = Response::builder();
        let Some(range) = request.headers().get("range").filter(|_| stored.load(SeqCst)) else {
            return builder.header("etag", tag).body(full(body(1))).unwrap();
        };
        let range = range.to_str().unwrap().strip_prefix("bytes=").unwrap();
        let (first, last) = range.split_once('-').unwrap();
        let range = (first.parse().unwrap(), last.parse().unwrap());
        parts.lock().unwrap().push(request.headers().clone());
        part(builder, request.headers(), range)
    });
    let larder = memory();
    let service = origin.behind(layer(&larder));
    fetch(&service, get("/r")).await;
    drop(hit(&service, "/r").await);
    is_stored.store(true, SeqCst);
    let keys = larder.namespace("http").unwrap().keys().unwrap();
    let keys: Vec<Key> = keys.map(Result::unwrap).collect().await;
    let lost = keys.iter().find(|key| key.as_bytes().ends_with(LOST)).unwrap();
    assert!(larder.store().delete(lost).await.unwrap());
    Bench { origin, larder, service, asked }
}

/// What came, and whether it ended well.
async fn read(answer: Answer) -> (Vec<u8>, bool) {
    let (mut body, mut bytes) = (answer.into_body(), Vec::new());
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => bytes.extend(frame.into_data().unwrap()),
            Err(_) => return (bytes, false),
        }
    }
    (bytes, true)
}

#[tokio::test]
async fn the_rest_comes_from_the_origin_and_the_next_one_is_stored_anew() {
    let bench = bench("\"a\"", same).await;
    let answer = send(&bench.service, get("/r")).await;
    assert!(is_hit(&answer));
    assert!(read(answer).await == (body(1), true));
    let asked = bench.asked.lock().unwrap().clone();
    let [asked] = &asked[..] else { panic!("{} parts were asked for", asked.len()) };
    assert_eq!(asked["if-range"], "\"a\"");
    let first: usize =
        asked["range"].to_str().unwrap()[6..].split_once('-').unwrap().0.parse().unwrap();
    assert!(first > 1 << 20, "what came from the store is not asked for again: {first}");
    assert_eq!(bench.origin.calls(), 2);
    settle().await;
    assert!(variants(&bench.larder).await.is_empty());
    assert!(read(send(&bench.service, get("/r")).await).await == (body(1), true));
    let answer = hit(&bench.service, "/r").await;
    assert!(read(answer).await == (body(1), true));
    assert_eq!(bench.origin.calls(), 3);
}

#[tokio::test]
async fn the_rest_of_a_part_is_a_part() {
    let bench = bench("\"a\"", same).await;
    let answer =
        send(&bench.service, request("GET", "/r", &[("range", "bytes=100-3000000")])).await;
    assert_eq!(answer.status(), 206);
    assert!(read(answer).await == (body(1)[100..=3_000_000].to_vec(), true));
    let asked = bench.asked.lock().unwrap().clone();
    assert!(asked[0]["range"].to_str().unwrap().ends_with("-3000000"));
    assert_eq!(asked.len(), 1);
}

#[tokio::test]
async fn an_origin_that_does_no_parts_is_passed_on_from_where_it_broke_off() {
    for first in [0, 100] {
        let whole: Part =
            |builder, _, _| builder.header("etag", "\"a\"").body(full(body(1))).unwrap();
        let bench = bench("\"a\"", whole).await;
        let header = format!("bytes={first}-2999999");
        let answer = send(&bench.service, request("GET", "/r", &[("range", &header)])).await;
        assert!(read(answer).await == (body(1)[first..3_000_000].to_vec(), true));
    }
}

/// In each of these the naive way, to pass on what comes, would mix two bodies or end too early.
#[tokio::test]
async fn what_is_not_the_rest_of_this_very_body_is_an_error() {
    let parts: [(&str, Part); 6] = [
        ("changed, in full", |builder, _, _| {
            builder.header("etag", "\"b\"").body(full(body(2))).unwrap()
        }),
        ("changed, in part", |builder, asked, range| {
            let mut part = same(builder, asked, range);
            part.headers_mut().insert("etag", "\"b\"".parse().unwrap());
            part.map(|_| full(body(2)[range.0..=range.1].to_vec()))
        }),
        ("another part", |builder, asked, (first, last)| same(builder, asked, (first - 1, last))),
        ("too short", |builder, asked, (first, last)| {
            same(builder, asked, (first, last)).map(|_| full(body(1)[first..last].to_vec()))
        }),
        ("no tag", |builder, asked, range| {
            let mut part = same(builder, asked, range);
            part.headers_mut().remove("etag");
            part
        }),
        ("a failure", |builder, _, _| builder.status(503).body(full("")).unwrap()),
    ];
    for (case, part) in parts {
        let bench = bench("\"a\"", part).await;
        let (bytes, ended_well) = read(send(&bench.service, get("/r")).await).await;
        assert!(!ended_well, "{case}");
        assert!(body(1).starts_with(&bytes), "{case}: bytes of another one");
        assert_eq!(bench.asked.lock().unwrap().len(), 1, "{case}");
    }
}

#[tokio::test]
async fn what_has_no_strong_validator_is_an_error_and_is_not_served_again() {
    for tag in ["W/\"a\"", "a", "\""] {
        let bench = bench(tag, same).await;
        let (bytes, ended_well) = read(send(&bench.service, get("/r")).await).await;
        assert!(!ended_well && body(1).starts_with(&bytes), "{tag}");
        assert!(bench.asked.lock().unwrap().is_empty(), "{tag}");
        settle().await;
        assert!(read(send(&bench.service, get("/r")).await).await == (body(1), true), "{tag}");
        assert_eq!(bench.origin.calls(), 2);
    }
}
