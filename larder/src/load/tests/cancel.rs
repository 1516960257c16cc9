//! Callers who give up, at each await of their calls: nothing is left of them, and the next one goes on.

use std::{cell::Cell, pin::Pin};

use futures_util::{FutureExt, future::join};
use integration_tests::steps::{abandoned, at_every_await, settled};
use tokio::task::yield_now;

use super::bench::{Bench, MINUTE, SECOND, Server};
use crate::{Origin, envelope::Kind, testing::soon};

type Step = Pin<Box<dyn Future<Output = ()>>>;

/// Gives up a call at each of its awaits in turn, and looks at what is left. Says how many awaits it had.
#[expect(clippy::future_not_send, reason = "a test stays on its thread")]
async fn leaves_nothing(
    prepare: impl AsyncFn(&Bench, &Server),
    call: impl Fn(&Bench, &Server) -> Step,
) -> usize {
    let runs = at_every_await(async |polls| {
        let bench = Bench::new();
        let mut server = bench.server();
        server.values = server.values.clone().stale_for(MINUTE);
        prepare(&bench, &server).await;
        bench.store.hesitate();
        let done = abandoned(polls, call(&bench, &server)).await.is_some();
        bench.source.release();
        settled().await;
        // Whoever else was at work goes on.
        bench.wait(SECOND).await;
        assert!(server.is_idle(), "after {polls} polls");
        assert!(server.larder.stats().queued == 0, "after {polls} polls");
        assert_ne!(bench.standing("k").await, Some(Kind::Lease), "after {polls} polls");
        let next = soon(server.load("k")).await.unwrap().unwrap();
        let is_served = [Origin::Store, Origin::Stale, Origin::Loaded].contains(&next.origin);
        assert!(is_served, "after {polls} polls: {next:?}");
        settled().await;
        assert!(server.is_idle(), "after {polls} polls");
        done
    });
    runs.await
}

async fn nothing(_: &Bench, _: &Server) {}

async fn fresh(_: &Bench, server: &Server) {
    assert_eq!(server.value("k").await, 1);
}

async fn stale(bench: &Bench, server: &Server) {
    fresh(bench, server).await;
    bench.clock.advance(MINUTE + SECOND);
    bench.source.set(2);
}

fn load(_: &Bench, server: &Server) -> Step {
    let call = server.values.get_or_load("k", server.source.loader());
    Box::pin(call.into_future().map(|answer| assert!(answer.is_ok())))
}

#[tokio::test]
async fn of_a_load_that_misses_hits_or_refreshes() {
    assert!(leaves_nothing(nothing, load).await > 4);
    assert!(leaves_nothing(fresh, load).await > 2);
    assert!(leaves_nothing(stale, load).await > 2);
    let patient = |_: &Bench, server: &Server| -> Step {
        let call = server.values.get_or_load("k", server.source.loader());
        let call = call.soft_timeout(SECOND).into_future();
        Box::pin(call.map(|answer| assert_eq!(answer.unwrap(), 2)))
    };
    assert!(leaves_nothing(stale, patient).await > 4);
    let forced = |_: &Bench, server: &Server| -> Step {
        let call = server.values.get_or_load("k", server.source.loader()).force_refresh();
        Box::pin(call.into_future().map(|answer| assert!(answer.is_ok())))
    };
    assert!(leaves_nothing(fresh, forced).await > 4);
}

#[tokio::test]
async fn of_loads_with_tags() {
    let tagged = |_: &Bench, server: &Server| -> Step {
        let call = server.values.get_or_load("k", server.source.loader());
        let call = call.tag("t").tag("u").into_future();
        Box::pin(call.map(|answer| assert!(answer.is_ok())))
    };
    assert!(leaves_nothing(nothing, tagged).await > 6);
    assert!(leaves_nothing(stale, tagged).await > 2);
}

#[tokio::test]
async fn of_loads_of_many_keys() {
    let many = |_: &Bench, server: &Server| -> Step {
        let source = server.source.clone();
        let load = async move |keys: Vec<&'static str>| {
            let value = source.read().await?;
            Ok::<_, super::bench::Broken>(
                keys.into_iter().map(|key| (key, value)).collect::<Vec<_>>(),
            )
        };
        let call = server.values.get_or_load_many(["k", "x", "y"], load).into_future();
        Box::pin(call.map(|answers| assert!(answers.is_ok())))
    };
    assert!(leaves_nothing(nothing, many).await > 4);
    assert!(leaves_nothing(fresh, many).await > 4);
}

/// The load of another server, or of this one, ends only after the caller has waited for a while.
fn slowly(bench: &Bench, server: &Server) -> Step {
    let (source, clock) = (bench.source.clone(), bench.clock.clone());
    let meanwhile = async move {
        for _ in 0..10 {
            yield_now().await;
            clock.advance(SECOND / 50);
        }
        source.release();
        for _ in 0..30 {
            yield_now().await;
            clock.advance(SECOND / 50);
        }
    };
    Box::pin(join(load(bench, server), meanwhile).map(drop))
}

#[tokio::test]
async fn of_waiting_for_another_server() {
    let elsewhere = async |bench: &Bench, _: &Server| {
        bench.source.hold();
        drop(bench.server().load("k"));
        bench.source.asked(1).await;
    };
    assert!(leaves_nothing(elsewhere, slowly).await > 20);
}

#[tokio::test]
async fn of_waiting_for_a_load_of_this_process() {
    let here = async |bench: &Bench, server: &Server| {
        bench.source.hold();
        drop(server.load("k"));
        bench.source.asked(1).await;
    };
    assert!(leaves_nothing(here, slowly).await > 10);
    // One that may not be shared.
    let deleted = async |bench: &Bench, server: &Server| {
        here(bench, server).await;
        server.invalidate("k").await;
    };
    assert!(leaves_nothing(deleted, slowly).await > 10);
}

#[tokio::test]
async fn of_reads_writes_and_invalidations() {
    type Call = fn(&Bench, &Server) -> Step;
    let calls: [Call; 9] = [
        |_, server| Box::pin(server.values.get("k").map(|got| assert!(got.is_ok()))),
        |_, server| Box::pin(server.values.get_many(["k", "x"]).map(|got| assert!(got.is_ok()))),
        |_, server| {
            let set = server.values.set("k", &2).tag("t").into_future();
            Box::pin(set.map(|set| assert!(set.unwrap())))
        },
        |_, server| {
            let set = server.values.set("k", &2).if_absent().into_future();
            Box::pin(set.map(|set| assert!(set.is_ok())))
        },
        |_, server| Box::pin(server.values.delete("k").map(|gone| assert!(gone.is_ok()))),
        |_, server| {
            let made = server.values.invalidate("k").into_future();
            Box::pin(made.map(|made| assert!(made.is_applied())))
        },
        |_, server| {
            let made = server.values.invalidate("k").soft().into_future();
            Box::pin(made.map(|made| assert!(made.is_applied())))
        },
        |_, server| {
            let made = server.values.invalidate_tag("t").into_future();
            Box::pin(made.map(|made| assert!(made.is_applied())))
        },
        |_, server| {
            let made = server.values.invalidate_all().into_future();
            Box::pin(made.map(|made| assert!(made.is_applied())))
        },
    ];
    for call in calls {
        assert!(leaves_nothing(fresh, call).await >= 3);
        let loading = async |bench: &Bench, server: &Server| {
            bench.source.hold();
            drop(server.load("k"));
            bench.source.asked(1).await;
        };
        assert!(leaves_nothing(loading, call).await >= 3);
    }
}

/// The control: a loader in its caller's own task dies with him, and the mark that he left blocks the key.
#[tokio::test]
async fn control_a_load_in_the_callers_own_task_leaves_its_mark() {
    let left = Cell::new(0);
    let runs = at_every_await(async |polls| {
        let bench = Bench::new();
        bench.store.hesitate();
        let (store, source) = (bench.store.clone(), bench.source.clone());
        let naive = async move {
            use cache_api::{Cache as _, Condition, SetOptions};
            let lease = crate::envelope::Stamp::new(Kind::Lease);
            let (key, ttl) = (super::bench::key_of("k"), 3 * SECOND);
            let absent = SetOptions::new(ttl).when(Condition::Absent);
            let record = crate::envelope::write_work(lease, &[]);
            let _ = store.set(&key, record, absent).await.unwrap();
            source.read().await.unwrap();
            yield_now().await;
            assert!(store.delete_if(&key, lease.condition()).await.unwrap());
        };
        let done = abandoned(polls, naive).await.is_some();
        settled().await;
        left.set(left.get() + usize::from(bench.standing("k").await == Some(Kind::Lease)));
        done
    });
    let runs = runs.await;
    assert!(left.get() > 0 && left.get() < runs, "{} of {runs}", left.get());
}
