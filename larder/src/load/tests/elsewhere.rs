//! Waiting for a load of another server.

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use cache_api::{Cache as _, Clock as _, Op, SetOptions, Ttl};
use futures_util::future::join_all;
use integration_tests::{
    faults::on,
    steps::{passing_by, settled},
};

use super::bench::{Bench, Broken, MINUTE, SECOND, Server, key_of};
use crate::{
    Loaded, Origin,
    envelope::{Kind, Stamp, write_work},
    switches::Rule,
    testing::soon,
};

/// What a server has left behind that is no more.
async fn leave_lease(bench: &Bench, ttl: Duration) {
    let lease: Bytes = write_work(Stamp::new(Kind::Lease), &[]);
    let put = bench.store.store().set(&key_of("k"), lease, SetOptions::new(Ttl::After(ttl))).await;
    assert!(put.unwrap().is_stored());
}

async fn taking<T>(bench: &Bench, future: impl Future<Output = T>) -> (T, Duration) {
    let begun = bench.clock.now();
    let output = bench.passing(future).await;
    (output, bench.clock.now() - begun)
}

#[tokio::test]
async fn one_loads_for_all_servers() {
    let bench = Bench::new();
    let servers: Vec<_> = (0..10).map(|_| bench.server()).collect();
    bench.source.hold();
    let calls: Vec<_> = (0..200).map(|call| servers[call % 10].load("k")).collect();
    bench.source.asked(1).await;
    bench.wait(SECOND).await;
    bench.source.release();
    let (answers, took) = taking(&bench, join_all(calls)).await;
    assert!(answers.iter().all(|answer| answer.as_ref().unwrap().as_ref().unwrap().value == 1));
    assert_eq!(bench.source.loads(), 1);
    assert!(took <= SECOND / 4, "the first who waits looks often, and tells the others: {took:?}");
    assert!(servers.iter().all(Server::is_idle));
}

#[tokio::test]
async fn what_changes_in_this_process_is_seen_at_once() {
    let bench = Bench::new();
    let server = bench.server();
    leave_lease(&bench, MINUTE).await;
    let waiting: Vec<_> = (0..10).map(|_| server.load("k")).collect();
    settled().await;
    server.values.set("k", &7).await.unwrap();
    for waiting in waiting {
        assert_eq!(waiting.await.unwrap().unwrap().value, 7, "while the clock stands still");
    }
    assert_eq!(bench.source.loads(), 0);
    assert!(server.is_idle());
}

/// It changes after a waiter has looked, and before he hears of it.
#[tokio::test]
async fn nothing_changes_unseen_between_a_look_and_the_wait() {
    let bench = Bench::new();
    let server = bench.server();
    leave_lease(&bench, MINUTE).await;
    let first = bench.store.hold_reply(Op::Get);
    let waiting = server.load("k");
    first.arrived().await;
    let second = bench.store.hold_reply(Op::Get);
    first.release();
    second.arrived().await;
    // What he is about to be told is no longer true.
    server.values.set("k", &7).await.unwrap();
    second.release();
    assert_eq!(soon(waiting).await.unwrap().unwrap().value, 7, "while the clock stands still");
}

/// It does not matter how long the store itself would take to say so.
#[tokio::test]
async fn a_store_that_falls_silent_meanwhile_does_not_prolong_the_wait() {
    let bench = Bench::new();
    let server = bench.server();
    leave_lease(&bench, MINUTE).await;
    let waiting = server.load("k");
    settled().await;
    let silent = bench.store.hold(on(Op::Get).times(usize::MAX));
    let (answer, took) = taking(&bench, waiting).await;
    let answer = answer.unwrap().unwrap();
    assert_eq!((answer.value, answer.origin), (1, Origin::Uncached));
    assert!(took <= 5 * SECOND + SECOND / 20, "{took:?}");
    silent.release();
}

/// A stream is being recorded at the key. Whoever wants a value waits for his time, and goes on alone.
#[tokio::test]
async fn a_recording_is_somebodys_work_too() {
    let bench = Bench::new();
    let server = bench.server();
    let streams = server.values.space().streams::<u8>();
    let mut recorder = streams.record("k", 1).await.unwrap();
    recorder.write(Bytes::from_static(b"body")).await.unwrap();
    settled().await;
    assert_eq!(bench.standing("k").await, Some(Kind::Recording));
    assert_eq!(server.values.get("k").await.unwrap(), None);
    let (answer, took) = taking(&bench, server.load("k")).await;
    let answer = answer.unwrap().unwrap();
    assert_eq!((answer.value, answer.origin), (1, Origin::Uncached));
    assert!(took >= 5 * SECOND, "{took:?}");
    drop(recorder);
}

/// The one who looks for all who wait gives up.
#[tokio::test]
async fn the_others_look_too_if_not_as_often() {
    let bench = Bench::new();
    let (server, other) = (bench.server(), bench.server());
    leave_lease(&bench, MINUTE).await;
    let first = server.load("k");
    settled().await;
    let others: Vec<_> = (0..10).map(|_| server.load("k")).collect();
    settled().await;
    first.abort();
    other.values.set("k", &7).await.unwrap();
    let (answers, took) = taking(&bench, join_all(others)).await;
    assert!(answers.iter().all(|answer| answer.as_ref().unwrap().as_ref().unwrap().value == 7));
    assert!(took <= SECOND + SECOND / 10, "{took:?}");
}

#[tokio::test]
async fn when_its_holder_dies_another_one_takes_over() {
    let bench = Bench::new();
    let servers = [bench.server(), bench.server(), bench.server()];
    leave_lease(&bench, 3 * SECOND).await;
    let calls: Vec<_> = (0..30).map(|call| servers[call % 3].load("k")).collect();
    settled().await;
    let (answers, took) = taking(&bench, join_all(calls)).await;
    assert!(answers.iter().all(|answer| answer.as_ref().unwrap().as_ref().unwrap().value == 1));
    assert_eq!(bench.source.loads(), 1);
    assert!(took <= 3 * SECOND + SECOND / 2, "{took:?}");
}

#[tokio::test]
async fn whoever_has_waited_long_enough_loads_alone_and_stores_nothing() {
    let trace = async |bench: Bench| {
        let server = bench.server();
        leave_lease(&bench, 60 * MINUTE).await;
        let call = server.load("k");
        bench.wait(5 * SECOND + SECOND / 20).await;
        let is_done = call.is_finished();
        if is_done {
            let answer = call.await.unwrap().unwrap();
            assert_eq!((answer.value, answer.origin), (1, Origin::Uncached));
        }
        (is_done, bench.standing("k").await)
    };
    assert_eq!(trace(Bench::new()).await, (true, Some(Kind::Lease)), "it is somebody's");
    assert_eq!(trace(Bench::without(Rule::WaitersDeadline)).await, (false, Some(Kind::Lease)));
}

/// An administrator or a time server sets the clock: nobody waits for longer, or less.
#[tokio::test]
async fn nobodys_time_is_told_by_the_wall() {
    for wall in [UNIX_EPOCH, UNIX_EPOCH + Duration::from_secs(1 << 40)] {
        let bench = Bench::new();
        let server = bench.server();
        leave_lease(&bench, 60 * MINUTE).await;
        let call = server.load("k");
        bench.wait(2 * SECOND).await;
        bench.clock.set_wall(wall);
        bench.wait(2 * SECOND).await;
        assert!(!call.is_finished());
        bench.wait(SECOND + SECOND / 10).await;
        assert!(call.is_finished());
    }
}

#[tokio::test]
async fn thousands_whose_time_is_over_share_a_load() {
    const SERVERS: usize = 40;
    const CALLS: usize = 16_000;
    let bench = Bench::new();
    let servers: Vec<_> = (0..SERVERS).map(|_| bench.server()).collect();
    leave_lease(&bench, 60 * MINUTE).await;
    let calls: Vec<_> = (0..CALLS).map(|call| servers[call % SERVERS].load("k")).collect();
    settled().await;
    bench.source.hold();
    let step = Duration::from_millis(250);
    passing_by(&bench.clock, step, bench.source.asked(SERVERS)).await;
    settled().await;
    bench.source.release();
    let answers = join_all(calls).await;
    assert!(answers.iter().all(|answer| answer.as_ref().unwrap().as_ref().unwrap().value == 1));
    assert_eq!(bench.source.loads(), SERVERS, "one in each process");
    assert!(servers.iter().all(Server::is_idle));
}

/// A source that is slow, and has nothing that may be kept.
async fn nobody_keeps(bench: &Bench) -> Duration {
    let servers: Vec<_> = (0..50).map(|_| bench.server()).collect();
    let calls = servers.iter().map(|server| {
        let (load, clock) = (bench.source.loader(), bench.clock.clone());
        let load = async move || {
            clock.sleep(2 * SECOND).await;
            Ok::<_, Broken>(Loaded::new(load().await?).do_not_store())
        };
        let call = server.values.get_or_load("k", load).wait(60 * MINUTE);
        tokio::spawn(call.answer().into_future())
    });
    let calls: Vec<_> = calls.collect();
    let step = Duration::from_millis(20);
    let begun = bench.clock.now();
    let answers = passing_by(&bench.clock, step, join_all(calls)).await;
    for answer in answers {
        assert_eq!(answer.unwrap().unwrap().origin, Origin::Uncached);
    }
    bench.clock.now() - begun
}

#[tokio::test]
async fn nobody_queues_for_what_is_not_kept() {
    let took = nobody_keeps(&Bench::new()).await;
    assert!(took <= 5 * SECOND, "the first, and then all others at once: {took:?}");
    let took = nobody_keeps(&Bench::without(Rule::PassAfterFailure)).await;
    assert!(took >= 90 * SECOND, "in turn: {took:?}");
}

#[tokio::test]
async fn nobody_queues_for_a_source_that_fails() {
    let trace = async |bench: Bench| {
        let servers: Vec<_> = (0..50).map(|_| bench.server()).collect();
        bench.source.breaks(true);
        let calls = servers.iter().map(|server| {
            let (load, clock) = (bench.source.loader(), bench.clock.clone());
            let load = async move || {
                clock.sleep(2 * SECOND).await;
                load().await
            };
            tokio::spawn(server.values.get_or_load("k", load).wait(60 * MINUTE).into_future())
        });
        let calls: Vec<_> = calls.collect();
        let step = Duration::from_millis(20);
        let begun = bench.clock.now();
        let answers = passing_by(&bench.clock, step, join_all(calls)).await;
        assert!(answers.into_iter().all(|answer| answer.unwrap().is_err()));
        bench.clock.now() - begun
    };
    assert!(trace(Bench::new()).await <= 5 * SECOND);
    assert!(trace(Bench::without(Rule::PassAfterFailure)).await >= 90 * SECOND);
}

/// What may be kept again replaces the mark.
#[tokio::test]
async fn a_pass_ends_with_the_first_answer_that_is_kept() {
    let bench = Bench::new();
    let (one, other) = (bench.server(), bench.server());
    bench.source.breaks(true);
    assert!(one.load("k").await.unwrap().is_err());
    assert_eq!(bench.standing("k").await, Some(Kind::Pass));
    assert_eq!(one.values.get("k").await.unwrap(), None);
    bench.source.breaks(false);
    // Both at once, and only one of them is kept.
    bench.source.hold();
    let calls = [one.load("k"), other.load("k"), one.load("k")];
    bench.source.asked(3).await;
    bench.source.release();
    let mut origins = Vec::new();
    for call in calls {
        origins.push(call.await.unwrap().unwrap().origin);
    }
    assert!(origins[0] == origins[2] && origins[0] != origins[1], "{origins:?}");
    assert!(origins.contains(&Origin::Loaded) && origins.contains(&Origin::Uncached));
    assert_eq!(bench.source.loads(), 3);
    assert_eq!(other.origin("k").await, Origin::Store);
}

#[tokio::test]
async fn a_pass_is_over_in_time() {
    let bench = Bench::new();
    let server = bench.server();
    bench.source.breaks(true);
    assert!(server.load("k").await.unwrap().is_err());
    bench.clock.advance(5 * SECOND);
    assert_eq!(bench.standing("k").await, None);
    let values = server.values.clone().backoff(MINUTE);
    assert!(values.get_or_load("k", bench.source.loader()).await.is_err());
    bench.clock.advance(MINUTE - SECOND);
    assert_eq!(bench.standing("k").await, Some(Kind::Pass));
    // A delete takes it away as anything else.
    server.invalidate("k").await;
    assert_eq!(bench.standing("k").await, None);
}
