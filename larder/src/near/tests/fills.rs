//! Copies that are being made while something changes.

use cache_api::Op;

use super::*;

#[tokio::test]
async fn what_was_read_before_a_change_is_not_kept_after_it() {
    let bench = Bench::new().await;
    bench.put("k", 1).await;
    let gate = bench.store.hold_reply(Op::Get);
    let fill = tokio::spawn(bench.near.get("k"));
    gate.arrived().await;
    bench.put("k", 2).await;
    gate.release();
    assert_eq!(fill.await.unwrap().unwrap().as_deref(), Some(&1), "it began before the change");
    assert_eq!(bench.get("k").await, (Some(2), Origin::Store));
    assert_eq!(bench.get("k").await, (Some(2), Origin::Near));

    // The control: the token is taken when the answer is there.
    bench.put("k", 3).await;
    bench.keep_naively("k", 2, None);
    assert_eq!(bench.get("k").await, (Some(2), Origin::Near), "an hour behind");
}

#[tokio::test]
async fn another_key_that_changes_is_no_reason() {
    let bench = Bench::new().await;
    bench.put("k", 1).await;
    let gate = bench.store.hold_reply(Op::Get);
    let fill = tokio::spawn(bench.near.get("k"));
    gate.arrived().await;
    bench.put("another", 2).await;
    gate.release();
    fill.await.unwrap().unwrap();
    assert_eq!(bench.get("k").await, (Some(1), Origin::Near));
}

#[tokio::test]
async fn every_fill_that_was_under_way_is_void_and_the_next_is_not() {
    let bench = Bench::new().await;
    bench.put("k", 1).await;
    let gate = bench.store.hold_reply(integration_tests::faults::on(Op::Get).times(2));
    let fills = [tokio::spawn(bench.near.get("k")), tokio::spawn(bench.near.get("k"))];
    gate.arrived_times(2).await;
    bench.put("k", 2).await;
    // It begins after the change, while the others still wait.
    bench.copied("k", 2).await;
    gate.release();
    for fill in fills {
        fill.await.unwrap().unwrap();
    }
    assert_eq!(bench.get("k").await, (Some(2), Origin::Near));
    assert!(bench.tier().has_no_fills());
}

#[tokio::test]
async fn a_fill_that_is_given_up_leaves_nothing() {
    let bench = Bench::new().await;
    bench.put("k", 1).await;
    let gate = bench.store.hold_reply(Op::Get);
    let fill = tokio::spawn(bench.near.get("k"));
    gate.arrived().await;
    fill.abort();
    assert!(fill.await.is_err());
    assert!(bench.tier().has_no_fills());
    bench.copied("k", 1).await;
}

#[tokio::test]
async fn a_space_that_was_cleared_has_no_copies_and_no_fills() {
    let bench = Bench::new().await;
    bench.put("k", 1).await;
    bench.copied("k", 1).await;
    bench.put("filling", 1).await;
    let gate = bench.store.hold_reply(Op::Get);
    let fill = tokio::spawn(bench.near.get("filling"));
    gate.arrived().await;
    bench.other.space().clear().await.unwrap();
    bench.store.reports().delivered().await;
    gate.release();
    fill.await.unwrap().unwrap();
    assert_eq!(bench.get("k").await, (None, Origin::Store));
    assert_eq!(bench.get("filling").await, (None, Origin::Store));
    assert_eq!(bench.larder.stats().near.bytes, 0);
}
