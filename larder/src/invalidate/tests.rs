//! What becomes of invalidations, in good times and in bad, and what is trusted meanwhile.

mod queued;
mod replayed;
mod soft;

use cache_api::{Op, Result};
use integration_tests::faults::{Calls, full, not_connected, on, timed_out};

use super::*;
use crate::{
    Larder, Typed,
    load::testing::{Bench, Server},
};

/// From now on no write reaches the store, while reads do.
fn cut(bench: &Bench) {
    bench.store.fail(Calls::writes().always(), not_connected(Op::Set));
}

fn mend(bench: &Bench) {
    bench.store.forget();
}

#[tokio::test]
async fn one_that_the_store_has_is_applied() {
    let bench = Bench::new();
    let Server { larder, values, .. } = bench.server();
    values.set("k", &1).tag("t").await.unwrap();
    for applied in [
        values.invalidate("k").await,
        values.invalidate_tag("t").await,
        values.space().invalidate_many(["a", "b"]).await,
        values.space().invalidate_tags(["t", "u"]).await,
        values.invalidate_all().await,
    ] {
        assert!(applied.is_applied() && applied.applied().is_ok());
    }
    assert_eq!(larder.stats().invalidations, 7);
    assert_eq!(larder.stats().queued, 0);
}

#[tokio::test]
async fn one_that_may_get_through_later_is_queued_and_any_other_has_failed() {
    for (error, queued) in [
        (not_connected(Op::DeleteIf), true),
        (timed_out(Op::DeleteIf), true),
        (full(Op::DeleteIf), true),
        (cache_api::Error::Unsupported { backend: "b", operation: "delete" }, false),
    ] {
        let bench = Bench::new();
        let server = bench.server();
        bench.store.fail(on(Op::DeleteIf), error);
        let made = server.values.invalidate("k").await;
        assert_eq!(matches!(made, Invalidation::Queued(_)), queued, "{made:?}");
        assert_eq!(matches!(made, Invalidation::Failed(_)), !queued, "{made:?}");
        assert_eq!(server.larder.stats().queued, u64::from(queued));
        assert!(!made.is_applied() && made.applied().is_err());
    }
    let bench = Bench::new();
    let values = bench.server().values;
    let mistakes = [
        values.invalidate("x".repeat(2000)).await,
        values.invalidate_tag("x".repeat(300)).await,
        values.invalidate_all().soft().await,
    ];
    assert!(mistakes.iter().all(|made| matches!(made, Invalidation::Failed(_))));
    assert_eq!(bench.store.log(), []);
}

/// Of several the worst is told, and each is seen to by itself.
#[tokio::test]
async fn of_several_the_worst_is_told() {
    let bench = Bench::new();
    let Server { larder, values, .. } = bench.server();
    for key in ["a", "b", "c"] {
        values.set(key, &1).await.unwrap();
    }
    let unsupported = cache_api::Error::Unsupported { backend: "b", operation: "delete" };
    let at = |user: &'static [u8]| on(Op::DeleteIf).key(move |key| key.user() == user);
    bench.store.fail(at(b"a"), not_connected(Op::DeleteIf));
    bench.store.fail(at(b"b"), unsupported);
    let made = values.space().invalidate_many(["a", "b", "c"]).await;
    assert!(matches!(made, Invalidation::Failed(_)), "{made:?}");
    assert_eq!(larder.stats().queued, 1);
    assert_eq!(get(&values, "c").await.unwrap(), None, "it was made");
    assert_eq!(get(&values, "a").await.unwrap(), None, "it is made before it is read");
    assert_eq!(get(&values, "b").await.unwrap(), Some(1));
    assert_eq!(larder.stats().queued, 0);
}

#[tokio::test]
async fn whoever_gives_up_an_invalidation_leaves_nothing_in_the_queue() {
    let bench = Bench::new();
    let server = bench.server();
    server.values.set("k", &1).tag("t").await.unwrap();
    bench.store.hesitate();
    let call = || {
        let all = server.values.space().invalidate_tags(["t", "u"]);
        async move { all.await.applied().unwrap() }
    };
    let runs = integration_tests::steps::at_every_await(async |polls| {
        let done = integration_tests::steps::abandoned(polls, call()).await.is_some();
        assert!(larder_is_idle(&server.larder));
        done
    });
    assert!(runs.await > 4);
    assert_eq!(get(&server.values, "k").await.unwrap(), None);
}

fn larder_is_idle(larder: &Larder) -> bool {
    larder.stats().queued == 0
}

async fn get(values: &Typed<u64>, key: &str) -> Result<Option<u64>> {
    values.get(key).await
}
