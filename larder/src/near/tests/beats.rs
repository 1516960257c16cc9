//! How long copies are served without a sign of life from the store.

use super::*;

const NANO: Duration = Duration::from_nanos(1);

/// A process that is paused, or whose connection fell silent, does not know it: what is judged is the
/// age of the newest answer, at each hit.
#[tokio::test]
async fn a_copy_is_served_for_three_seconds_after_the_newest_answered_question() {
    let bench = Bench::shared().await;
    let armed = bench.now();
    bench.put("k", 1).await;
    bench.copied("k", 1).await;
    bench.store.reports().hold();
    bench.other.set("k", &2).await.unwrap();

    bench.clock.advance(3 * SECOND);
    assert_eq!(bench.get("k").await, (Some(1), Origin::Near), "as old as it may be");
    bench.clock.advance(NANO);
    assert_eq!(bench.get("k").await, (Some(2), Origin::Store));
    assert_eq!(
        bench.get("k").await,
        (Some(2), Origin::Store),
        "nothing is kept that would not be served"
    );

    // An answer counts from when it was asked for, and comes behind the changes before it.
    bench.store.reports().beat(armed + 2 * SECOND);
    bench.store.reports().release();
    bench.store.reports().delivered().await;
    bench.copied("k", 2).await;
    bench.clock.advance(2 * SECOND - NANO);
    assert_eq!(bench.get("k").await, (Some(2), Origin::Near));
    bench.clock.advance(NANO);
    assert_eq!(bench.get("k").await, (Some(2), Origin::Store));

    // One that was asked for earlier and comes late changes nothing.
    bench.store.reports().beat(armed + SECOND);
    bench.store.reports().delivered().await;
    assert_eq!(bench.get("k").await, (Some(2), Origin::Store));
    bench.store.reports().beat(armed + 5 * SECOND);
    bench.store.reports().delivered().await;
    bench.copied("k", 2).await;
}

/// The control: without the rule, as on a store of this process, which cannot fall silent.
#[tokio::test]
async fn control_without_beats_a_paused_process_is_behind_for_as_long_as_it_was_paused() {
    let bench = Bench::new().await;
    bench.put("k", 1).await;
    bench.copied("k", 1).await;
    bench.store.reports().hold();
    bench.other.set("k", &2).await.unwrap();
    bench.clock.advance(HOUR - SECOND);
    assert_eq!(bench.get("k").await, (Some(1), Origin::Near));
}

#[tokio::test]
async fn the_first_question_is_the_one_to_be_told_of_changes() {
    let bench = Bench::unarmed(true, |builder| builder);
    let arming = bench.store.reports().hold_arming();
    arming.arrived().await;
    bench.clock.advance(2 * SECOND);
    arming.release();
    bench.is_armed(1).await;
    bench.put("k", 1).await;
    bench.copied("k", 1).await;
    bench.clock.advance(SECOND);
    assert_eq!(bench.get("k").await, (Some(1), Origin::Near));
    bench.clock.advance(NANO);
    assert_eq!(bench.get("k").await, (Some(1), Origin::Store));
}

#[tokio::test]
async fn how_long_that_is_may_be_said() {
    let bench = Bench::unarmed(true, |builder| builder.near_silence(SECOND));
    bench.is_armed(1).await;
    bench.put("k", 1).await;
    bench.copied("k", 1).await;
    bench.clock.advance(SECOND);
    assert_eq!(bench.get("k").await, (Some(1), Origin::Near));
    bench.clock.advance(NANO);
    assert_eq!(bench.get("k").await, (Some(1), Origin::Store));
}

/// A change is told before the answer to a question that was sent after it.
#[tokio::test]
async fn a_change_and_the_beat_behind_it_come_in_order() {
    let bench = Bench::shared().await;
    bench.put("k", 1).await;
    bench.copied("k", 1).await;
    bench.store.reports().hold();
    bench.other.set("k", &2).await.unwrap();
    bench.clock.advance(2 * SECOND);
    bench.store.reports().beat(bench.now());
    bench.clock.advance(2 * SECOND);
    assert_eq!(bench.get("k").await, (Some(2), Origin::Store), "the beat is held with the change");
    bench.store.reports().release();
    bench.store.reports().delivered().await;
    assert_eq!(bench.get("k").await, (Some(2), Origin::Store));
    assert_eq!(bench.get("k").await, (Some(2), Origin::Near));
}
