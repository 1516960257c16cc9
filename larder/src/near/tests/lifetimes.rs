//! A copy dies with its entry.

use cache_api::{Cache as _, Condition, Op, Ttl};

use super::*;

const NANO: Duration = Duration::from_nanos(1);

#[tokio::test]
async fn its_time_counts_from_when_the_store_was_asked() {
    let bench = Bench::new().await;
    bench.other.set("k", &1).ttl(10 * SECOND).await.unwrap();
    bench.store.reports().delivered().await;
    // Only what the store says is to count here.
    bench.clock.set_wall(bench.clock.system_time() - HOUR);
    let gate = bench.store.hold_reply(Op::Get);
    let fill = tokio::spawn(bench.near.get("k"));
    gate.arrived().await;
    bench.clock.advance(4 * SECOND);
    gate.release();
    fill.await.unwrap().unwrap();
    bench.clock.advance(6 * SECOND - NANO);
    assert_eq!(bench.get("k").await, (Some(1), Origin::Near));
    bench.clock.advance(NANO);
    assert_eq!(bench.get("k").await, (None, Origin::Store));

    // The control: what the store said it had left, counted from when the answer came.
    bench.keep_naively("k", 1, Some(10 * SECOND));
    assert_eq!(bench.get("k").await, (Some(1), Origin::Near), "nobody tells that it expired");
}

#[tokio::test]
async fn a_lifetime_that_was_shortened_in_the_store_counts_and_not_what_the_entry_says() {
    let bench = Bench::new().await;
    bench.put("k", 1).await;
    let (key, five) = (bench.key("k"), Ttl::After(5 * SECOND));
    assert!(bench.store.store().expire(&key, five, Condition::Always).await.unwrap());
    bench.store.reports().delivered().await;
    bench.copied("k", 1).await;
    bench.clock.advance(5 * SECOND - NANO);
    assert_eq!(bench.get("k").await, (Some(1), Origin::Near));
    bench.clock.advance(NANO);
    assert_eq!(bench.get("k").await, (None, Origin::Store));

    // The control: what the entry says of itself.
    bench.keep_naively("k", 1, Some(HOUR));
    bench.clock.advance(HOUR - SECOND);
    assert_eq!(bench.get("k").await, (Some(1), Origin::Near));
}

#[tokio::test]
async fn nor_does_one_that_was_lengthened_there_keep_it_past_its_own() {
    for ttl in [Ttl::After(HOUR), Ttl::Never] {
        let bench = Bench::new().await;
        bench.other.set("k", &1).ttl(10 * SECOND).await.unwrap();
        let store = bench.store.store();
        assert!(store.expire(&bench.key("k"), ttl, Condition::Always).await.unwrap());
        bench.store.reports().delivered().await;
        bench.copied("k", 1).await;
        bench.clock.advance(10 * SECOND - NANO);
        assert_eq!(bench.get("k").await, (Some(1), Origin::Near));
        bench.clock.advance(NANO);
        assert_eq!(bench.get("k").await.1, Origin::Store);
    }
}

#[tokio::test]
async fn a_wall_clock_that_is_wrong_lengthens_nothing() {
    for behind in [true, false] {
        let bench = Bench::new().await;
        bench.other.set("k", &1).ttl(10 * SECOND).await.unwrap();
        bench.store.reports().delivered().await;
        let wall = bench.clock.system_time();
        bench.clock.set_wall(if behind { wall - HOUR } else { wall + HOUR });
        let answer = bench.near.get("k").await.unwrap();
        assert_eq!(answer.as_deref(), Some(&1), "the store has the last word");
        bench.clock.advance(10 * SECOND - NANO);
        assert_eq!(bench.get("k").await.0, Some(1));
        bench.clock.advance(NANO);
        assert_eq!(bench.get("k").await, (None, Origin::Store), "behind: {behind}");
    }
}

/// The store keeps it longer: that time is for those who take stale values.
#[tokio::test]
async fn what_is_past_its_time_is_not_served_from_memory() {
    let bench = Bench::new().await;
    let stale = bench.other.clone().stale_for(HOUR);
    stale.set("k", &1).ttl(10 * SECOND).await.unwrap();
    bench.store.reports().delivered().await;
    // Our clock takes it for newborn: the store knows better.
    bench.clock.advance(4 * SECOND);
    bench.clock.set_wall(bench.clock.system_time() - HOUR);
    bench.copied("k", 1).await;
    bench.clock.advance(6 * SECOND - NANO);
    assert_eq!(bench.get("k").await, (Some(1), Origin::Near));
    bench.clock.advance(NANO);
    assert_eq!(bench.get("k").await.1, Origin::Store);
}

#[tokio::test]
async fn what_lives_for_ever_is_kept_until_it_changes() {
    let bench = Bench::new().await;
    bench.other.set("k", &1).forever().await.unwrap();
    bench.store.reports().delivered().await;
    bench.copied("k", 1).await;
    bench.clock.advance(1000 * HOUR);
    assert_eq!(bench.get("k").await, (Some(1), Origin::Near));
}

/// Gone between the two questions.
#[tokio::test]
async fn an_entry_of_which_the_store_knows_no_lifetime_is_not_kept() {
    let bench = Bench::new().await;
    bench.put("k", 1).await;
    let gate = bench.store.hold(Op::Ttl);
    let fill = tokio::spawn(bench.near.get("k"));
    gate.arrived().await;
    bench.store.reports().hold();
    assert!(bench.other.delete("k").await.unwrap());
    gate.release();
    assert_eq!(fill.await.unwrap().unwrap().as_deref(), Some(&1));
    assert_eq!(bench.get("k").await, (None, Origin::Store));
    bench.store.reports().release();

    bench.put("k", 2).await;
    bench.store.fail(Op::Ttl, integration_tests::faults::timed_out(Op::Ttl));
    assert_eq!(bench.get("k").await, (Some(2), Origin::Store));
    assert_eq!(bench.get("k").await, (Some(2), Origin::Store));
    assert_eq!(bench.get("k").await, (Some(2), Origin::Near));
}
