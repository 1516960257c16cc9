//! A larder over tiers: what must be read past the copies is.

use std::{convert::Infallible, sync::Arc, time::Duration};

use cache_api::{Key, Namespace, Op};
use larder::{Larder, Origin};

use crate::bench::{Bench, settle};

const HOUR: Duration = Duration::from_secs(3600);

/// Two servers over one store: one has tiers that are not told of changes for now, the other has none.
struct Servers {
    bench: Bench,
    here: Larder,
    there: Larder,
}

async fn servers(near: u64) -> Servers {
    let bench = Bench::new();
    let here = Larder::builder(bench.tiers.clone()).clock(Arc::new(bench.clock.clone())).near(near);
    let there =
        Larder::builder(Arc::clone(bench.back.store())).clock(Arc::new(bench.clock.clone()));
    let servers = Servers { here: here.build(), there: there.build(), bench };
    // The namespaces are listened to.
    for server in [&servers.there, &servers.here] {
        for name in ["sources", "made"] {
            let numbers = server.namespace(name).unwrap().typed::<u32>();
            numbers.set("warm", &0).ttl(HOUR).tag("t").await.unwrap();
            numbers.get("warm").await.unwrap();
            servers.settled().await;
        }
    }
    servers
}

impl Servers {
    async fn settled(&self) {
        settle().await;
        self.bench.back.reports().delivered().await;
        settle().await;
    }
}

#[tokio::test]
async fn a_loader_makes_nothing_from_copies() {
    let servers = servers(0).await;
    let [here, there] = [&servers.here, &servers.there];
    let sources = |larder: &Larder| larder.namespace("sources").unwrap().typed::<u32>();
    sources(there).set("a", &1).ttl(HOUR).await.unwrap();
    servers.settled().await;
    for _ in 0..2 {
        assert_eq!(sources(here).get("a").await.unwrap(), Some(1));
    }
    servers.bench.back.reports().hold();
    sources(there).set("a", &2).ttl(HOUR).await.unwrap();
    assert_eq!(sources(here).get("a").await.unwrap(), Some(1), "the control: it is a copy");
    let made = here.namespace("made").unwrap().typed::<u32>();
    let source = sources(here);
    let value = made
        .get_or_load("of a", move || async move {
            Ok::<_, Infallible>(source.get("a").await.unwrap().unwrap() * 10)
        })
        .ttl(HOUR)
        .await
        .unwrap();
    assert_eq!(value, 20);
}

#[tokio::test]
async fn who_wants_to_see_a_write_of_another_server_does() {
    let servers = servers(1 << 20).await;
    let [here, there] = [&servers.here, &servers.there];
    let numbers = |larder: &Larder| larder.namespace("made").unwrap().typed::<u32>();
    numbers(there).set("a", &1).ttl(HOUR).await.unwrap();
    servers.settled().await;
    let near = numbers(here).near();
    servers.settled().await;
    for _ in 0..3 {
        assert_eq!(near.get("a").await.unwrap().as_deref(), Some(&1));
    }
    assert!(numbers(here).get("a").await.unwrap() == Some(1));
    servers.bench.back.reports().hold();
    let token = numbers(there).set("a", &2).ttl(HOUR).token().await.unwrap().unwrap();
    assert_eq!(near.get("a").await.unwrap().as_deref(), Some(&1), "the control: a near copy");
    assert_eq!(numbers(here).get("a").await.unwrap(), Some(1), "the control: a copy of bytes");
    assert_eq!(near.get("a").after(&token).await.unwrap().as_deref(), Some(&2));
    assert_eq!(numbers(here).get("a").await.unwrap(), Some(2), "the old copy is gone for all");

    numbers(there).set("a", &3).ttl(HOUR).await.unwrap();
    assert_eq!(numbers(here).get("a").await.unwrap(), Some(2), "the control");
    assert_eq!(near.get("a").fresh().await.unwrap().as_deref(), Some(&3));
}

#[tokio::test]
async fn a_near_tier_over_tiers_is_told_after_them() {
    let servers = servers(1 << 20).await;
    let [here, there] = [&servers.here, &servers.there];
    let numbers = |larder: &Larder| larder.namespace("made").unwrap().typed::<u32>();
    let near = numbers(here).near();
    servers.settled().await;
    for round in 1..50 {
        numbers(there).set("a", &round).ttl(HOUR).await.unwrap();
        servers.settled().await;
        for _ in 0..3 {
            assert_eq!(near.get("a").await.unwrap().as_deref(), Some(&round));
            assert_eq!(numbers(here).get("a").await.unwrap(), Some(round));
        }
    }
    assert!(here.stats().near.hits >= 49, "{:?}", here.stats().near);
    assert!(servers.bench.tiers.stats().hits >= 49);
}

#[tokio::test]
async fn values_tags_loads_and_streams_work_over_tiers() {
    let servers = servers(0).await;
    let here = &servers.here;
    let numbers = here.namespace("made").unwrap().typed::<u32>();
    let load = |value: u32| {
        let load = numbers.get_or_load("k", move || async move { Ok::<_, Infallible>(value) });
        load.ttl(HOUR).tag("t").answer()
    };
    assert_eq!(load(1).await.unwrap().origin, Origin::Loaded);
    servers.settled().await;
    for _ in 0..3 {
        let answer = load(2).await.unwrap();
        assert_eq!((answer.value, answer.origin), (1, Origin::Store));
    }
    servers.bench.forget();
    assert_eq!(load(2).await.unwrap().value, 1);
    assert!(servers.bench.back.log().is_empty(), "{:?}", servers.bench.back.log());

    assert!(numbers.invalidate_tag("t").await.is_applied());
    assert_eq!(load(2).await.unwrap().value, 2);
    let stream = |text: &'static str| {
        let streams = here.namespace("made").unwrap().streams::<()>();
        let rows = futures_util::stream::iter([Ok::<_, Infallible>(larder::Bytes::from(
            text.repeat(40_000),
        ))]);
        streams.get_or_record("body", || async { Ok::<_, Infallible>(((), rows)) }).ttl(HOUR)
    };
    for _ in 0..3 {
        let body = stream("v").await.unwrap().collect().await.unwrap();
        assert_eq!(body.len(), 40_000);
        servers.settled().await;
    }
    let chunks = Namespace::new("made").unwrap().reserved("chunk").unwrap();
    let of_chunks = |log: Vec<(Op, Vec<Key>)>| {
        log.iter().flat_map(|(_, keys)| keys).filter(|key| key.is_in(&chunks)).count()
    };
    assert_eq!(of_chunks(servers.bench.front.log()), 0);
    assert!(of_chunks(servers.bench.back.log()) > 0);
}
