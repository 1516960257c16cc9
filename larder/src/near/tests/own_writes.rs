//! What this process writes. Reports are held throughout: it does not depend on them.

use cache_api::{Cache as _, Op};
use integration_tests::faults::{full, on};

use super::*;
use crate::Set;

/// A copy of 1, and reports that do not come.
async fn bench() -> Bench {
    let bench = Bench::new().await;
    bench.put("k", 1).await;
    bench.copied("k", 1).await;
    bench.store.reports().hold();
    bench
}

fn set(bench: &Bench, value: u64) -> Set<u64, crate::codec::MessagePack> {
    bench.near.set("k", &value)
}

#[tokio::test]
async fn a_write_that_was_acknowledged_is_seen_at_once() {
    let bench = bench().await;
    set(&bench, 2).await.unwrap();
    assert_eq!(bench.get("k").await, (Some(2), Origin::Store), "what was written is not kept");
    assert_eq!(bench.get("k").await, (Some(2), Origin::Near));

    // The control: the other server's write, of which nobody tells.
    bench.other.set("k", &3).await.unwrap();
    assert_eq!(bench.get("k").await, (Some(2), Origin::Near));
}

#[tokio::test]
async fn whatever_writes_drops_the_copy() {
    let bench = bench().await;
    let (near, typed) = (&bench.near, bench.near.typed());
    for what in 0..11 {
        bench.copied("k", 1).await;
        match what {
            0 => assert!(near.delete("k").await.unwrap()),
            1 => assert!(near.invalidate("k").await.is_applied()),
            2 => assert!(near.invalidate_all().await.is_applied()),
            3 => assert!(near.expire("k", HOUR).await.unwrap()),
            4 => typed.delete_many(["other", "k"]).await.unwrap(),
            5 => typed.set_many([("other", &5), ("k", &5)]).await.unwrap(),
            6 => assert_eq!(typed.take("k").await.unwrap(), Some(1)),
            7 => drop(typed.space().raw().delete("k").await.unwrap()),
            8 => assert!(typed.space().raw().expire("k", HOUR).await.unwrap()),
            9 => drop(typed.space().raw().increment("k", 1, HOUR).await.unwrap_err()),
            _ => typed.space().clear().await.unwrap(),
        }
        assert_eq!(bench.get("k").await.1, Origin::Store, "{what}");
        // As it was, for the next.
        bench.other.set("k", &1).await.unwrap();
        bench.tier().kill(&bench.key("k"));
    }
}

#[tokio::test]
async fn so_does_one_that_was_refused_or_failed_or_whose_answer_is_lost() {
    let bench = bench().await;
    for what in 0..4 {
        bench.copied("k", 1).await;
        match what {
            0 => assert!(!set(&bench, 2).if_absent().await.unwrap()),
            1 => {
                bench.store.fail(Op::Set, full(Op::Set));
                set(&bench, 2).await.unwrap_err();
            }
            2 => {
                bench.store.lose_request(Op::Set);
                set(&bench, 2).await.unwrap_err();
            }
            _ => {
                bench.store.lose_reply(Op::Set);
                set(&bench, 2).await.unwrap_err();
                assert_eq!(bench.get("k").await, (Some(2), Origin::Store));
                return;
            }
        }
        assert_eq!(bench.get("k").await, (Some(1), Origin::Store), "{what}");
    }
}

/// It may be applied, and nobody waits for the answer.
#[tokio::test]
async fn so_does_one_whose_caller_gives_up() {
    let bench = bench().await;
    let gate = bench.store.hold_reply(Op::Set);
    let write = tokio::spawn(set(&bench, 2).into_future());
    gate.arrived().await;
    assert_eq!(bench.get("k").await, (Some(1), Origin::Near), "it is not acknowledged");
    write.abort();
    assert!(write.await.is_err());
    assert_eq!(bench.get("k").await, (Some(2), Origin::Store));
}

#[tokio::test]
async fn what_is_read_while_a_write_is_under_way_is_not_kept_after_it() {
    let bench = bench().await;
    bench.tier().kill(&bench.key("k"));
    let writing = bench.store.hold(Op::Set);
    let write = tokio::spawn(set(&bench, 2).into_future());
    writing.arrived().await;
    // One that ended before, and one that is still under way when the write returns.
    bench.copied("k", 1).await;
    let reading = bench.store.hold_reply(on(Op::Get).key(|key| key.user() == b"k"));
    let read = tokio::spawn(bench.near.get("k").fresh());
    reading.arrived().await;
    writing.release();
    write.await.unwrap().unwrap();
    reading.release();
    read.await.unwrap().unwrap();
    assert_eq!(bench.get("k").await, (Some(2), Origin::Store));

    // The control: dropped before it is sent, and not when it was answered.
    bench.copied("k", 2).await;
    bench.tier().kill(&bench.key("k"));
    bench.copied("k", 2).await;
    bench.store.store().delete(&bench.key("k")).await.unwrap();
    assert_eq!(bench.get("k").await, (Some(2), Origin::Near));
}

#[tokio::test]
async fn what_was_loaded_is_not_kept_before_it_is_read() {
    let bench = bench().await;
    let load = async || Ok::<u64, std::convert::Infallible>(7);
    let loaded = bench.near.get_or_load("new", load).answer().await.unwrap();
    assert_eq!((*loaded.value, loaded.origin), (7, Origin::Loaded));
    assert_eq!(bench.get("new").await, (Some(7), Origin::Store));
    assert_eq!(bench.get("new").await, (Some(7), Origin::Near));
}
