//! Answers past their time: served while one in the fleet refreshes them, or when that fails.

use std::time::Duration;

use cache_api::{Cache as _, Op, Remaining};
use futures_util::future::join_all;
use integration_tests::{faults::on, steps::settled};

use super::bench::{Bench, Broken, MINUTE, SECOND, Server, key_of};
use crate::{LoadError, Loaded, Origin, switches::Rule};

/// A server that serves values for a minute after their minute.
fn server(bench: &Bench) -> Server {
    let mut server = bench.server();
    server.values = server.values.clone().stale_for(MINUTE);
    server
}

/// A value that has just passed its time.
async fn stale(bench: &Bench) -> Server {
    let server = server(bench);
    assert_eq!(server.value("k").await, 1);
    bench.clock.advance(MINUTE);
    bench.source.set(2);
    server
}

async fn seen(server: &Server) -> (u64, Origin) {
    let answer = server.load("k").await.unwrap().unwrap();
    (answer.value, answer.origin)
}

#[tokio::test]
async fn it_is_served_at_once_and_refreshed_by_one_in_the_fleet() {
    let trace = async |bench: Bench| {
        stale(&bench).await;
        let servers: Vec<_> = (0..10).map(|_| server(&bench)).collect();
        bench.source.hold();
        let calls: Vec<_> = (0..200).map(|call| servers[call % 10].load("k")).collect();
        for answer in join_all(calls).await {
            let answer = answer.unwrap().unwrap();
            assert_eq!((answer.value, answer.origin), (1, Origin::Stale));
        }
        settled().await;
        let refreshers = bench.source.loads() - 1;
        bench.source.release();
        settled().await;
        assert!(servers.iter().all(Server::is_idle));
        assert_eq!(seen(&servers[3]).await, (2, Origin::Store));
        refreshers
    };
    assert_eq!(trace(Bench::new()).await, 1);
    assert_eq!(trace(Bench::without(Rule::RefresherElected)).await, 10);
}

#[tokio::test]
async fn who_loads_nothing_gets_it_only_if_he_asks_for_that() {
    let bench = Bench::new();
    let server = stale(&bench).await;
    assert_eq!(server.values.get("k").await.unwrap(), None);
    let cached = || server.values.get_or_load("k", bench.source.loader()).cache_only();
    assert_eq!(cached().await.unwrap(), Some(1));
    settled().await;
    assert_eq!(bench.source.loads(), 1, "and nobody refreshes it");
    bench.clock.advance(MINUTE);
    assert_eq!(cached().await.unwrap(), None);
}

#[tokio::test]
async fn a_refresh_brings_nothing_back_that_was_deleted() {
    let trace = async |bench: Bench| {
        let server = stale(&bench).await;
        bench.source.hold();
        assert_eq!(seen(&server).await, (1, Origin::Stale));
        bench.source.asked(2).await;
        bench.source.set(3);
        server.invalidate("k").await;
        bench.source.release();
        settled().await;
        server.value("k").await
    };
    assert_eq!(trace(Bench::new()).await, 3);
    assert_eq!(trace(Bench::without(Rule::RefreshIsConditional)).await, 2);
}

/// Nor does it replace what somebody else has loaded since.
#[tokio::test]
async fn a_refresh_replaces_nothing_but_what_it_refreshes() {
    let trace = async |bench: Bench| {
        let server = stale(&bench).await;
        bench.source.hold();
        assert_eq!(seen(&server).await, (1, Origin::Stale));
        bench.source.asked(2).await;
        assert!(server.values.set("k", &3).await.unwrap());
        bench.source.release();
        settled().await;
        server.value("k").await
    };
    assert_eq!(trace(Bench::new()).await, 3);
    assert_eq!(trace(Bench::without(Rule::RefreshIsConditional)).await, 2);
}

#[tokio::test]
async fn if_it_fails_the_old_one_is_served_and_the_source_left_alone() {
    let bench = Bench::new();
    let one = stale(&bench).await;
    let other = server(&bench);
    bench.source.breaks(true);
    bench.store.clear_log();
    for _ in 0..10 {
        for server in [&one, &other] {
            assert_eq!(seen(server).await, (1, Origin::Stale));
            settled().await;
        }
    }
    assert_eq!(bench.source.loads(), 2, "it was tried once");
    assert_eq!(bench.store.calls(Op::Set), 2, "and each process asked once whether it may");
    bench.clock.advance(5 * SECOND);
    assert_eq!(seen(&other).await, (1, Origin::Stale));
    settled().await;
    assert_eq!(seen(&one).await, (1, Origin::Stale));
    settled().await;
    assert_eq!(bench.source.loads(), 3, "and once more after the back-off");
    // To the end of its time, and not a moment longer.
    bench.clock.advance(MINUTE - 5 * SECOND - Duration::from_millis(1));
    assert_eq!(seen(&one).await, (1, Origin::Stale));
    bench.clock.advance(Duration::from_millis(1));
    let answer = one.load("k").await.unwrap();
    assert!(matches!(answer, Err(LoadError::Loader(_))), "{answer:?}");
    assert_eq!(one.larder.stats().loads.stale, 12);
}

#[tokio::test]
async fn what_turns_out_not_to_be_kept_takes_the_old_one_away() {
    let bench = Bench::new();
    let server = stale(&bench).await;
    let load = bench.source.loader();
    let once = async move || Ok::<_, Broken>(Loaded::new(load().await?).do_not_store());
    let answer = server.values.get_or_load("k", once).answer().await.unwrap();
    assert_eq!((answer.value, answer.origin), (1, Origin::Stale));
    settled().await;
    assert_eq!(bench.bytes("k").await, None);
    assert_eq!(seen(&server).await, (2, Origin::Loaded));
}

/// A tag that the loader named may have been invalidated during the refresh, as far as anyone knows.
#[tokio::test]
async fn what_cannot_be_kept_this_time_leaves_the_old_one_alone() {
    let bench = Bench::new();
    let server = stale(&bench).await;
    let load = bench.source.loader();
    let late = async move || Ok::<_, Broken>(Loaded::new(load().await?).tag("t"));
    bench.source.hold();
    let call = server.values.get_or_load("k", late).answer();
    assert_eq!(call.await.unwrap().origin, Origin::Stale);
    bench.source.asked(2).await;
    server.invalidate_tag("another").await;
    bench.source.release();
    settled().await;
    assert_eq!(seen(&server).await, (1, Origin::Stale));
}

#[tokio::test]
async fn whoever_has_some_patience_gets_the_new_one_if_it_is_quick() {
    let bench = Bench::new();
    let mut server = stale(&bench).await;
    server.values = server.values.clone().soft_timeout(SECOND);
    bench.source.hold();
    let slow = server.load("k");
    bench.source.asked(2).await;
    let joins = server.load("k");
    bench.wait(SECOND + SECOND / 100).await;
    for call in [slow, joins] {
        let answer = call.await.unwrap().unwrap();
        assert_eq!((answer.value, answer.origin), (1, Origin::Stale), "it was slow");
    }
    let quick = server.load("k");
    settled().await;
    bench.source.release();
    let answer = quick.await.unwrap().unwrap();
    assert_eq!((answer.value, answer.origin), (2, Origin::Loaded), "while the clock stood still");
    assert_eq!(seen(&server).await, (2, Origin::Store));
    assert_eq!(bench.source.loads(), 2);
    // Where another server refreshes, nobody waits.
    bench.clock.advance(MINUTE);
    bench.source.hold();
    let other = self::server(&bench);
    assert_eq!(seen(&other).await, (2, Origin::Stale));
    bench.source.asked(3).await;
    assert_eq!(seen(&server).await, (2, Origin::Stale));
    bench.source.release();
}

#[tokio::test]
async fn a_refresh_that_was_overtaken_by_an_invalidated_tag_is_not_given_out() {
    let bench = Bench::new();
    let mut server = server(&bench);
    server.values = server.values.clone().soft_timeout(SECOND).tag("t");
    assert_eq!(server.value("k").await, 1);
    bench.clock.advance(MINUTE);
    bench.source.hold();
    bench.source.set(2);
    let before = server.load("k");
    bench.source.asked(2).await;
    bench.source.set(3);
    server.values.invalidate_tag("t").soft().await.applied().unwrap();
    let after = server.load("k");
    settled().await;
    bench.source.release();
    assert_eq!(before.await.unwrap().unwrap().value, 2);
    let after = after.await.unwrap().unwrap();
    assert_eq!(
        (after.value, after.origin),
        (1, Origin::Stale),
        "old is what it takes, and says so"
    );
}

#[tokio::test]
async fn one_in_the_fleet_refreshes_ahead_of_time() {
    let bench = Bench::new();
    let servers: Vec<_> = (0..10)
        .map(|_| {
            let mut server = server(&bench);
            server.values = server.values.clone().refresh_ahead(1e12);
            server
        })
        .collect();
    let clock = bench.clock.clone();
    let load = async move || {
        cache_api::Clock::sleep(&clock, SECOND).await;
        Ok::<_, Broken>(1)
    };
    bench.passing(servers[0].values.get_or_load("k", load).into_future()).await.unwrap();
    bench.source.set(2);
    bench.source.hold();
    for server in &servers {
        assert_eq!(seen(server).await, (1, Origin::Store));
    }
    settled().await;
    assert_eq!(bench.source.loads(), 1);
    bench.source.release();
    settled().await;
    assert_eq!(bench.server().value("k").await, 2);
    // Without the option nobody does.
    assert_eq!(bench.source.loads(), 1);
    assert!(servers.iter().all(Server::is_idle));
}

/// The store's clock ends it, whatever ours says.
#[tokio::test]
async fn nothing_is_served_past_its_time_and_its_stale_time() {
    let bench = Bench::new();
    let server = server(&bench);
    assert_eq!(server.value("k").await, 1);
    let left = bench.store.store().ttl(&key_of("k")).await.unwrap();
    assert_eq!(left, Remaining::For(2 * MINUTE));
    bench.source.set(2);
    // Our wall clock is an hour behind: it looks fresh, and has an end all the same.
    let now = cache_api::Clock::system_time(&bench.clock);
    bench.clock.set_wall(now - Duration::from_secs(3600));
    bench.clock.advance(2 * MINUTE - SECOND);
    assert_eq!(server.value("k").await, 1);
    bench.clock.advance(SECOND);
    assert_eq!(server.value("k").await, 2);
    // An hour ahead, it looks past.
    let now = cache_api::Clock::system_time(&bench.clock);
    bench.clock.set_wall(now + Duration::from_secs(3600));
    bench.source.set(3);
    assert_eq!(server.value("k").await, 3);
}

/// The store does not say who is to refresh: nobody does for a while, and everybody is served.
#[tokio::test]
async fn without_an_election_there_is_no_refresh() {
    let bench = Bench::new();
    let server = stale(&bench).await;
    bench.store.lose_reply(on(Op::Set));
    for _ in 0..5 {
        assert_eq!(seen(&server).await, (1, Origin::Stale));
        settled().await;
    }
    assert_eq!(bench.source.loads(), 1);
    bench.clock.advance(5 * SECOND);
    assert_eq!(seen(&server).await, (1, Origin::Stale));
    settled().await;
    assert_eq!(seen(&server).await, (2, Origin::Store));
}
