//! What this process writes: nobody in it sees anything older, whatever becomes of the write.

use cache_api::{Cache, Condition, Error, Namespace, Op, Prefix, SetItem, SetOptions, Ttl};
use futures_util::FutureExt;
use integration_tests::faults::{full, on};

use crate::bench::{Bench, SECOND, key, namespace, settle};

/// A copy in the front, and reports that never come.
async fn silent() -> Bench {
    let bench = Bench::new().armed().await;
    for user in ["k", "other"] {
        bench.write(&key(user), "old", Ttl::Never).await;
    }
    bench.back.reports().delivered().await;
    for user in ["k", "other"] {
        bench.get(&key(user)).await;
        assert!(!bench.asks_back(&key(user)).await);
    }
    bench.back.reports().hold();
    bench.forget();
    bench
}

#[tokio::test]
async fn every_write_removes_the_copy() {
    let at = key("k");
    let (new, options) = (bytes::Bytes::from_static(b"new"), SetOptions::new(Ttl::Never));
    for write in 0..10 {
        let bench = silent().await;
        let tiers = &bench.tiers;
        match write {
            0 => drop(tiers.set(&at, new.clone(), options).await.unwrap()),
            1 => drop(tiers.delete_if(&at, Condition::Present).await.unwrap()),
            2 => drop(tiers.delete(&at).await.unwrap()),
            3 => drop(tiers.take(&at).await.unwrap()),
            4 => drop(tiers.expire(&at, (5 * SECOND).into(), Condition::Always).await.unwrap()),
            5 => drop(tiers.increment(&at, 1, Ttl::Never).await.unwrap_err()),
            6 => tiers.clear(&namespace()).await.unwrap(),
            7 => {
                let item = SetItem { key: at.clone(), value: new.clone(), options };
                drop(tiers.set_many(vec![item]).await.unwrap());
            }
            8 => drop(tiers.delete_many(std::slice::from_ref(&at)).await.unwrap()),
            // Refused: somebody else's value stands there, it may be.
            _ => {
                let other = Condition::StartsWith(Prefix::new(b"other").unwrap());
                drop(tiers.set(&at, new.clone(), options.when(other)).await.unwrap());
            }
        }
        assert!(bench.asks_back(&at).await, "{write}");
        let cleared = write == 6;
        assert_eq!(bench.asks_back(&key("other")).await, cleared, "of another key: {write}");
    }
}

#[tokio::test]
async fn a_write_that_fails_may_have_been_applied() {
    let (at, set) = (key("k"), || SetOptions::new(Ttl::Never));
    let bench = silent().await;
    bench.back.lose_reply(Op::Set);
    assert!(bench.tiers.set(&at, "new".into(), set()).await.unwrap_err().may_have_applied());
    assert_eq!(bench.get(&at).await.unwrap(), "new");

    let bench = silent().await;
    bench.back.fail(Op::Set, full(Op::Set));
    assert!(bench.tiers.set(&at, "new".into(), set()).await.is_err());
    assert!(bench.asks_back(&at).await);

    let bench = silent().await;
    bench.back.fail(Op::Clear, Error::Unsupported { backend: "b", operation: "clear" });
    assert!(bench.tiers.clear(&namespace()).await.is_err());
    assert!(bench.asks_back(&at).await);
}

#[tokio::test]
async fn a_write_whose_caller_gives_up_may_have_been_applied() {
    let bench = silent().await;
    let at = key("k");
    let gate = bench.back.hold_reply(Op::Set);
    let set = bench.tiers.set(&at, "new".into(), SetOptions::new(Ttl::Never));
    assert!(set.now_or_never().is_none(), "and is dropped");
    gate.arrived().await;
    assert_eq!(bench.get(&at).await.unwrap(), "new");
}

#[tokio::test]
async fn a_writer_does_not_wait_for_the_front() {
    let bench = silent().await;
    let at = key("k");
    let gate = bench.front.hold(on([Op::Ttl, Op::DeleteIf]).always());
    let set = bench.tiers.set(&at, "new".into(), SetOptions::new(Ttl::Never));
    assert!(set.await.unwrap().is_stored());
    gate.arrived().await;
    assert_eq!(bench.get(&at).await.unwrap(), "new");
    drop(gate);
    settle().await;
    // And what is kept then is the new value.
    bench.get(&at).await;
    assert!(!bench.asks_back(&at).await);
    assert_eq!(bench.get(&at).await.unwrap(), "new");
}

#[tokio::test]
async fn what_was_never_read_costs_the_front_nothing() {
    let bench = Bench::new().armed().await;
    let other = Namespace::new("never-read").unwrap().key("k").unwrap();
    let _ = bench.tiers.set(&other, "v".into(), SetOptions::new(Ttl::Never)).await.unwrap();
    assert!(bench.front.log().is_empty());
    let _ = bench.tiers.set(&key("k"), "v".into(), SetOptions::new(Ttl::Never)).await.unwrap();
    assert_eq!(bench.front.calls(Op::DeleteIf), 0, "there was no copy");
}
