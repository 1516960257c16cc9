//! A store in trouble is never the trouble of whoever has a loader.

use std::{sync::Arc, time::Duration};

use cache_api::{Clock as _, Op};
use futures_util::future::join_all;
use integration_tests::{
    faults::{Calls, full, not_connected, on},
    steps::settled,
};

use super::bench::{Bench, SECOND, Server, key_of};
use crate::{Origin, envelope::Kind, layer::Timeout};

/// The deadline of every call to the store, as stores have one.
const DEADLINE: Duration = Duration::from_millis(500);

fn server(bench: &Bench) -> Server {
    let timeout = Timeout::new(DEADLINE).clock(Arc::new(bench.clock.clone()));
    bench.server_with(|builder| builder.layer(timeout))
}

/// One call while something is wrong, and one after it.
async fn through(bench: &Bench, wrong: impl FnOnce(), right: impl FnOnce()) -> (Origin, Duration) {
    let server = server(bench);
    bench.source.hold();
    let call = server.load("k");
    settled().await;
    wrong();
    bench.source.release();
    let begun = bench.clock.now();
    let answer = bench.passing(call).await.unwrap().unwrap();
    let took = bench.clock.now() - begun;
    assert_eq!(answer.value, 1);
    right();
    bench.wait(SECOND).await;
    assert!(server.is_idle());
    bench.source.set(2);
    let after = bench.passing(server.load("k")).await.unwrap().unwrap();
    let is_kept = after.origin == Origin::Store;
    assert_eq!(after.value, if is_kept { 1 } else { 2 });
    assert_eq!(is_kept, answer.origin == Origin::Loaded, "what is not known to be kept is not");
    (answer.origin, took)
}

#[tokio::test]
async fn a_store_that_is_down_costs_nobody_an_answer() {
    // From before the look-up.
    let bench = Bench::new();
    bench.store.down();
    let up = || bench.store.up();
    assert_eq!(through(&bench, || {}, up).await, (Origin::Uncached, Duration::ZERO));
    // From before the lease.
    let bench = Bench::new();
    bench.store.fail(Calls::writes().always(), not_connected(Op::Set));
    let (origin, took) = through(&bench, || {}, || bench.store.forget()).await;
    assert_eq!((origin, took), (Origin::Uncached, Duration::ZERO));
    // From before the commit.
    let bench = Bench::new();
    let (origin, took) = through(&bench, || bench.store.down(), || bench.store.up()).await;
    assert!(took <= Duration::from_millis(105), "{took:?}: nobody waits longer for a commit");
    assert_eq!(origin, Origin::Loaded, "it was made when the store was back");
    // For long.
    let bench = Bench::new();
    let server = server(&bench);
    bench.source.hold();
    let call = server.load("k");
    bench.source.asked(1).await;
    bench.store.down();
    bench.source.release();
    assert_eq!(bench.passing(call).await.unwrap().unwrap().value, 1);
    bench.wait(10 * SECOND).await;
    assert!(server.is_idle());
    bench.store.up();
    assert_eq!(bench.bytes("k").await, None);
}

#[tokio::test]
async fn one_that_is_full_neither() {
    let bench = Bench::new();
    bench.store.fail(Calls::writes().always(), full(Op::Set));
    let (origin, took) = through(&bench, || {}, || bench.store.forget()).await;
    assert_eq!((origin, took), (Origin::Uncached, Duration::ZERO));
}

#[tokio::test]
async fn one_that_is_frozen_costs_a_moment() {
    // At the look-up.
    let bench = Bench::new();
    bench.store.freeze();
    let server = server(&bench);
    let begun = bench.clock.now();
    let answer = bench.passing(server.load("k")).await.unwrap().unwrap();
    assert_eq!((answer.value, answer.origin), (1, Origin::Uncached));
    assert!(bench.clock.now() - begun <= DEADLINE + SECOND / 100);
    // At the lease.
    for calls in [on(Op::Set).key(|key| *key == key_of("k")), Calls::writes()] {
        let bench = Bench::new();
        let server = self::server(&bench);
        let frozen = bench.store.hold(calls.always());
        let begun = bench.clock.now();
        let answer = bench.passing(server.load("k")).await.unwrap().unwrap();
        assert_eq!((answer.value, answer.origin), (1, Origin::Uncached));
        assert!(bench.clock.now() - begun <= DEADLINE + SECOND / 100);
        bench.source.set(2);
        // What was on its way arrives, is nobody's, and dies of age.
        frozen.release();
        bench.wait(4 * SECOND).await;
        assert_eq!(bench.bytes("k").await, None);
        assert!(server.is_idle());
        assert_eq!(server.value("k").await, 2);
    }
    // At the commit, and for long.
    let bench = Bench::new();
    let server = self::server(&bench);
    bench.source.hold();
    let call = server.load("k");
    bench.source.asked(1).await;
    bench.store.freeze();
    bench.source.release();
    let begun = bench.clock.now();
    assert_eq!(bench.passing(call).await.unwrap().unwrap().value, 1);
    assert!(bench.clock.now() - begun <= SECOND / 5);
    bench.wait(10 * SECOND).await;
    assert!(server.is_idle());
    bench.store.thaw();
    bench.wait(SECOND).await;
    assert_ne!(bench.standing("k").await, Some(Kind::Lease));
}

/// The store freezes while it has a lease, or a commit, to write. What was asked then is not answered, and
/// neither is what is asked to find out.
#[tokio::test]
async fn whoever_has_waited_in_vain_for_one_answer_waits_for_no_other() {
    let quick = Duration::from_millis(50);
    for before_commit in [false, true] {
        let bench = Bench::new();
        let timeout = Timeout::new(quick).clock(Arc::new(bench.clock.clone()));
        let server = bench.server_with(|builder| builder.layer(timeout));
        bench.source.hold();
        let lease = (!before_commit).then(|| bench.store.hold(on(Op::Set)));
        let call = server.load("k");
        match &lease {
            Some(lease) => lease.arrived().await,
            None => bench.source.asked(1).await,
        }
        bench.store.freeze();
        bench.source.release();
        let begun = bench.clock.now();
        assert_eq!(bench.passing(call).await.unwrap().unwrap().value, 1);
        let took = bench.clock.now() - begun;
        assert!(took <= quick + SECOND / 100, "{took:?}, before the commit: {before_commit}");
    }
}

/// A lease that was given up lands when the store goes on. Nobody is at work under it.
#[tokio::test]
async fn a_lease_that_lands_after_it_was_given_up_is_removed_before_it_dies_of_age() {
    let bench = Bench::new();
    let server = server(&bench);
    let lease = bench.store.hold(on(Op::Set));
    let call = server.load("k");
    lease.arrived().await;
    bench.store.freeze();
    assert_eq!(bench.passing(call).await.unwrap().unwrap().origin, Origin::Uncached);
    bench.wait(10 * SECOND).await;
    lease.release();
    settled().await;
    assert_eq!(bench.standing("k").await, Some(Kind::Lease));
    bench.store.thaw();
    bench.wait(SECOND / 5).await;
    assert_eq!(bench.standing("k").await, None);
}

/// However many they are, and however long it takes.
#[tokio::test]
async fn a_store_that_is_silent_is_not_besieged_by_those_who_gave_up() {
    let bench = Bench::new();
    let server = server(&bench);
    let leases = bench.store.hold(on(Op::Set).times(100));
    let keys: Vec<_> = (0..100_u64).collect();
    let load = |key: u64| server.values.get_or_load(key, bench.source.loader()).into_future();
    let calls: Vec<_> = keys.iter().map(|key| tokio::spawn(load(*key))).collect();
    leases.arrived_times(100).await;
    bench.store.freeze();
    for call in calls {
        bench.passing(call).await.unwrap().unwrap();
    }
    bench.store.clear_log();
    bench.wait(10 * SECOND).await;
    let asked = bench.store.calls(Op::DeleteIf);
    assert!((10..=100).contains(&asked), "one each tenth of a second, for all: {asked}");
    leases.release();
    settled().await;
    bench.store.thaw();
    bench.wait(SECOND / 2).await;
    let found = server.values.get_or_load_many(keys, async |missing: Vec<u64>| {
        Ok::<_, std::convert::Infallible>(
            missing.into_iter().map(|key| (key, key)).collect::<Vec<_>>(),
        )
    });
    let (found, took) = {
        let begun = bench.clock.now();
        let found = bench.passing(found.into_future()).await.unwrap();
        (found, bench.clock.now() - begun)
    };
    assert!(found.len() == 100 && took < SECOND / 10, "nobody waits for any of them: {took:?}");
}

/// And whoever comes before that, in the process that gave it up, does not wait for it.
#[tokio::test]
async fn nobody_waits_for_a_lease_that_his_own_process_has_given_up() {
    let bench = Bench::new();
    let server = server(&bench);
    let lease = bench.store.hold(on(Op::Set));
    let call = server.load("k");
    lease.arrived().await;
    bench.store.freeze();
    assert_eq!(bench.passing(call).await.unwrap().unwrap().origin, Origin::Uncached);
    lease.release();
    settled().await;
    assert_eq!(bench.standing("k").await, Some(Kind::Lease));
    bench.store.thaw();
    // No time passes.
    assert_eq!(server.origin("k").await, Origin::Loaded);
    bench.wait(SECOND).await;
    assert_eq!(bench.standing("k").await, Some(Kind::Value), "only the lease is removed");
}

#[tokio::test]
async fn callers_share_a_load_without_the_store_too() {
    let bench = Bench::new();
    let server = server(&bench);
    bench.store.down();
    bench.source.hold();
    let calls: Vec<_> = (0..100).map(|_| server.load("k")).collect();
    settled().await;
    bench.source.release();
    for answer in join_all(calls).await {
        assert_eq!(answer.unwrap().unwrap().origin, Origin::Uncached);
    }
    assert_eq!(bench.source.loads(), 1);
    // The source may have changed since: whoever calls later asks anew.
    bench.source.set(2);
    assert_eq!(server.value("k").await, 2);
    assert!(server.is_idle());
}

/// One waits for the store to take his lease. Another one knows already that it does not answer.
#[tokio::test]
async fn whoever_knows_that_the_store_is_gone_hurries_a_load_that_is_about_to_begin() {
    let bench = Bench::new();
    let server = server(&bench);
    let lease = bench.store.hold(on(Op::Set));
    let patient = server.load("k");
    lease.arrived().await;
    bench.store.fail(on(Op::Get), not_connected(Op::Get));
    let hurried = server.load("k");
    for call in [patient, hurried] {
        let answer = call.await.unwrap().unwrap();
        assert_eq!((answer.value, answer.origin), (1, Origin::Uncached), "no time has passed");
    }
    assert_eq!(bench.source.loads(), 1);
    lease.release();
    settled().await;
    assert_eq!(bench.bytes("k").await, None, "the lease was nobody's");
    assert!(server.is_idle());
}

#[tokio::test]
async fn without_a_loader_it_is_an_error() {
    let bench = Bench::new();
    let server = server(&bench);
    bench.store.down();
    assert!(server.values.get("k").await.is_err());
    let cached = server.values.get_or_load("k", bench.source.loader()).cache_only();
    assert!(cached.await.is_err());
    assert_eq!(server.larder.stats().errors, 2);
    assert_eq!(bench.source.loads(), 0);
}
