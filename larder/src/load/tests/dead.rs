//! What stands at a key and is dead is never served, and in nobody's way.

use bytes::Bytes;
use cache_api::{Cache as _, SetOptions, Ttl};
use integration_tests::steps::settled;

use super::bench::{Bench, MINUTE, SECOND, Server, key_of};
use crate::{
    LoadError, Origin,
    codec::Json,
    envelope::{Kind, Mark, Stamp, TagState, write_work},
    switches::Rule,
};

async fn put(bench: &Bench, record: impl Into<Bytes>, ttl: Ttl) {
    let put = bench.store.store().set(&key_of("k"), record.into(), SetOptions::new(ttl)).await;
    assert!(put.unwrap().is_stored());
}

/// Something dead stands at the key. Somebody loads, and then somebody else.
async fn displaced(bench: &Bench) -> (Origin, u64, usize) {
    let mut server = bench.server();
    server.values = server.values.clone().wait(SECOND / 5);
    bench.source.set(2);
    let call = server.load("k");
    let first = bench.passing(call).await.unwrap().unwrap();
    assert_eq!(first.value, 2, "what is dead is never served");
    let second = bench.passing(server.load("k")).await.unwrap().unwrap();
    (first.origin, second.value, bench.source.loads())
}

#[tokio::test]
async fn what_is_dead_by_a_tag_makes_way() {
    let trace = async |bench: Bench| {
        let server = bench.server();
        server.values.set("k", &1).tag("t").await.unwrap();
        server.invalidate_tag("t").await;
        displaced(&bench).await
    };
    assert_eq!(trace(Bench::new()).await, (Origin::Loaded, 2, 1));
    assert_eq!(trace(Bench::without(Rule::DeadMakesWay)).await, (Origin::Uncached, 2, 2));
}

#[tokio::test]
async fn what_is_damaged_or_anothers_makes_way() {
    let bench = Bench::new();
    bench.server().values.set("k", &1).await.unwrap();
    let record = bench.bytes("k").await.unwrap();
    let mut flipped = record.to_vec();
    *flipped.last_mut().unwrap() ^= 1;
    let lease = write_work(Stamp::new(Kind::Lease), &[]);
    let found: [Bytes; 9] = [
        flipped.into(),
        record.slice(..record.len() - 1),
        record.slice(..7),
        Bytes::new(),
        Bytes::from_static(b"\xCA"),
        Bytes::from_static(b"what another program wrote"),
        // Of a version that is still to come.
        [&[0xCA, 0x4C, 2], &record[3..]].concat().into(),
        // A piece of a stream.
        Bytes::copy_from_slice(&Stamp::new(Kind::Chunk).to_bytes()),
        // A lease that says nothing that can be understood.
        [&lease[..], &[3, 200, 1]].concat().into(),
    ];
    for record in found {
        let trace = async |bench: Bench| {
            put(&bench, record.clone(), Ttl::Never).await;
            displaced(&bench).await
        };
        assert_eq!(trace(Bench::new()).await, (Origin::Loaded, 2, 1), "{record:?}");
        let broken = trace(Bench::without(Rule::DeadMakesWay)).await;
        assert_eq!(broken, (Origin::Uncached, 2, 2), "{record:?}");
    }
}

#[tokio::test]
async fn so_does_what_this_caller_cannot_take() {
    let bench = Bench::new();
    let server = bench.server();
    server.values.codec(Json).set("k", &7).await.unwrap();
    assert_eq!(displaced(&bench).await, (Origin::Loaded, 2, 1));

    let texts = server.larder.namespace("values").unwrap().typed::<String>();
    texts.set("k", &"seven".into()).forever().await.unwrap();
    assert_eq!(displaced(&bench).await, (Origin::Loaded, 2, 2));

    // That there is none is no answer to who wants a value.
    bench.evict("k").await;
    bench.source.set(0);
    let values = server.values.clone().negative_ttl(MINUTE);
    assert_eq!(values.get_or_find("k", bench.source.finder()).await.unwrap(), None);
    assert_eq!(bench.standing("k").await, Some(Kind::Absent));
    assert_eq!(displaced(&bench).await, (Origin::Loaded, 2, 4));
}

/// The store's clock was set back: it still has what our own clock calls long past.
#[tokio::test]
async fn so_does_what_is_long_past_its_time() {
    let bench = Bench::new();
    let server = bench.server();
    server.values.set("k", &1).ttl(SECOND).await.unwrap();
    let record = bench.bytes("k").await.unwrap();
    put(&bench, record, Ttl::Never).await;
    assert_eq!(server.values.get("k").await.unwrap(), Some(1));
    bench.clock.advance(10 * SECOND);
    assert_eq!(server.values.get("k").await.unwrap(), None);
    assert_eq!(displaced(&bench).await, (Origin::Loaded, 2, 1));
}

#[tokio::test]
async fn what_is_dead_is_not_served_even_when_the_source_fails() {
    let bench = Bench::new();
    let server = bench.server();
    let values = server.values.clone().stale_for(60 * MINUTE);
    values.set("k", &1).tag("t").await.unwrap();
    bench.source.breaks(true);
    server.invalidate_tag("t").await;
    let error = values.get_or_load("k", bench.source.loader()).await.unwrap_err();
    assert!(matches!(error, LoadError::Loader(_)), "{error:?}");
}

fn tagged(bench: &Bench) -> Server {
    let mut server = bench.server();
    server.values = server.values.clone().tag("t").wait(SECOND);
    server
}

/// Whoever holds it was told to begin before the invalidation: his answer will be dead.
#[tokio::test]
async fn a_lease_whose_tags_were_invalidated_is_displaced_at_once() {
    let trace = async |bench: Bench| {
        let (one, other) = (tagged(&bench), tagged(&bench));
        bench.source.hold();
        let before = one.load("k");
        bench.source.asked(1).await;
        bench.source.set(2);
        other.invalidate_tag("t").await;
        let after = other.load("k");
        settled().await;
        let loads = bench.source.loads();
        bench.source.release();
        assert_eq!(before.await.unwrap().unwrap().value, 1);
        let after = bench.passing(after).await.unwrap().unwrap();
        (loads, after.value, other.values.get("k").await.unwrap())
    };
    assert_eq!(trace(Bench::new()).await, (2, 2, Some(2)));
    // Not looked at, they have others wait for what is dead.
    let broken = trace(Bench::without(Rule::TagsCompared)).await;
    assert_eq!(broken, (1, 1, Some(1)));
    let broken = trace(Bench::without(Rule::DeadMakesWay)).await;
    assert_eq!((broken.0, broken.1), (1, 2));
}

/// Softly, too: what it would bring is past its time already.
#[tokio::test]
async fn so_is_one_whose_tags_were_invalidated_softly() {
    let bench = Bench::new();
    let (one, other) = (tagged(&bench), tagged(&bench));
    bench.source.hold();
    let before = one.load("k");
    bench.source.asked(1).await;
    other.values.invalidate_tag("t").soft().await.applied().unwrap();
    let after = other.load("k");
    bench.source.asked(2).await;
    bench.source.release();
    assert_eq!(before.await.unwrap().unwrap().origin, Origin::Uncached);
    assert_eq!(after.await.unwrap().unwrap().origin, Origin::Loaded);
}

#[tokio::test]
async fn what_has_no_generation_is_none_where_there_are_generations() {
    let bench = Bench::new();
    let server = bench.server();
    server.values.set("k", &1).await.unwrap();
    bench.source.set(2);
    let space = server.larder.namespace("values").unwrap().with_generations();
    let values = space.typed::<u64>().default_ttl(MINUTE);
    assert_eq!(values.get("k").await.unwrap(), None);
    assert_eq!(values.get_or_load("k", bench.source.loader()).await.unwrap(), 2);
    assert_eq!(values.get("k").await.unwrap(), Some(2));
    assert_eq!(
        server.values.get("k").await.unwrap(),
        Some(2),
        "others read it as long as it holds"
    );
}

#[tokio::test]
async fn one_whose_tags_hold_is_not() {
    let bench = Bench::new();
    let (one, other) = (tagged(&bench), tagged(&bench));
    bench.source.hold();
    let load = one.load("k");
    bench.source.asked(1).await;
    other.invalidate_tag("another").await;
    let waiting = other.load("k");
    settled().await;
    assert_eq!(bench.source.loads(), 1);
    bench.source.release();
    assert_eq!(load.await.unwrap().unwrap().origin, Origin::Loaded);
    assert_eq!(bench.passing(waiting).await.unwrap().unwrap().origin, Origin::Store);
    assert_eq!(bench.source.loads(), 1);
    // One that was made under a tag that nobody knows is dead.
    bench.evict("k").await;
    let mark = Mark { name: Bytes::from_static(b"unknown"), seen: TagState::random() };
    put(&bench, write_work(Stamp::new(Kind::Lease), &[mark]), Ttl::Never).await;
    assert_eq!(one.origin("k").await, Origin::Loaded);
}
