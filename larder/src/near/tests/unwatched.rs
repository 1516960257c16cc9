//! Stores that do not report changes, or do not let us hear of them.

use cache_api::Op;

use super::*;

const NANO: Duration = Duration::from_nanos(1);

fn denied() -> Error {
    Error::PermissionDenied {
        backend: "that one",
        operation: "watch",
        reason: "no".into(),
        source: None,
    }
}

/// Lets the tasks of this runtime run until they wait.
async fn settled() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn copies_live_for_a_second_from_when_the_store_was_asked() {
    for is_denied in [false, true] {
        let bench = Bench::unarmed(true, |builder| builder);
        match is_denied {
            true => bench.store.reports().refuse(denied()),
            false => bench.store.reports().withdraw(),
        }
        settled().await;
        bench.put("k", 1).await;
        let gate = bench.store.hold_reply(Op::Get);
        let fill = tokio::spawn(bench.near.get("k"));
        gate.arrived().await;
        bench.clock.advance(SECOND / 4);
        gate.release();
        fill.await.unwrap().unwrap();
        bench.put("k", 2).await;
        bench.clock.advance(3 * SECOND / 4 - NANO);
        assert_eq!(bench.get("k").await, (Some(1), Origin::Near), "nobody told of it");
        bench.clock.advance(NANO);
        assert_eq!(bench.get("k").await, (Some(2), Origin::Store));
        // What this process writes it sees at once.
        assert_eq!(bench.get("k").await, (Some(2), Origin::Near));
        bench.near.set("k", &3).await.unwrap();
        assert_eq!(bench.get("k").await, (Some(3), Origin::Store));
    }

    // The control: while changes are told a copy lives as long as its entry.
    let bench = Bench::new().await;
    bench.put("k", 1).await;
    bench.copied("k", 1).await;
    bench.clock.advance(HOUR - SECOND);
    assert_eq!(bench.get("k").await, (Some(1), Origin::Near));
}

#[tokio::test]
async fn an_entry_that_dies_sooner_takes_its_copy_with_it() {
    let bench = Bench::unarmed(false, |builder| builder.near_ttl(HOUR));
    bench.store.reports().withdraw();
    settled().await;
    bench.other.set("k", &1).ttl(SECOND).await.unwrap();
    bench.copied("k", 1).await;
    bench.clock.advance(SECOND);
    assert_eq!(bench.get("k").await, (None, Origin::Store));
}

#[tokio::test]
async fn it_is_asked_again_after_a_minute() {
    let bench = Bench::unarmed(false, |builder| builder);
    bench.store.reports().refuse(denied());
    settled().await;
    bench.put("k", 1).await;
    bench.copied("k", 1).await;
    bench.store.reports().allow();
    settled().await;
    assert_eq!(bench.store.reports().watched().len(), 0);
    bench.clock.advance(60 * SECOND);
    bench.is_armed(1).await;
    bench.copied("k", 1).await;
    bench.put("k", 2).await;
    assert_eq!(bench.get("k").await, (Some(2), Origin::Store));
}

/// That nobody can be asked now says nothing of what changes.
#[tokio::test]
async fn a_store_that_is_down_is_no_store_that_refuses() {
    let bench = Bench::unarmed(false, |builder| builder);
    bench.store.down();
    settled().await;
    bench.store.up();
    bench.put("k", 1).await;
    assert_eq!(bench.get("k").await, (Some(1), Origin::Store));
    assert_eq!(bench.get("k").await, (Some(1), Origin::Store), "nothing is kept");
    bench.clock.advance(SECOND);
    bench.is_armed(1).await;
    bench.copied("k", 1).await;
}
