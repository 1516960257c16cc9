//! Versions that change all the time, asked for in every way on two servers: head and body of an answer
//! always belong together, a body is whole or an error, and nothing older is served than what a change that
//! went through the layer has left.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::SeqCst},
};

use crate::common::*;
use backend_memory::MemoryCache;
use http::{Request, Response};
use http_body_util::Empty;
use integration_tests::faults::{Faulty, Odds};
use larder::Larder;

/// A body of this many bytes of one version, in chunks and inline.
const LENGTHS: [usize; 2] = [100, 150_000];

/// An origin whose answer is the number of its version, over and over. POST makes a new one; so does
/// whoever has its counter, unseen.
fn origin(version: &Arc<AtomicU64>, control: &'static str) -> Origin {
    let version = Arc::clone(version);
    Origin::new(move |_, request: Request<Empty<bytes::Bytes>>| {
        let response = Response::builder();
        if request.method() == "POST" {
            version.fetch_add(1, SeqCst);
            return response.body(full("")).unwrap();
        }
        let now = version.load(SeqCst);
        let tag = format!("\"{now}\"");
        let response = response.header("cache-control", control).header("etag", &tag);
        let response = response.header("vary", "accept").header("x-version", now);
        if request.headers().get("if-none-match").is_some_and(|theirs| *theirs == *tag) {
            return response.status(304).body(full("")).unwrap();
        }
        let length = LENGTHS[usize::from(request.uri().path() == "/long")];
        response.body(full(body(now, length))).unwrap()
    })
}

fn body(version: u64, length: usize) -> Vec<u8> {
    version.to_string().as_bytes().iter().copied().cycle().take(length).collect()
}

/// What is wrong with an answer that ended well, if anything.
fn flaw(answer: &http::response::Parts, bytes: &[u8], path: &str) -> Option<&'static str> {
    let version = |name| answer.headers.get(name).and_then(|value| value.to_str().ok());
    let tag = version("etag")?.trim_matches('"');
    if version("x-version") != Some(tag) {
        return Some("fields of two versions");
    }
    let whole = body(tag.parse().unwrap(), LENGTHS[usize::from(path == "/long")]);
    let right = match answer.status.as_u16() {
        200 => bytes == whole,
        206 => bytes == &whole[10..=90],
        304 => bytes.is_empty(),
        _ => return Some("another status"),
    };
    (!right).then_some("a body of another version, or not all of it")
}

/// Asks four hundred times from eight clients, with changes in between. Returns how many answers ended in
/// an error, and how many came from the store.
async fn storm(servers: [Larder; 2], control: &'static str) -> (u64, u64) {
    let version = Arc::new(AtomicU64::new(1_000_000));
    let origin = origin(&version, control);
    let cut = Arc::new(AtomicU64::new(0));
    let hits = Arc::new(AtomicU64::new(0));
    let clients = (0..8_u64).map(|client| {
        let servers = servers.each_ref().map(|larder| origin.behind(standard(larder)));
        let (version, cut, hits) = (Arc::clone(&version), Arc::clone(&cut), Arc::clone(&hits));
        tokio::spawn(async move {
            let mut state = client + 1;
            let mut chance = move |of: u64| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 33) % of
            };
            for _ in 0..50 {
                let server = &servers[chance(2) as usize];
                let path = ["/short", "/long"][chance(2) as usize];
                if chance(8) == 0 {
                    drop(send(server, request("POST", path, &[])).await);
                    continue;
                }
                let header = match chance(6) {
                    0 => ("range", "bytes=10-90".to_owned()),
                    1 => ("if-none-match", format!("\"{}\"", version.load(SeqCst))),
                    2 => ("cache-control", "no-cache".to_owned()),
                    _ => ("x-plain", String::new()),
                };
                let accept = ["a", "b"][chance(2) as usize];
                let asked = [("accept", accept), (header.0, header.1.as_str())];
                let answer = send(server, request("GET", path, &asked)).await;
                hits.fetch_add(u64::from(is_hit(&answer)), SeqCst);
                let (answer, rest) = answer.into_parts();
                // Who follows a recording on another server has an error when its key is taken from it at
                // the wrong moment. That is loud, and must stay rare.
                let Ok(rest) = http_body_util::BodyExt::collect(rest).await else {
                    cut.fetch_add(1, SeqCst);
                    continue;
                };
                assert_eq!(flaw(&answer, &rest.to_bytes(), path), None, "{asked:?} {path}");
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    (cut.load(SeqCst), hits.load(SeqCst))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn head_and_body_belong_together_whatever_changes() {
    for control in ["max-age=60", "max-age=0, stale-while-revalidate=60", "no-cache"] {
        let (a, b) = two_over_memory();
        let (cut, hits) = storm([a, b], control).await;
        assert!(cut <= 40, "{control}: {cut} of four hundred");
        assert!(hits > 0 || control != "max-age=60", "{control}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_they_do_over_a_store_that_fails_by_chance() {
    let odds = Odds::each(0.03);
    let inner = Arc::new(MemoryCache::builder().build());
    let store = Faulty::builder(inner).seed(7).reads(odds).writes(odds).build();
    let servers = [Larder::new(store.clone()), Larder::new(store.clone())];
    storm(servers, "max-age=60").await;
    assert!(store.struck().replies_lost > 0);
}

/// The control: what the storm looks for, it finds.
#[test]
fn an_answer_of_two_versions_has_a_flaw() {
    let (answer, ()) = Response::builder()
        .header("etag", "\"1000001\"")
        .header("x-version", "1000001")
        .body(())
        .unwrap()
        .into_parts();
    let mut bytes = body(1_000_001, LENGTHS[0]);
    assert_eq!(flaw(&answer, &bytes, "/short"), None);
    assert!(flaw(&answer, &bytes[..99], "/short").is_some());
    bytes[50..].copy_from_slice(&body(1_000_002, LENGTHS[0])[50..]);
    assert!(flaw(&answer, &bytes, "/short").is_some());
}

/// Each change goes through a server; whoever asks either server after that has it.
async fn changes_are_seen(servers: [Larder; 2], control: &'static str) {
    let version = Arc::new(AtomicU64::new(1_000_000));
    let origin = origin(&version, control);
    let servers = servers.map(|larder| origin.behind(standard(&larder)));
    let others: Vec<_> = (0..4)
        .map(|at| {
            let server = servers[at % 2].clone();
            tokio::spawn(async move {
                loop {
                    fetch(&server, request("GET", "/short", &[("accept", "a")])).await;
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for round in 0..100 {
        drop(send(&servers[round % 2], request("POST", "/short", &[])).await);
        let least = version.load(SeqCst);
        for server in &servers {
            let answer = send(server, request("GET", "/short", &[("accept", "a")])).await;
            let given: u64 = answer.headers()["x-version"].to_str().unwrap().parse().unwrap();
            assert!(given >= least, "{given} after {least}, in round {round}");
        }
    }
    for other in others {
        other.abort();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_older_is_served_after_a_change() {
    for control in ["max-age=60", "max-age=60, stale-while-revalidate=60"] {
        let (a, b) = two_over_memory();
        changes_are_seen([a, b], control).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_older_is_served_after_a_change_over_redis() {
    let (_redis, a, b) = two_over_redis().await;
    changes_are_seen([a, b], "max-age=60").await;
}

/// The control: a change that the layer does not see is not seen by its clients.
#[tokio::test]
async fn a_change_behind_its_back_is_not_seen() {
    let version = Arc::new(AtomicU64::new(1));
    let service = origin(&version, "max-age=60").behind(standard(&memory()));
    fetch(&service, get("/short")).await;
    drop(hit(&service, "/short").await);
    version.fetch_add(1, SeqCst);
    let answer = send(&service, get("/short")).await;
    assert_eq!(answer.headers()["x-version"], "1");
}
