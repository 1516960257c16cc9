//! When copies may be served: by what is known of the changes of the back.

use std::time::Duration;

use cache_api::{Cache, Clock, Error, Namespace, Op, Ttl};

use crate::bench::{Bench, SECOND, key, namespace, settle};

async fn copied(bench: Bench) -> Bench {
    bench.write_and_tell(&key("k"), "old").await;
    bench.get(&key("k")).await;
    assert!(!bench.asks_back(&key("k")).await);
    bench
}

#[tokio::test]
async fn a_gap_voids_what_is_kept_and_nothing_is_until_changes_are_told_again() {
    let bench = copied(Bench::new().armed().await).await;
    let at = key("k");
    let arming = bench.back.reports().hold_arming();
    bench.back.reports().cut();
    arming.arrived().await;
    bench.write(&at, "new", Ttl::Never).await;
    for _ in 0..3 {
        assert!(bench.asks_back(&at).await);
    }
    assert_eq!(bench.get(&at).await.unwrap(), "new");
    assert_eq!(bench.back.calls(Op::Ttl), 1, "nothing was kept since");
    // The front still has the copy: an epoch is over, and nobody walked over it.
    assert!(bench.front.store().get(&at).await.unwrap().is_some());
    drop(arming);
    bench.serving().await;
    assert!(bench.asks_back(&at).await, "what was kept before the gap is void after it");
    assert!(!bench.asks_back(&at).await);
    assert_eq!(bench.get(&at).await.unwrap(), "new");
}

#[tokio::test]
async fn a_fill_across_a_gap_is_void() {
    let bench = Bench::new().armed().await;
    let at = key("k");
    bench.write_and_tell(&at, "old").await;
    let gate = bench.back.hold_reply(Op::Get);
    let reader = tokio::spawn({
        let (tiers, at) = (bench.tiers.clone(), at.clone());
        async move { tiers.get(&at).await }
    });
    gate.arrived().await;
    bench.back.reports().cut();
    settle().await;
    bench.write(&at, "new", Ttl::Never).await;
    bench.serving().await;
    gate.release();
    assert_eq!(reader.await.unwrap().unwrap().unwrap(), "old");
    settle().await;
    assert_eq!(bench.get(&at).await.unwrap(), "new");
}

#[tokio::test]
async fn a_hit_needs_a_beat_that_was_sent_a_short_while_ago() {
    let bench = copied(Bench::shared().armed().await).await;
    let (at, reports) = (key("k"), bench.back.reports());
    let begin = bench.clock.now();
    bench.clock.advance(3 * SECOND);
    assert!(!bench.asks_back(&at).await, "three seconds after it was armed");
    bench.clock.advance(Duration::from_nanos(1));
    assert!(bench.asks_back(&at).await, "nothing is known any more");
    assert!(!bench.tiers.stats().is_serving);

    // An answer tells of the moment when it was asked for, however late it comes.
    reports.beat(begin + SECOND);
    reports.delivered().await;
    bench.clock.advance(SECOND - Duration::from_nanos(1));
    assert!(!bench.asks_back(&at).await);
    bench.clock.advance(Duration::from_nanos(1));
    assert!(bench.asks_back(&at).await);
    reports.beat(bench.clock.now());
    reports.delivered().await;
    assert!(!bench.asks_back(&at).await, "the copy was good all the while");

    // The control: a back that cannot fall silent needs no beats.
    let bench = copied(Bench::new().armed().await).await;
    bench.clock.advance(24 * 3600 * SECOND);
    assert!(!bench.asks_back(&at).await);
}

#[tokio::test]
async fn where_no_changes_are_told_copies_live_for_a_moment() {
    let denied = || Error::PermissionDenied {
        backend: "back",
        operation: "watch",
        reason: "no".into(),
        source: None,
    };
    for withdrawn in [false, true] {
        let bench = Bench::with(
            |back| {
                match withdrawn {
                    true => back.reports().withdraw(),
                    false => back.reports().refuse(denied()),
                }
                back.shared()
            },
            |builder| builder.unwatched_ttl(2 * SECOND),
        );
        assert_eq!(bench.tiers.watch().is_none(), withdrawn);
        let (bench, at) = (bench.armed().await, key("k"));
        bench.write(&at, "old", 60 * SECOND).await;
        // Counted from when the back was asked, not from when it answered.
        let gate = bench.back.hold_reply(Op::Get);
        let reader = tokio::spawn({
            let (tiers, at) = (bench.tiers.clone(), at.clone());
            async move { tiers.get(&at).await }
        });
        gate.arrived().await;
        bench.clock.advance(SECOND);
        gate.release();
        reader.await.unwrap().unwrap();
        bench.write(&at, "new", 60 * SECOND).await;
        bench.clock.advance(SECOND - Duration::from_nanos(1));
        assert_eq!(bench.get(&at).await.unwrap(), "old");
        bench.clock.advance(Duration::from_nanos(1));
        assert_eq!(bench.get(&at).await.unwrap(), "new");
        assert!(!bench.asks_back(&at).await);
        assert_eq!(
            bench.tiers.ttl(&at).await.unwrap(),
            bench.back.store().ttl(&at).await.unwrap(),
            "the lifetime is the entry's, not the copy's"
        );
    }
}

#[tokio::test]
async fn a_namespace_is_listened_to_before_copies_of_it_are_kept() {
    let bench = copied(Bench::new().armed().await).await;
    let other = Namespace::new("other").unwrap().key("k").unwrap();
    let arming = bench.back.reports().hold_arming();
    for _ in 0..3 {
        bench.get(&other).await;
    }
    arming.arrived().await;
    assert!(bench.asks_back(&key("k")).await, "it is a gap");
    drop(arming);
    bench.serving().await;
    bench.write(&other, "v", Ttl::Never).await;
    bench.back.reports().delivered().await;
    bench.get(&other).await;
    assert!(!bench.asks_back(&other).await);
    bench.write(&other, "w", Ttl::Never).await;
    bench.back.reports().delivered().await;
    assert_eq!(bench.get(&other).await.unwrap(), "w");
}

#[tokio::test]
async fn what_may_have_changed_as_a_whole_is_void_as_a_whole() {
    let bench = copied(Bench::new().armed().await).await;
    bench.back.store().clear(&namespace()).await.unwrap();
    bench.back.reports().delivered().await;
    assert_eq!(bench.get(&key("k")).await, None);
}

#[tokio::test]
async fn changes_are_told_again_when_the_runtime_that_told_them_has_ended() {
    let bench = copied(Bench::new().armed().await).await;
    let at = key("k");
    let (store, of) = (bench.back.clone(), at.clone());
    let other = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let back = std::sync::Arc::clone(store.store());
        let tiers = larder::Tiered::new(backend_memory::MemoryCache::new(), back);
        runtime.block_on(async {
            while !tiers.stats().is_serving {
                tiers.get(&of).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        drop(runtime);
        assert!(!tiers.stats().is_serving);
        tiers
    });
    let other = other.await.unwrap();
    while !other.stats().is_serving {
        other.get(&at).await.unwrap();
        settle().await;
    }
}
