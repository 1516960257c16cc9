//! Entries with tags, which are compared at each hit.

use cache_api::Op;

use super::*;

async fn tagged(bench: &Bench, key: &str, value: u64) {
    bench.other.set(key, &value).tag("team").await.unwrap();
    bench.store.reports().delivered().await;
}

fn tag(bench: &Bench) -> Key {
    bench.near.typed().space().namespace().reserved("tag").unwrap().key("team").unwrap()
}

#[tokio::test]
async fn the_first_hit_reads_the_tag_from_the_store_and_later_ones_nothing() {
    let bench = Bench::new().await;
    tagged(&bench, "a", 1).await;
    tagged(&bench, "b", 2).await;
    assert_eq!(bench.get("a").await, (Some(1), Origin::Store));
    bench.store.clear_log();
    assert_eq!(bench.get("a").await, (Some(1), Origin::Near));
    assert_eq!(bench.store.log(), [(Op::GetMany, vec![tag(&bench)])]);
    assert_eq!(bench.get("b").await, (Some(2), Origin::Store));
    bench.store.clear_log();
    assert_eq!(bench.get("a").await, (Some(1), Origin::Near));
    assert_eq!(bench.get("b").await, (Some(2), Origin::Near), "the tag is of both");
    assert_eq!(bench.store.log(), []);
}

#[tokio::test]
async fn a_tag_that_is_invalidated_elsewhere_takes_its_copies_with_it() {
    let bench = Bench::new().await;
    tagged(&bench, "k", 1).await;
    bench.put("plain", 2).await;
    bench.copied("k", 1).await;
    bench.copied("plain", 2).await;
    assert!(bench.other.invalidate_tag("team").await.is_applied());
    bench.store.reports().delivered().await;
    assert_eq!(bench.get("k").await, (None, Origin::Store));
    // The control: the entry itself did not change, and without its tag it would be served.
    assert_eq!(bench.get("plain").await, (Some(2), Origin::Near));
}

#[tokio::test]
async fn a_copy_made_under_an_older_tag_is_not_served_beside_a_copy_of_the_newer_one() {
    let bench = Bench::new().await;
    tagged(&bench, "old", 1).await;
    bench.copied("old", 1).await;
    assert!(bench.other.invalidate_tag("team").await.is_applied());
    tagged(&bench, "new", 2).await;
    bench.copied("new", 2).await;
    bench.store.clear_log();
    assert_eq!(bench.get("new").await, (Some(2), Origin::Near));
    assert_eq!(bench.store.log(), [], "the tag is here");
    assert_eq!(bench.get("old").await, (None, Origin::Store));
}

#[tokio::test]
async fn one_that_is_invalidated_here_does_so_at_once() {
    let bench = Bench::new().await;
    tagged(&bench, "k", 1).await;
    bench.copied("k", 1).await;
    bench.store.reports().hold();
    assert!(bench.near.invalidate_tag("team").await.is_applied());
    assert_eq!(bench.get("k").await, (None, Origin::Store));
}

#[tokio::test]
async fn a_tag_that_is_gone_reads_as_changed() {
    let bench = Bench::new().await;
    tagged(&bench, "k", 1).await;
    bench.copied("k", 1).await;
    bench.store.store().delete(&tag(&bench)).await.unwrap();
    bench.store.reports().delivered().await;
    assert_eq!(bench.get("k").await, (None, Origin::Store));
}

#[tokio::test]
async fn a_tag_that_changes_while_it_is_read_is_not_kept() {
    let bench = Bench::new().await;
    tagged(&bench, "k", 1).await;
    bench.near.get("k").await.unwrap();
    let gate = bench.store.hold_reply(Op::GetMany);
    let hit = tokio::spawn(bench.near.get("k"));
    gate.arrived().await;
    assert!(bench.other.invalidate_tag("team").await.is_applied());
    bench.store.reports().delivered().await;
    gate.release();
    assert_eq!(hit.await.unwrap().unwrap().as_deref(), Some(&1), "it began before the change");
    assert_eq!(bench.get("k").await, (None, Origin::Store));
}

#[tokio::test]
async fn what_was_softly_invalidated_is_past_its_time() {
    let bench = Bench::new().await;
    let stale = bench.other.clone().stale_for(HOUR);
    stale.set("k", &1).tag("team").await.unwrap();
    bench.store.reports().delivered().await;
    bench.copied("k", 1).await;
    assert!(bench.other.invalidate_tag("team").soft().await.is_applied());
    bench.store.reports().delivered().await;
    assert_eq!(bench.get("k").await, (None, Origin::Store));
}

#[tokio::test]
async fn a_generation_is_a_tag_of_all() {
    let bench = Bench::new().await;
    let spaces = [&bench.larder, bench.other.space().larder()].map(|larder| {
        larder.namespace("n").unwrap().with_generations().typed::<u64>().default_ttl(HOUR)
    });
    let [ours, others] = spaces;
    let ours = ours.near();
    others.set("k", &1).await.unwrap();
    bench.store.reports().delivered().await;
    ours.get("k").await.unwrap();
    assert_eq!(bench.got(ours.get("k")).await, (Some(1), Origin::Near));
    assert!(others.invalidate_all().await.is_applied());
    bench.store.reports().delivered().await;
    assert_eq!(bench.got(ours.get("k")).await, (None, Origin::Store));

    // What was written without one is none to it, and the copy that another handle made of it neither.
    bench.put("bare", 2).await;
    bench.copied("bare", 2).await;
    assert_eq!(bench.got(ours.get("bare")).await, (None, Origin::Store));
    assert_eq!(bench.get("bare").await, (Some(2), Origin::Near));
}
