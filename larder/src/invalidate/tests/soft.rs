//! What is invalidated softly may be served past its time, by those who take that, while it is refreshed.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use cache_api::{Cache as _, Clock as _, Op, Remaining, TestClock};
use integration_tests::{faults::on, steps::settled};

use crate::{
    Larder, Origin, Typed,
    envelope::Kind,
    load::testing::{Bench, MINUTE, SECOND, Server, key_of},
};

const HOUR: Duration = Duration::from_secs(3600);

fn server(bench: &Bench) -> Server {
    let mut server = bench.server();
    server.values = server.values.clone().stale_for(HOUR);
    server
}

async fn seen(server: &Server) -> (u64, Origin) {
    let answer = server.load("k").await.unwrap().unwrap();
    (answer.value, answer.origin)
}

#[tokio::test]
async fn it_is_served_once_more_and_refreshed() {
    type Soften = fn(&Typed<u64>) -> crate::Invalidate;
    let ways: [Soften; 3] = [
        |values| values.invalidate("k").soft(),
        |values| values.invalidate_tag("t").soft(),
        |values| values.invalidate_all().soft(),
    ];
    for (way, name) in ways.into_iter().zip(["key", "tag", "generation"]) {
        let bench = Bench::new();
        let server = || {
            let mut server = bench.server();
            let space = server.larder.namespace("values").unwrap().with_generations();
            server.values = space.typed().default_ttl(MINUTE).stale_for(HOUR).tag("t");
            server
        };
        let (one, other) = (server(), server());
        assert_eq!(seen(&one).await, (1, Origin::Loaded));
        bench.source.set(2);
        way(&other.values).await.applied().unwrap();
        assert_eq!(one.values.get("k").await.unwrap(), None, "{name}: it is past its time");
        assert_eq!(seen(&one).await, (1, Origin::Stale), "{name}");
        settled().await;
        assert_eq!(seen(&other).await, (2, Origin::Store), "{name}");
        assert_eq!(bench.source.loads(), 2, "{name}");
    }
}

#[tokio::test]
async fn what_may_not_be_served_stale_is_gone() {
    let bench = Bench::new();
    let server = bench.server();
    let values = server.values.clone().tag("t");
    for soften in [values.invalidate("k").soft(), values.invalidate_tag("t").soft()] {
        values.set("k", &1).await.unwrap();
        bench.source.set(2);
        soften.await.applied().unwrap();
        assert_eq!(server.value("k").await, 2);
        bench.evict("k").await;
    }
    // Nothing is there: nothing is to be done.
    values.invalidate("k").soft().await.applied().unwrap();
    // Neither bytes nor what others wrote can be past its time.
    let raw = values.space().raw();
    raw.set("k", "bytes").forever().await.unwrap();
    values.invalidate("k").soft().await.applied().unwrap();
    assert_eq!(bench.bytes("k").await, None);
}

#[tokio::test]
async fn a_load_or_a_refresh_that_is_under_way_is_not_kept() {
    let bench = Bench::new();
    let server = server(&bench);
    bench.source.hold();
    let load = server.load("k");
    bench.source.asked(1).await;
    server.values.invalidate("k").soft().await.applied().unwrap();
    bench.source.release();
    assert_eq!(load.await.unwrap().unwrap().origin, Origin::Uncached);
    assert_eq!(bench.bytes("k").await, None);

    // Of a refresh the stale one stays, to be refreshed again.
    assert_eq!(seen(&server).await, (1, Origin::Loaded));
    bench.clock.advance(MINUTE);
    bench.source.hold();
    assert_eq!(seen(&server).await, (1, Origin::Stale));
    bench.source.asked(3).await;
    bench.source.set(2);
    server.values.invalidate("k").soft().await.applied().unwrap();
    bench.source.release();
    settled().await;
    assert_eq!(bench.standing("k").await, Some(Kind::Value));
    assert_eq!(seen(&server).await, (1, Origin::Stale));
    settled().await;
    assert_eq!(seen(&server).await, (2, Origin::Store));
}

/// Whose clock is behind thinks that it is younger than it is, and sees it past its time all the same.
#[tokio::test]
async fn it_is_past_its_time_for_whoever_has_another_clock() {
    let bench = Bench::new();
    let server = server(&bench);
    for behind in [Duration::ZERO, SECOND, HOUR] {
        let clock = TestClock::new();
        clock.set_wall(bench.clock.system_time() - behind);
        let other = Larder::builder(bench.store.clone()).clock(Arc::new(clock.clone())).build();
        let other: Typed<u64> = other.namespace("values").unwrap().typed();
        server.values.set("k", &1).await.unwrap();
        bench.clock.advance(10 * SECOND);
        clock.advance(10 * SECOND);
        assert_eq!(other.get("k").await.unwrap(), Some(1));
        server.values.invalidate("k").soft().await.applied().unwrap();
        assert_eq!(other.get("k").await.unwrap(), None, "{behind:?}");
    }
    assert!(bench.clock.system_time() > SystemTime::UNIX_EPOCH);
}

/// Another value is set between the two looks of a soft invalidation.
#[tokio::test]
async fn no_value_gets_the_lifetime_of_another() {
    for late in [Op::Get, Op::Ttl] {
        let bench = Bench::new();
        let server = server(&bench);
        server.values.set("k", &1).ttl(10 * HOUR).await.unwrap();
        let gate = bench.store.hold(on(late).key(|key| *key == key_of("k")));
        let soft = tokio::spawn(server.values.invalidate("k").soft().into_future());
        gate.arrived().await;
        server.values.set("k", &2).ttl(SECOND).await.unwrap();
        gate.release();
        soft.await.unwrap().applied().unwrap();
        let left = bench.store.store().ttl(&key_of("k")).await.unwrap();
        let most = HOUR + SECOND;
        assert!(matches!(left, Remaining::For(left) if left <= most), "{late:?}: {left:?}");
    }
}

#[tokio::test]
async fn one_in_the_queue_is_made_softly_unless_a_hard_one_joins_it() {
    for hard in [false, true] {
        let bench = Bench::new();
        let server = server(&bench);
        server.values.set("k", &1).await.unwrap();
        bench.store.down();
        assert!(!server.values.invalidate("k").soft().await.is_applied());
        if hard {
            assert!(!server.values.invalidate("k").await.is_applied());
            assert!(!server.values.invalidate("k").soft().await.is_applied());
        }
        bench.store.up();
        bench.wait(SECOND).await;
        assert_eq!(server.larder.stats().queued, 0);
        assert_eq!(bench.bytes("k").await.is_some(), !hard);
        assert_eq!(server.values.get("k").await.unwrap(), None);
    }
}
