//! A store that is slow, hangs, dies or loses its answers: the stream goes on without it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

mod streams_support;

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};

use backend_redis::RedisCache;
use bytes::Bytes;
use cache_api::{Cache, Key, Op, Remaining};
use futures_util::{StreamExt, stream};
use integration_tests::{
    faults::{Scripted, full, on},
    servers::Proxy,
};
use larder::stream::{Begin, PassReason, Unstored};
use streams_support::{Fleet, body, drain, record, until};

const PIECE: usize = 50_000;
const PIECES: usize = 60;

/// A source that gives a piece every few milliseconds, and says after which one something happens.
fn source(
    strike_at: usize,
    strike: impl FnOnce() + Send + 'static,
) -> impl futures_util::Stream<Item = std::result::Result<Bytes, Infallible>> + Send + 'static {
    let mut strike = Some(strike);
    stream::iter(0..PIECES).then(move |n| {
        if n == strike_at
            && let Some(strike) = strike.take()
        {
            strike();
        }
        async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            Ok(body(1, PIECE))
        }
    })
}

/// Reads a stream whole, and says how long it stood still at most.
async fn read_whole(mut reader: larder::stream::Reader<String>) -> Duration {
    let (mut length, mut longest, mut last) = (0, Duration::ZERO, Instant::now());
    while let Some(piece) = reader.next().await {
        let piece = piece.unwrap();
        let place = length % PIECE;
        assert_eq!(piece, body(1, PIECE).slice(place..place + piece.len()));
        length += piece.len();
        longest = longest.max(last.elapsed());
        last = Instant::now();
    }
    assert_eq!(length, PIECE * PIECES);
    longest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_freezes_is_given_up_and_not_the_reader() {
    let fleet = Fleet::on_redis().await;
    let a = fleet.server().window(200_000);
    let Begin::Claimed(claim) = a.begin("r").await else { panic!("nothing is there") };
    let pid = fleet.redis.as_ref().unwrap().pid().to_string();
    let freeze = move || {
        let stopped = std::process::Command::new("kill").args(["-STOP", &pid]).status();
        assert!(stopped.unwrap().success());
    };
    let reader = claim.start(String::new()).await.fill(source(20, freeze));
    let longest = read_whole(reader).await;
    // A window that stays full for 250 ms.
    assert!(longest < Duration::from_millis(900), "{longest:?}");
    until(|| async { a.space().larder().stats().streams.unstored == 1 }).await;
    // Nobody waits for it: the source serves.
    let begun = Instant::now();
    assert!(matches!(a.begin("r").await, Begin::Pass(PassReason::Store(_))));
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());

    fleet.redis.as_ref().unwrap().cont().unwrap();
    until(|| async { matches!(a.begin("r").await, Begin::Claimed(_)) }).await;
    record(&a, "r", &body(2, 100_000), 10_000).await;
    assert_eq!(a.open("r").await.unwrap().unwrap().collect().await.unwrap(), body(2, 100_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_there_is_no_error_to_who_has_a_source() {
    let mut fleet = Fleet::on_redis().await;
    let a = fleet.server();
    fleet.redis.as_mut().unwrap().kill().unwrap();
    let begun = Instant::now();
    let asked = || async { Ok::<_, Infallible>((String::new(), source(0, || {}))) };
    let reader = a.get_or_record("r", asked).await.unwrap();
    let begun = begun.elapsed();
    assert!(begun < Duration::from_secs(1), "{begun:?}");
    read_whole(reader).await;
    assert!(a.open("r").await.is_err(), "without a source there is nothing but the error");
    assert!(a.record("r", String::new()).await.is_err());

    fleet.redis.as_mut().unwrap().restart().await.unwrap();
    until(|| async { a.open("r").await.is_ok() }).await;
    assert!(a.open("r").await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_stands_and_keeps_its_chunks() {
    let fleet = Fleet::on_redis().await;
    let redis = fleet.redis.as_ref().unwrap();
    let proxy = Proxy::start(redis.address()).await.unwrap();
    let url = redis.url_via(proxy.address());
    let store = RedisCache::builder(&url).unwrap().open().await.unwrap();
    let a = Fleet::over(Arc::new(store)).server();
    let b = fleet.server();
    for length in [1000, 500_000] {
        let mut recorder = a.record("r", String::new()).await.unwrap();
        for piece in body(1, length).chunks(PIECE) {
            recorder.write(Bytes::copy_from_slice(piece)).await.unwrap();
        }
        // The stamp of a manifest.
        let lost = proxy.lost();
        proxy.drop_reply_to(b"\xCA\x4C\x01\x03");
        let committed = recorder.commit().await.unwrap();
        assert_eq!(proxy.lost(), lost + 1, "the fault struck");
        assert!(committed.stored, "{committed:?}");
        assert_eq!(b.open("r").await.unwrap().unwrap().collect().await.unwrap(), body(1, length));
        for key in fleet.pieces().await {
            let kept = fleet.store.ttl(&key).await.unwrap();
            let beat = key.user().ends_with(b"beat") || key.user().ends_with(b"follower");
            let end = matches!(kept, Remaining::For(left) if left <= Duration::from_secs(600));
            assert!(beat || end == key.user().ends_with(b":8"), "{key}: {kept:?}");
        }
        assert!(a.delete("r").await.unwrap());
    }
}

on_every_store![
    a_store_that_hangs_is_given_up_and_the_reader_never_notices,
    a_store_that_hangs_before_the_head_delays_nobody,
    a_store_that_takes_no_writes_is_given_up,
];

async fn a_store_that_hangs_is_given_up_and_the_reader_never_notices(fleet: Fleet) {
    let hanging = Scripted::new(Arc::clone(&fleet.store));
    let a = Fleet::over(Arc::new(hanging.clone())).server().window(200_000);
    let Begin::Claimed(claim) = a.begin("r").await else { panic!("nothing is there") };
    let store = hanging.clone();
    let hang = move || store.freeze();
    let longest = read_whole(claim.start(String::new()).await.fill(source(20, hang))).await;
    assert!(longest < Duration::from_millis(900), "{longest:?}");
    hanging.thaw();
    until(|| async { a.space().larder().stats().streams.unstored == 1 }).await;
    assert!(a.open("r").await.unwrap().is_none());
    // It wakes, and is used again.
    until(|| async { matches!(a.begin("r").await, Begin::Claimed(_)) }).await;
}

/// The lease stands, the source has answered, and then the store hangs: `start` does not wait for it.
async fn a_store_that_hangs_before_the_head_delays_nobody(fleet: Fleet) {
    let hanging = Scripted::new(Arc::clone(&fleet.store));
    let a = Fleet::over(Arc::new(hanging.clone())).server();
    let Begin::Claimed(claim) = a.begin("r").await else { panic!("nothing is there") };
    hanging.freeze();
    let begun = Instant::now();
    let mut reader = claim.start(String::new()).await.fill(source(PIECES, || {}));
    let first = reader.next().await.unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_millis(200), "{:?}", begun.elapsed());
    assert_eq!(first, body(1, PIECE));
    hanging.thaw();
    let (rest, ended) = drain(reader).await;
    ended.unwrap();
    assert_eq!(rest.len(), PIECE * (PIECES - 1));
}

/// A store with no room for the later chunks.
async fn a_store_that_takes_no_writes_is_given_up(fleet: Fleet) {
    let store = Scripted::new(Arc::clone(&fleet.store));
    let chunk = |key: &Key| key.namespace().is_reserved() && key.user().ends_with(b":3");
    store.fail(on([Op::Set, Op::SetMany]).key(chunk).always(), full(Op::Set));
    let a = Fleet::over(Arc::new(store)).server();
    let b = fleet.server();
    let mut recorder = a.record("r", String::new()).await.unwrap();
    let near = tokio::spawn(drain(recorder.reader()));
    let far = tokio::spawn(drain(b.follow("r").await.unwrap().unwrap()));
    for _ in 0..20 {
        recorder.write(body(1, PIECE)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let committed = recorder.commit().await.unwrap();
    assert_eq!((committed.stored, committed.reason), (false, Some(Unstored::StoreFailed)));
    let (got, ended) = near.await.unwrap();
    ended.unwrap();
    assert_eq!(got, body(1, PIECE).repeat(20));
    let (got, ended) = far.await.unwrap();
    assert!(ended.is_err() && body(1, PIECE).repeat(20).starts_with(&got));
    assert!(b.follow("r").await.unwrap().is_none(), "the key is free");
}
