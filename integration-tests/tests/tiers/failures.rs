//! A front that fails, hangs, or does later what it said it could not.

use cache_api::{Cache, Op, Ttl};
use integration_tests::faults::{full, on};
use tokio::task::JoinHandle;

use crate::bench::{Bench, SECOND, key, settle};

async fn copied() -> Bench {
    let bench = Bench::new().armed().await;
    bench.write_and_tell(&key("k"), "old").await;
    bench.get(&key("k")).await;
    assert!(!bench.asks_back(&key("k")).await);
    bench.forget();
    bench
}

fn reading(bench: &Bench) -> JoinHandle<Option<bytes::Bytes>> {
    let tiers = bench.tiers.clone();
    tokio::spawn(async move { tiers.get(&key("k")).await.expect("a front fails no call") })
}

#[tokio::test]
async fn a_front_that_fails_fails_no_call_and_is_left_alone_for_a_while() {
    let bench = copied().await;
    let at = key("k");
    bench.front.down();
    for _ in 0..5 {
        assert_eq!(bench.get(&at).await.unwrap(), "old");
    }
    assert_eq!(
        bench.tiers.get_many(std::slice::from_ref(&at)).await.unwrap(),
        [Some("old".into())]
    );
    let _ = bench.tiers.delete(&at).await.unwrap();
    assert_eq!(bench.front.log().len(), 1, "asked once, and then no more");
    bench.write(&at, "new", Ttl::Never).await;
    bench.front.up();
    bench.clock.advance(SECOND);
    assert_eq!(bench.get(&at).await.unwrap(), "new", "what was there is void");
    assert!(!bench.asks_back(&at).await);
}

#[tokio::test]
async fn a_front_that_hangs_is_waited_for_once() {
    let bench = copied().await;
    bench.front.freeze();
    let waiting = [reading(&bench), reading(&bench)];
    bench.front.called(Op::Get, 2).await;
    settle().await;
    bench.clock.advance(SECOND / 2);
    for waiting in waiting {
        assert_eq!(waiting.await.unwrap().unwrap(), "old");
    }
    assert_eq!(bench.get(&key("k")).await.unwrap(), "old");
    assert_eq!(bench.front.calls(Op::Get), 2);
    bench.front.thaw();
}

#[tokio::test]
async fn what_the_front_keeps_later_than_it_said_is_void() {
    let bench = Bench::new().armed().await;
    let at = key("k");
    bench.write_and_tell(&at, "old").await;
    let late = bench.front.late(Op::Set);
    bench.get(&at).await;
    late.arrived().await;
    bench.write_and_tell(&at, "new").await;
    bench.clock.advance(SECOND);
    bench.get(&at).await;
    assert!(!bench.asks_back(&at).await);
    assert_eq!(late.land().await.unwrap(), 1, "over the good copy");
    assert_eq!(bench.get(&at).await.unwrap(), "new");
}

#[tokio::test]
async fn a_copy_that_is_not_removed_is_void() {
    for op in [Op::Ttl, Op::DeleteIf] {
        let bench = copied().await;
        let at = key("k");
        bench.front.lose_request(op);
        bench.write_and_tell(&at, "new").await;
        assert_eq!(bench.get(&at).await.unwrap(), "new");
        bench.clock.advance(SECOND);
        // The control: it still stands there, and would be served.
        let left = bench.front.store().get(&at).await.unwrap().unwrap();
        assert!(left.ends_with(b"old"), "{op}");
        assert_eq!(bench.get(&at).await.unwrap(), "new");
    }
}

#[tokio::test]
async fn what_changes_while_the_front_is_left_alone_is_not_served_afterwards() {
    let bench = copied().await;
    let at = key("k");
    bench.front.fail(on(Op::Get), full(Op::Get));
    bench.get(&at).await;
    bench.clock.advance(SECOND / 2);
    bench.write_and_tell(&at, "new").await;
    bench.clock.advance(SECOND / 2);
    assert_eq!(bench.get(&at).await.unwrap(), "new");
}

#[tokio::test]
async fn a_front_that_is_full_keeps_nothing_and_costs_nothing_else() {
    let bench = Bench::new().armed().await;
    let at = key("k");
    bench.write_and_tell(&at, "v").await;
    bench.front.fail(on(Op::Set).always(), full(Op::Set));
    for _ in 0..10 {
        assert_eq!(bench.get(&at).await.unwrap(), "v");
    }
    assert_eq!(bench.front.calls(Op::Set), 1, "it is not tried again at once");
    bench.front.forget();
    bench.clock.advance(SECOND);
    bench.get(&at).await;
    assert!(!bench.asks_back(&at).await);
}

#[tokio::test]
async fn a_front_that_is_too_slow_for_what_is_read_keeps_less_of_it() {
    let bench = Bench::new().armed().await;
    let gate = bench.front.hold(on(Op::Set).always());
    let value = "x".repeat(8 << 20);
    for number in 0..20 {
        let at = key(&number.to_string());
        let options = cache_api::SetOptions::new(Ttl::Never);
        let _ = bench.back.store().set(&at, value.clone().into(), options).await.unwrap();
        bench.get(&at).await;
    }
    assert_eq!(bench.front.calls(Op::Set), 4, "32 MiB wait for it, and no more");
    drop(gate);
    settle().await;
    bench.front.forget();
    bench.get(&key("19")).await;
    assert!(!bench.asks_back(&key("19")).await);
}

#[tokio::test]
async fn an_error_of_the_back_is_the_callers() {
    let bench = copied().await;
    bench.back.down();
    assert_eq!(bench.get(&key("k")).await.unwrap(), "old", "it is told of changes still");
    assert!(bench.tiers.get(&key("none")).await.unwrap_err().is_unavailable());
    assert!(bench.tiers.get_many(&[key("k"), key("none")]).await.is_err());
    bench.back.up();
    assert_eq!(bench.get(&key("none")).await, None);
}
