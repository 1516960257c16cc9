//! The same without each of the rules in turn: what it prevents happens.

use cache_api::Op;

use super::*;
use crate::switches::Rule;

/// A copy of 1, in a tier that does without a rule.
async fn without(rule: Rule) -> Bench {
    let bench = Bench::with(|builder| builder.without(rule)).await;
    bench.put("k", 1).await;
    bench.copied("k", 1).await;
    bench
}

const OLD: (Option<u64>, Origin) = (Some(1), Origin::Near);

#[tokio::test]
async fn without_tokens_what_was_read_before_a_change_is_kept_after_it() {
    let bench = without(Rule::CopiesTakeTokens).await;
    let gate = bench.store.hold_reply(Op::Get);
    let fill = tokio::spawn(bench.near.get("k").fresh());
    gate.arrived().await;
    bench.put("k", 2).await;
    gate.release();
    fill.await.unwrap().unwrap();
    assert_eq!(bench.get("k").await, OLD);
}

#[tokio::test]
async fn without_gaps_what_nobody_told_of_is_served() {
    let bench = without(Rule::GapsVoidCopies).await;
    let arming = bench.store.reports().hold_arming();
    bench.store.reports().cut();
    arming.arrived().await;
    bench.other.set("k", &2).await.unwrap();
    arming.release();
    bench.is_armed(2).await;
    assert_eq!(bench.get("k").await, OLD);
}

#[tokio::test]
async fn without_a_bound_silence_is_taken_for_peace() {
    let bench = Bench::unarmed(true, |builder| builder.without(Rule::SilenceIsBounded));
    bench.is_armed(1).await;
    bench.put("k", 1).await;
    bench.copied("k", 1).await;
    bench.store.reports().hold();
    bench.other.set("k", &2).await.unwrap();
    bench.clock.advance(HOUR - SECOND);
    assert_eq!(bench.get("k").await, OLD);
}

#[tokio::test]
async fn without_a_look_at_own_writes_they_are_seen_when_they_are_told() {
    let bench = without(Rule::OwnWritesDropCopies).await;
    bench.store.reports().hold();
    bench.near.set("k", &2).await.unwrap();
    assert_eq!(bench.get("k").await, OLD);
}

#[tokio::test]
async fn without_a_look_at_its_tags_a_copy_outlives_them() {
    let bench = without(Rule::TagsOfCopiesCompared).await;
    bench.other.set("k", &1).tag("team").await.unwrap();
    bench.store.reports().delivered().await;
    bench.copied("k", 1).await;
    assert!(bench.other.invalidate_tag("team").await.is_applied());
    bench.store.reports().delivered().await;
    assert_eq!(bench.get("k").await, OLD);
}

#[tokio::test]
async fn without_a_time_a_copy_outlives_its_entry() {
    let bench = without(Rule::CopiesDieWithEntries).await;
    bench.clock.advance(2 * HOUR);
    assert_eq!(bench.get("k").await, OLD);
}
