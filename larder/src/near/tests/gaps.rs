//! Changes that may have gone untold.

use cache_api::{Namespace, Op};
use tokio::runtime::Builder;

use super::*;

#[tokio::test]
async fn a_gap_voids_every_copy() {
    let bench = Bench::new().await;
    bench.put("k", 1).await;
    bench.copied("k", 1).await;
    let arming = bench.store.reports().hold_arming();
    bench.store.reports().cut();
    arming.arrived().await;
    // Nobody tells of this.
    bench.other.set("k", &2).await.unwrap();
    assert_eq!(bench.get("k").await, (Some(2), Origin::Store));
    assert_eq!(bench.larder.stats().near.bytes, 0);
    arming.release();
    bench.is_armed(2).await;
    assert_eq!(bench.get("k").await, (Some(2), Origin::Store));
    assert_eq!(bench.get("k").await, (Some(2), Origin::Near));

    // The control: reports are only late, which the tier cannot know.
    bench.store.reports().hold();
    bench.other.set("k", &3).await.unwrap();
    assert_eq!(bench.get("k").await, (Some(2), Origin::Near));
}

#[tokio::test]
async fn nothing_is_kept_before_changes_are_told_again() {
    let bench = Bench::unarmed(false, |builder| builder);
    let arming = bench.store.reports().hold_arming();
    arming.arrived().await;
    bench.put("k", 1).await;
    for _ in 0..3 {
        assert_eq!(bench.get("k").await, (Some(1), Origin::Store));
    }
    // Begun before, ended after.
    let gate = bench.store.hold_reply(Op::Get);
    let fill = tokio::spawn(bench.near.get("k"));
    gate.arrived().await;
    arming.release();
    bench.is_armed(1).await;
    gate.release();
    fill.await.unwrap().unwrap();
    assert_eq!(bench.get("k").await, (Some(1), Origin::Store));
    assert_eq!(bench.get("k").await, (Some(1), Origin::Near));
}

#[tokio::test]
async fn a_fill_does_not_outlive_a_gap() {
    let bench = Bench::new().await;
    bench.put("k", 1).await;
    let gate = bench.store.hold_reply(Op::Get);
    let fill = tokio::spawn(bench.near.get("k"));
    gate.arrived().await;
    let arming = bench.store.reports().hold_arming();
    bench.store.reports().cut();
    arming.arrived().await;
    bench.other.set("k", &2).await.unwrap();
    arming.release();
    bench.is_armed(2).await;
    gate.release();
    fill.await.unwrap().unwrap();
    assert_eq!(bench.get("k").await, (Some(2), Origin::Store), "it was read before the gap");
}

#[tokio::test]
async fn a_space_that_joins_later_is_heard_of_too() {
    let bench = Bench::new().await;
    bench.put("k", 1).await;
    bench.copied("k", 1).await;
    let more = bench.larder.namespace("more").unwrap().typed::<u64>().default_ttl(HOUR);
    let more = more.near();
    // To hear of more is to listen anew.
    assert_eq!(bench.get("k").await, (Some(1), Origin::Store));
    bench.is_armed(2).await;
    let names = ["more", "more/.tag", "n", "n/.tag"];
    let names = names.map(|name| match name.strip_suffix("/.tag") {
        Some(space) => Namespace::new(space).unwrap().reserved("tag").unwrap(),
        None => Namespace::new(name).unwrap(),
    });
    assert_eq!(bench.store.reports().watched()[1], names);

    more.set("k", &10).await.unwrap();
    bench.copied("k", 1).await;
    more.get("k").await.unwrap();
    assert_eq!(bench.got(more.get("k")).await, (Some(10), Origin::Near));
    let others = bench.other.space().larder().namespace("more").unwrap().typed::<u64>();
    others.set("k", &11).ttl(HOUR).await.unwrap();
    bench.store.reports().delivered().await;
    assert_eq!(bench.got(more.get("k")).await, (Some(11), Origin::Store));

    // A handle of a space that is heard of is no reason for a gap.
    bench.copied("k", 1).await;
    drop(bench.near.typed().near());
    assert_eq!(bench.get("k").await, (Some(1), Origin::Near));
}

#[tokio::test]
async fn one_that_joins_while_the_store_is_asked_for_reports_is_heard_of_too() {
    let bench = Bench::unarmed(false, |builder| builder);
    let arming = bench.store.reports().hold_arming();
    arming.arrived().await;
    let typed = |larder: &Larder| larder.namespace("more").unwrap().typed().default_ttl(HOUR);
    let (more, others) = (typed(&bench.larder).near(), typed(bench.other.space().larder()));
    arming.release();
    bench.is_armed(2).await;
    others.set("k", &1_u64).await.unwrap();
    bench.store.reports().delivered().await;
    more.get("k").await.unwrap();
    assert_eq!(bench.got(more.get("k")).await, (Some(1), Origin::Near));
    others.set("k", &2).await.unwrap();
    bench.store.reports().delivered().await;
    assert_eq!(bench.got(more.get("k")).await, (Some(2), Origin::Store));
}

#[test]
fn when_the_runtime_that_listened_ends_nothing_is_served() {
    let runtime = || Builder::new_current_thread().enable_all().build().unwrap();
    let (listening, other) = (runtime(), runtime());
    let bench = listening.block_on(async {
        let bench = Bench::new().await;
        bench.put("k", 1).await;
        bench.copied("k", 1).await;
        bench
    });
    assert_eq!(other.block_on(bench.get("k")), (Some(1), Origin::Near));
    drop(listening);
    other.block_on(async {
        bench.other.set("k", &2).await.unwrap();
        assert_eq!(bench.get("k").await, (Some(2), Origin::Store));
        assert_eq!(bench.get("k").await, (Some(2), Origin::Store));
        // A new handle listens where it is made.
        drop(bench.near.typed().near());
        bench.is_armed(2).await;
        bench.copied("k", 2).await;
    });
}
