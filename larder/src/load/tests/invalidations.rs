//! An invalidation wins over whatever was being loaded when it was made.

use super::bench::{Bench, SECOND, Server, key_of};
use crate::{Origin, envelope::Kind, switches::Rule};

/// The source changes during a load, something is done about it, and another server looks.
async fn raced(bench: &Bench, server: &Server, invalidate: impl AsyncFnOnce(&Server)) -> u64 {
    bench.source.hold();
    let load = server.load("k");
    bench.source.asked(1).await;
    bench.source.set(2);
    invalidate(server).await;
    bench.source.release();
    let loaded = load.await.unwrap().unwrap();
    assert_eq!(loaded.value, 1, "who asked before gets what was there before");
    bench.server().value("k").await
}

#[tokio::test]
async fn a_delete_during_a_load_wins() {
    let ways: [fn(&Server) -> futures_util::future::BoxFuture<'_, ()>; 5] = [
        |server| Box::pin(server.invalidate("k")),
        |server| Box::pin(async { assert!(!server.values.delete("k").await.unwrap()) }),
        |server| Box::pin(async { server.values.delete_many(["k"]).await.unwrap() }),
        |server| Box::pin(async { server.values.invalidate_all().await.applied().unwrap() }),
        |server| Box::pin(async { server.values.space().clear().await.unwrap() }),
    ];
    for way in ways {
        let trace = async |bench: Bench| {
            let value = raced(&bench, &bench.server(), async |server| way(server).await).await;
            (value, bench.source.loads())
        };
        assert_eq!(trace(Bench::new()).await, (2, 2));
        for rule in [Rule::LeaseBeforeSource, Rule::CommitIsConditional] {
            assert_eq!(trace(Bench::without(rule)).await, (1, 1), "{rule:?}");
        }
    }
}

#[tokio::test]
async fn so_does_one_on_another_server_and_a_plain_write() {
    let trace = async |bench: Bench| {
        let other = bench.server();
        raced(&bench, &bench.server(), async |_| other.invalidate("k").await).await
    };
    assert_eq!(trace(Bench::new()).await, 2);
    assert_eq!(trace(Bench::without(Rule::CommitIsConditional)).await, 1);

    let bench = Bench::new();
    let write = async |server: &Server| assert!(server.values.set("k", &7).await.unwrap());
    assert_eq!(raced(&bench, &bench.server(), write).await, 7);
}

#[tokio::test]
async fn an_invalidated_tag_wins_over_a_load_under_it() {
    let trace = async |bench: Bench| {
        let mut server = bench.server();
        server.values = server.values.clone().tag("t");
        raced(&bench, &server, async |server| server.invalidate_tag("t").await).await
    };
    assert_eq!(trace(Bench::new()).await, 2);
    for rule in [Rule::TagsBeforeLoad, Rule::TagsCompared] {
        assert_eq!(trace(Bench::without(rule)).await, 1, "{rule:?}");
    }
}

#[tokio::test]
async fn a_new_generation_wins_over_a_load_of_the_one_before() {
    let trace = async |bench: Bench| {
        let server = || {
            let mut server = bench.server();
            let space = server.larder.namespace("values").unwrap().with_generations();
            server.values = space.typed().default_ttl(SECOND * 60);
            server
        };
        let (one, other) = (server(), server());
        bench.source.hold();
        let load = one.load("k");
        bench.source.asked(1).await;
        bench.source.set(2);
        other.values.invalidate_all().await.applied().unwrap();
        bench.source.release();
        assert_eq!(load.await.unwrap().unwrap().value, 1);
        assert_eq!(bench.standing("k").await, Some(Kind::Value), "it stands, and is dead");
        other.value("k").await
    };
    assert_eq!(trace(Bench::new()).await, 2);
    for rule in [Rule::TagsBeforeLoad, Rule::TagsCompared] {
        assert_eq!(trace(Bench::without(rule)).await, 1, "{rule:?}");
    }
}

/// An eviction and a delete look alike.
#[tokio::test]
async fn a_lease_that_is_lost_is_not_placed_again() {
    let trace = async |bench: Bench| {
        let server = bench.server();
        bench.source.hold();
        let load = server.load("k");
        bench.source.asked(1).await;
        bench.source.set(2);
        bench.evict("k").await;
        // Time to renew it.
        bench.wait(2 * SECOND).await;
        let stood = bench.standing("k").await;
        bench.source.release();
        let origin = load.await.unwrap().unwrap().origin;
        (stood, origin, server.value("k").await)
    };
    assert_eq!(trace(Bench::new()).await, (None, Origin::Uncached, 2));
    let broken = trace(Bench::without(Rule::LostLeaseStaysLost)).await;
    assert_eq!(broken, (Some(Kind::Lease), Origin::Loaded, 1));
}

/// A process that was paused: its lease has run out, another one has loaded.
#[tokio::test]
async fn a_load_that_outlives_its_lease_gives_its_value_and_stores_nothing() {
    let trace = async |bench: Bench| {
        let (paused, other) = (bench.server(), bench.server());
        bench.source.hold();
        let load = paused.load("k");
        bench.source.asked(1).await;
        bench.source.set(2);
        bench.source.release();
        // All at once: nobody could renew anything. The first to go on is the other one.
        bench.clock.advance(4 * SECOND);
        let found = other.values.get("k").await.unwrap();
        assert_eq!(found, None);
        other.values.set("k", &2).await.unwrap();
        let late = load.await.unwrap().unwrap();
        (late.value, late.origin, other.value("k").await)
    };
    assert_eq!(trace(Bench::new()).await, (1, Origin::Uncached, 2));
    let broken = trace(Bench::without(Rule::CommitIsConditional)).await;
    assert_eq!(broken, (1, Origin::Loaded, 1));
}

#[tokio::test]
async fn what_is_deleted_again_and_again_is_loaded_and_never_kept() {
    let bench = Bench::new();
    let server = bench.server();
    for round in 1..=20 {
        bench.source.set(round);
        assert_eq!(raced_by_delete(&bench, &server, round).await, round);
        assert_eq!(bench.bytes("k").await, None);
    }
    assert!(server.is_idle());
}

async fn raced_by_delete(bench: &Bench, server: &Server, round: u64) -> u64 {
    bench.source.hold();
    let load = server.load("k");
    bench.source.asked(round as usize).await;
    assert!(bench.store.store().delete(&key_of("k")).await.unwrap());
    bench.source.release();
    load.await.unwrap().unwrap().value
}
