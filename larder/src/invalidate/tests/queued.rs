//! What an invalidation in the queue concerns is not trusted by the process that has it.

use std::convert::Infallible;

use cache_api::{Key, Op, Ttl};
use futures_util::stream;
use integration_tests::{
    faults::{not_connected, on},
    steps::settled,
};

use super::{cut, get, mend};
use crate::{
    Bytes, Invalidation, LoadContext, Origin,
    load::testing::{Bench, MINUTE},
    switches::Rule,
};

#[tokio::test]
async fn nothing_that_it_concerns_is_served_from_the_store() {
    let trace = async |bench: Bench| {
        let server = bench.server();
        let values = server.values.clone();
        values.set("k", &1).await.unwrap();
        values.set("other", &5).await.unwrap();
        bench.source.set(2);
        cut(&bench);
        assert!(matches!(values.invalidate("k").await, Invalidation::Queued(_)));
        assert_eq!(get(&values, "other").await.unwrap(), Some(5), "it concerns nothing else");
        let got = get(&values, "k").await.ok();
        let many = values.get_many(["other", "k"]).await.ok();
        let loaded = server.load("k").await.unwrap().unwrap();
        (got, many, (loaded.value, loaded.origin))
    };
    assert_eq!(trace(Bench::new()).await, (None, None, (2, Origin::Uncached)));
    let broken = trace(Bench::without(Rule::QueuedDistrusted)).await;
    let stale = (Some(Some(1)), Some(vec![Some(5), Some(1)]), (1, Origin::Store));
    assert_eq!(broken, stale);
}

#[tokio::test]
async fn nor_by_a_tag_a_clear_or_a_generation() {
    let trace = async |bench: Bench| {
        let server = bench.server();
        let space = server.larder.namespace("values").unwrap();
        let plain = server.values.clone();
        let tagged = plain.clone().tag("t");
        let inside = space.child("in").unwrap().child("side").unwrap();
        let inside = inside.typed::<u64>().default_ttl(MINUTE);
        let generations = server.larder.namespace("g").unwrap().with_generations();
        let generations = generations.typed::<u64>().default_ttl(MINUTE);
        plain.set("plain", &1).tag("t").await.unwrap();
        tagged.set("tagged", &1).await.unwrap();
        inside.set("k", &1).await.unwrap();
        generations.set("k", &1).await.unwrap();
        cut(&bench);
        let mut got = Vec::new();
        assert!(!plain.invalidate_tag("t").await.is_applied());
        assert!(!generations.invalidate_all().await.is_applied());
        got.push(plain.get("plain").await.ok().flatten());
        got.push(tagged.get("tagged").await.ok().flatten());
        got.push(generations.get("k").await.ok().flatten());
        assert_eq!(inside.get("k").await.unwrap(), Some(1));
        assert!(!space.invalidate_all().await.is_applied());
        got.push(inside.get("k").await.ok().flatten());
        got
    };
    assert_eq!(trace(Bench::new()).await, [None; 4]);
    assert_eq!(trace(Bench::without(Rule::QueuedDistrusted)).await, [Some(1); 4]);
}

#[tokio::test]
async fn nor_by_any_other_call() {
    let trace = async |bench: Bench| {
        let server = bench.server();
        let (values, space) = (server.values.clone(), server.values.space().clone());
        let (raw, streams) = (space.raw(), space.streams::<u8>());
        let keys = ["taken", "dated", "renewed", "absent", "bytes", "stream", "followed", "begun"];
        for key in &keys[..4] {
            values.set(key, &1).await.unwrap();
        }
        raw.set("bytes", "1").forever().await.unwrap();
        for key in &keys[5..] {
            let mut recorder = streams.record(*key, 1).await.unwrap();
            recorder.write(Bytes::from_static(b"body")).await.unwrap();
            recorder.commit().await.unwrap();
        }
        bench.store.fail(on(Op::DeleteIf).always(), not_connected(Op::DeleteIf));
        assert!(!space.invalidate_many(keys).await.is_applied());

        let refusals = [
            values.take("taken").await.is_err(),
            values.ttl("dated").await.is_err(),
            values.expire("renewed", MINUTE).await.is_err(),
            values.set("absent", &2).if_absent().await.is_err(),
            raw.get("bytes").await.is_err(),
            raw.ttl("bytes").await.is_err(),
            raw.expire("bytes", Ttl::Never).await.is_err(),
            raw.increment("bytes", 1, Ttl::Never).await.is_err(),
            raw.take("bytes").await.is_err(),
            streams.open("stream").await.is_err(),
            streams.follow("followed").await.is_err(),
        ];
        let source = || async {
            let body = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"new"))]);
            Ok::<_, Infallible>((2, body))
        };
        let begun = streams.get_or_record("begun", source).await.unwrap();
        (refusals, *begun.head())
    };
    assert_eq!(trace(Bench::new()).await, ([true; 11], 2));
    assert_eq!(trace(Bench::without(Rule::QueuedDistrusted)).await, ([false; 11], 1));
}

/// Taken, the value is gone from the store before anyone can ask whether it was invalidated.
#[tokio::test]
async fn what_is_taken_was_settled_first() {
    let bench = Bench::new();
    let server = bench.server();
    for key in ["taken", "absent"] {
        server.values.set(key, &1).await.unwrap();
    }
    bench.store.fail(on(Op::DeleteIf).times(2), not_connected(Op::DeleteIf));
    assert!(!server.values.space().invalidate_many(["taken", "absent"]).await.is_applied());
    assert_eq!(server.values.take("taken").await.unwrap(), None);
    assert!(server.values.set("absent", &2).if_absent().await.unwrap());
    assert_eq!(server.larder.stats().queued, 0);
}

/// Its look-up finds the lease of that load, which says nothing of the tag that its loader has named.
#[tokio::test]
async fn nor_is_a_load_shared_that_is_under_a_tag_in_the_queue() {
    let trace = async |bench: Bench| {
        let server = bench.server();
        let load = || {
            let load = bench.source.loader();
            let tagged = |context: LoadContext| async move {
                context.tag("t").await;
                load().await
            };
            tokio::spawn(server.values.get_or_load_with("k", tagged).answer().into_future())
        };
        bench.source.hold();
        let before = load();
        bench.source.asked(1).await;
        bench.source.set(2);
        // Tags cannot be invalidated; all else goes on.
        let is_tag = |key: &Key| key.namespace().as_str().contains("/.tag");
        bench.store.fail(
            integration_tests::faults::Calls::writes().key(is_tag).always(),
            not_connected(Op::DeleteIf),
        );
        assert!(!server.values.invalidate_tag("t").await.is_applied());
        let after = load();
        settled().await;
        bench.source.release();
        assert_eq!(before.await.unwrap().unwrap().value, 1);
        let after = bench.passing(after).await.unwrap().unwrap().value;
        (after, server.values.get("k").await.is_ok())
    };
    assert_eq!(trace(Bench::new()).await, (2, false));
    assert_eq!(trace(Bench::without(Rule::QueuedDistrusted)).await, (1, true));
}

/// A look-up that reads an entry and its tags in one call, while the invalidation of one of them is made.
#[tokio::test]
async fn tags_of_the_call_are_settled_before_they_are_read() {
    let bench = Bench::new();
    let server = bench.server();
    let values = server.values.clone().tag("t");
    values.set("k", &1).await.unwrap();
    cut(&bench);
    assert!(!values.invalidate_tag("t").await.is_applied());
    mend(&bench);
    let read = bench.store.hold_reply(on(Op::GetMany));
    let reading = tokio::spawn({
        let values = values.clone();
        async move { values.get("k").await }
    });
    read.arrived().await;
    // Meanwhile it is made, and struck off.
    bench.wait(MINUTE / 60).await;
    assert_eq!(server.larder.stats().queued, 0);
    read.release();
    assert_eq!(reading.await.unwrap().unwrap(), None);
}

#[tokio::test]
async fn it_is_made_before_the_next_read_and_not_again() {
    let bench = Bench::new();
    let server = bench.server();
    server.values.set("k", &1).await.unwrap();
    cut(&bench);
    assert!(!server.values.invalidate("k").await.is_applied());
    assert!(!server.values.invalidate("k").await.is_applied());
    assert_eq!(server.larder.stats().queued, 1, "one per key");
    mend(&bench);
    bench.store.clear_log();
    assert_eq!(get(&server.values, "k").await.unwrap(), None);
    assert_eq!(bench.store.calls(Op::DeleteIf), 1);
    server.values.set("k", &2).await.unwrap();
    bench.wait(MINUTE / 2).await;
    assert_eq!(get(&server.values, "k").await.unwrap(), Some(2));
    assert_eq!(bench.store.calls(Op::DeleteIf), 1);
}

/// A thousand readers of a space that is to be cleared: one walk over the keys, not a thousand.
#[tokio::test]
async fn it_is_made_once_for_all_who_wait_for_it() {
    let bench = Bench::new();
    let server = bench.server();
    server.values.set("k", &1).await.unwrap();
    bench.store.down();
    assert!(!server.values.invalidate_all().await.is_applied());
    // All fail together, and so does nobody after them.
    bench.store.clear_log();
    let reads = || futures_util::future::join_all((0..1000).map(|_| server.values.get("k")));
    assert!(reads().await.iter().all(Result::is_err));
    assert_eq!(bench.store.calls(Op::Clear), 1);
    bench.store.up();
    bench.store.clear_log();
    let clear = bench.store.hold(on(Op::Clear));
    let reading = tokio::spawn({
        let values = server.values.clone();
        async move { futures_util::future::join_all((0..1000).map(|_| values.get("k"))).await }
    });
    clear.arrived().await;
    settled().await;
    clear.release();
    assert!(reading.await.unwrap().iter().all(|read| matches!(read, Ok(None))));
    assert_eq!(bench.store.calls(Op::Clear), 1);
}
