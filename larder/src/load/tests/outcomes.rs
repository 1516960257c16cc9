//! Answers of the store that are lost or late: of a lease, of a renewal, of a commit.

use std::time::Duration;

use cache_api::{Cache as _, Op, Remaining};
use integration_tests::{
    faults::{Calls, on},
    steps::settled,
};

use super::bench::{Bench, SECOND, key_of};
use crate::{Origin, envelope::Kind, switches::Rule};

/// Writes at the key itself: the lease, then the commit.
fn writes() -> Calls {
    on(Op::Set).key(|key| *key == key_of("k"))
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_found_out() {
    let trace = async |bench: Bench, lose: fn(&Bench)| {
        let server = bench.server();
        bench.source.hold();
        let load = server.load("k");
        bench.source.asked(1).await;
        lose(&bench);
        bench.source.release();
        let origin = bench.passing(load).await.unwrap().unwrap().origin;
        settled().await;
        assert!(server.is_idle());
        (origin, server.value("k").await, bench.source.loads())
    };
    type Losing = fn(&Bench);
    let losses: [(Losing, usize); 2] = [
        (|bench| bench.store.lose_reply(writes()), 1),
        (|bench| bench.store.lose_request(writes()), 2),
    ];
    for (lose, loads_without) in losses {
        assert_eq!(trace(Bench::new(), lose).await, (Origin::Loaded, 1, 1));
        // Taken for failed, whether it stands or not.
        let broken = trace(Bench::without(Rule::LostAnswersRead), lose).await;
        assert_eq!(broken, (Origin::Uncached, 1, loads_without));
    }
}

/// Without looking, its holder waits for itself.
#[tokio::test]
async fn a_lease_whose_answer_is_lost_is_found_out() {
    let trace = async |bench: Bench| {
        let server = bench.server();
        bench.store.lose_reply(writes());
        let origin = server.origin("k").await;
        let begun = cache_api::Clock::now(&bench.clock);
        bench.passing(server.load("k")).await.unwrap().unwrap();
        let waited = cache_api::Clock::now(&bench.clock) - begun;
        (origin, bench.source.loads(), waited > SECOND)
    };
    assert_eq!(trace(Bench::new()).await, (Origin::Loaded, 1, false));
    let broken = trace(Bench::without(Rule::LostAnswersRead)).await;
    assert_eq!(broken, (Origin::Uncached, 2, true));
}

/// Over nothing it is sent once: the source is asked without it, soon.
#[tokio::test]
async fn a_lease_of_which_nobody_knows_is_not_relied_on() {
    let bench = Bench::new();
    let server = bench.server();
    let late = bench.store.late(writes());
    let load = server.load("k");
    late.arrived().await;
    let begun = cache_api::Clock::now(&bench.clock);
    let loaded = bench.passing(load).await.unwrap().unwrap();
    assert_eq!((loaded.value, loaded.origin), (1, Origin::Uncached));
    assert!(cache_api::Clock::now(&bench.clock) - begun <= SECOND);

    bench.source.set(2);
    server.invalidate("k").await;
    assert_eq!(late.land().await.unwrap(), 1);
    // It stands, and nothing will replace it. It dies of age, and nobody waits for longer.
    assert_eq!(bench.standing("k").await, Some(Kind::Lease));
    let begun = cache_api::Clock::now(&bench.clock);
    let after = bench.passing(server.load("k")).await.unwrap().unwrap();
    assert_eq!((after.value, after.origin), (2, Origin::Loaded));
    assert!(cache_api::Clock::now(&bench.clock) - begun <= 4 * SECOND);
}

#[tokio::test]
async fn a_commit_that_lands_after_a_delete_lands_over_nothing() {
    let trace = async |bench: Bench| {
        let server = bench.server();
        bench.source.hold();
        let load = server.load("k");
        bench.source.asked(1).await;
        let commit = bench.store.hold(writes());
        bench.source.release();
        commit.arrived().await;
        // Its caller does not wait for it for long.
        bench.clock.advance(SECOND / 10);
        assert_eq!(load.await.unwrap().unwrap().value, 1);
        bench.source.set(2);
        server.invalidate("k").await;
        commit.release();
        settled().await;
        (bench.bytes("k").await.is_some(), server.value("k").await)
    };
    assert_eq!(trace(Bench::new()).await, (false, 2));
    assert_eq!(trace(Bench::without(Rule::CommitIsConditional)).await, (true, 1));
}

/// None gets through while its writer has patience. Then it is fenced, and what lands lands over nothing.
#[tokio::test]
async fn a_commit_that_may_land_late_is_fenced() {
    let bench = Bench::new();
    let server = bench.server();
    bench.source.hold();
    let load = server.load("k");
    bench.source.asked(1).await;
    let late = bench.store.late(writes().always());
    bench.source.release();
    assert_eq!(bench.passing(load).await.unwrap().unwrap().value, 1);
    bench.wait(SECOND).await;
    bench.store.forget();
    assert!(server.is_idle());
    assert_eq!(bench.bytes("k").await, None);
    bench.source.set(2);
    assert!(late.land().await.unwrap() > 1);
    assert_eq!(bench.bytes("k").await, None);
    assert_eq!(server.value("k").await, 2);
}

#[tokio::test]
async fn a_renewal_that_lands_late_renews_no_value() {
    let trace = async |bench: Bench| {
        let server = bench.server();
        bench.source.hold();
        let load = server.load("k");
        bench.source.asked(1).await;
        let renewal = bench.store.hold(Op::Expire);
        bench.passing(renewal.arrived()).await;
        bench.source.release();
        assert_eq!(load.await.unwrap().unwrap().origin, Origin::Loaded);
        renewal.release();
        settled().await;
        match bench.store.store().ttl(&key_of("k")).await.unwrap() {
            Remaining::For(left) => left > 10 * SECOND,
            left => panic!("{left:?}"),
        }
    };
    assert!(trace(Bench::new()).await, "the lifetime of the value");
    assert!(!trace(Bench::without(Rule::RenewalIsConditional)).await, "that of a lease");
}

#[tokio::test]
async fn a_lease_is_renewed_for_as_long_as_its_loader_runs() {
    let bench = Bench::new();
    let (server, other) = (bench.server(), bench.server());
    bench.source.hold();
    let load = server.load("k");
    bench.source.asked(1).await;
    bench.wait(20 * SECOND).await;
    assert_eq!(bench.standing("k").await, Some(Kind::Lease));
    // Some renewals are lost: the next one is in time.
    bench.store.lose_request(on(Op::Expire).times(1));
    bench.wait(4 * SECOND).await;
    assert_eq!(bench.standing("k").await, Some(Kind::Lease));
    bench.source.release();
    assert_eq!(load.await.unwrap().unwrap().origin, Origin::Loaded);
    assert_eq!(other.origin("k").await, Origin::Store);
    bench.wait(Duration::from_secs(5)).await;
    bench.store.clear_log();
    bench.wait(5 * SECOND).await;
    assert_eq!(bench.store.log(), [], "and no longer");
}
