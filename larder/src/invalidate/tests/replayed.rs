//! What is in the queue is made as soon as it can be, in order, by one task.

use cache_api::Op;
use integration_tests::{
    faults::{not_connected, on},
    steps::settled,
};

use super::{cut, get, mend};
use crate::load::testing::{Bench, MINUTE, SECOND};

#[tokio::test]
async fn all_is_made_within_two_seconds_of_the_stores_return() {
    let bench = Bench::new();
    let (server, other) = (bench.server(), bench.server());
    for key in 0..1000_u32 {
        server.values.set(key, &1).await.unwrap();
    }
    bench.store.down();
    for key in 0..1000_u32 {
        assert!(!server.values.invalidate(key).await.is_applied());
    }
    bench.wait(30 * SECOND).await;
    assert_eq!(server.larder.stats().queued, 1000);
    bench.store.up();
    bench.store.clear_log();
    bench.wait(2 * SECOND).await;
    assert_eq!(server.larder.stats().queued, 0);
    let users = bench.store.log().into_iter().filter(|(op, _)| *op == Op::DeleteIf);
    let users: Vec<_> = users.map(|(_, keys)| keys[0].user().to_vec()).collect();
    let expected: Vec<_> = (0..1000_u32).map(|key| key.to_string().into_bytes()).collect();
    assert!(users == expected, "once each, in the order in which they were asked for");
    for key in [0, 500, 999_u32] {
        assert_eq!(other.values.get(key).await.unwrap(), None);
    }
}

/// The store is told of one, and before its answer is here it is asked for once more.
#[tokio::test]
async fn one_that_is_asked_for_again_while_it_is_made_is_made_again() {
    let bench = Bench::new();
    let (server, other) = (bench.server(), bench.server());
    let is_k = |key: &cache_api::Key| key.user() == b"k";
    bench.store.fail(on(Op::DeleteIf), not_connected(Op::DeleteIf));
    assert!(!server.values.invalidate("k").await.is_applied());
    let made = bench.store.hold_reply(on(Op::DeleteIf).key(is_k));
    bench.passing(made.arrived()).await;
    // Applied, and not answered yet. Another server loads; then the source changes.
    assert_eq!(other.value("k").await, 1);
    bench.source.set(2);
    bench.store.fail(on(Op::DeleteIf), not_connected(Op::DeleteIf));
    assert!(!server.values.invalidate("k").await.is_applied());
    made.release();
    settled().await;
    assert_eq!(server.value("k").await, 2);
    assert_eq!(server.larder.stats().queued, 0);
}

/// One that never gets through, before others that do.
#[tokio::test]
async fn one_that_is_refused_holds_up_no_other() {
    let bench = Bench::new();
    let server = bench.server();
    server.values.set("b", &1).await.unwrap();
    bench.store.down();
    assert!(!server.values.space().invalidate_many(["a", "b"]).await.is_applied());
    bench.store.up();
    let unsupported = cache_api::Error::Unsupported { backend: "b", operation: "delete" };
    let is_a = |key: &cache_api::Key| key.user() == b"a";
    bench.store.fail(on(Op::DeleteIf).key(is_a).always(), unsupported);
    bench.wait(2 * SECOND).await;
    assert_eq!(server.larder.stats().queued, 1);
    assert_eq!(get(&server.values, "b").await.unwrap(), None);
    assert!(get(&server.values, "a").await.is_err(), "it is not trusted");
    mend(&bench);
    bench.wait(2 * SECOND).await;
    assert_eq!(server.larder.stats().queued, 0);
}

/// The queue runs empty and full again, while somebody sleeps who makes what is in it.
#[tokio::test]
async fn one_task_makes_them_however_often_the_store_comes_and_goes() {
    let bench = Bench::new();
    let server = bench.server();
    for _ in 0..50 {
        cut(&bench);
        assert!(!server.values.invalidate("k").await.is_applied());
        mend(&bench);
        assert_eq!(get(&server.values, "k").await.unwrap(), None);
    }
    cut(&bench);
    assert!(!server.values.invalidate("k").await.is_applied());
    bench.wait(10 * SECOND).await;
    bench.store.clear_log();
    bench.wait(MINUTE).await;
    let tries = bench.store.calls(Op::DeleteIf);
    assert!((50..=61).contains(&tries), "once a second: {tries}");
}

#[tokio::test]
async fn it_ends_with_the_larder() {
    let bench = Bench::new();
    let server = bench.server();
    bench.store.down();
    assert!(!server.values.invalidate("k").await.is_applied());
    bench.wait(SECOND).await;
    drop(server);
    bench.wait(2 * SECOND).await;
    bench.store.clear_log();
    bench.wait(MINUTE).await;
    assert_eq!(bench.store.log(), []);
}

/// The runtime that had the task is gone; the queue is not.
#[test]
fn another_runtime_takes_over() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let bench = Bench::new();
    let server = bench.server();
    runtime().block_on(async {
        bench.store.down();
        assert!(!server.values.invalidate("a").await.is_applied());
        settled().await;
    });
    runtime().block_on(async {
        assert!(!server.values.invalidate("b").await.is_applied());
        bench.store.up();
        bench.wait(2 * SECOND).await;
    });
    assert_eq!(server.larder.stats().queued, 0);
}
