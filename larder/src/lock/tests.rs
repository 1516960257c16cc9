use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use cache_api::{Op, Remaining};
use futures_util::FutureExt;
use integration_tests::faults::{Scripted, full, not_connected, on};

use super::*;
use crate::testing::{Bench, bench, dropped_after, soon, until};

const SECOND: Duration = Duration::from_secs(1);
const TTL: Duration = Duration::from_secs(9);

impl Bench {
    fn lock(&self) -> Lock {
        self.space().lock("job").ttl(TTL)
    }

    async fn held(&self) -> Guard {
        self.lock().try_acquire().await.unwrap().expect("nobody holds it")
    }

    async fn is_free(&self) -> bool {
        let key = self.space().reserved("lock").unwrap().key("job").unwrap();
        self.store.store().get(&key).await.unwrap().is_none()
    }

    async fn until_free(&self) {
        until("the lock is free", async || self.is_free().await).await;
    }
}

#[tokio::test]
async fn one_holds_it_at_a_time_and_it_is_no_entry() {
    let bench = bench();
    let jobs = bench.space().typed::<u8>();
    jobs.set("job", &7).forever().await.unwrap();
    let guard = bench.held().await;
    assert!(bench.lock().try_acquire().await.unwrap().is_none());
    assert!(bench.space().lock("other").try_acquire().await.unwrap().is_some());
    assert_eq!(jobs.get("job").await.unwrap(), Some(7));
    assert!(bench.keys().await.contains(&"n/.lock:job".to_owned()));
    guard.release().await;
    let guard = bench.held().await;
    drop(guard);
    bench.until_free().await;
    // What a guard releases is its own lock, and nobody else's.
    let guard = bench.held().await;
    bench.space().clear().await.unwrap();
    let other = bench.held().await;
    guard.release().await;
    assert!(!bench.is_free().await);
    drop(other);
}

#[tokio::test]
async fn a_release_wakes_who_waits_in_this_process_and_others_look_again() {
    let bench = bench();
    let guard = bench.held().await;
    let here = tokio::spawn(bench.lock().acquire());
    bench.store.called(Op::Set, 2).await;
    drop(guard);
    // The clock stands still: it was told.
    let guard = soon(here).await.unwrap().unwrap();

    let mut there = pin!(bench.elsewhere().lock("job").acquire());
    assert!((&mut there).now_or_never().is_none());
    tokio::spawn(guard.release()).await.unwrap();
    for _ in 0..100 {
        assert!((&mut there).now_or_never().is_none(), "nobody tells another process");
        tokio::task::yield_now().await;
    }
    drop(bench.passing(there).await.unwrap());
}

#[tokio::test]
async fn whoever_waits_in_vain_is_told_so_after_his_time() {
    let bench = bench();
    let _guard = bench.held().await;
    for wait in [Duration::ZERO, SECOND, 30 * SECOND] {
        let error = bench.passing(bench.lock().wait(wait).acquire()).await.unwrap_err();
        let LockError::Busy { waited } = error else { panic!("{error:?}") };
        assert!(waited >= wait && waited < wait + SECOND / 10, "{waited:?} of {wait:?}");
    }
    // The pauses grow: in thirty seconds it looked some hundred times.
    bench.store.clear_log();
    let _ = bench.passing(bench.lock().wait(30 * SECOND).acquire()).await;
    assert!((60..400).contains(&bench.store.calls(Op::Set)), "{}", bench.store.calls(Op::Set));
}

#[tokio::test]
async fn it_is_renewed_while_it_is_held_and_ends_with_a_holder_that_does_not() {
    let bench = bench();
    let guard = bench.held().await;
    assert_eq!(guard.valid_for(), TTL);
    bench.wait(100 * SECOND).await;
    assert!(guard.valid_for() >= TTL * 6 / 10, "{:?}", guard.valid_for());
    assert!(bench.lock().try_acquire().await.unwrap().is_none());
    drop(guard);
    bench.until_free().await;

    let lock = bench.lock().hold_at_most(20 * SECOND);
    let hanging = lock.try_acquire().await.unwrap().unwrap();
    bench.wait(19 * SECOND).await;
    assert!(!hanging.valid_for().is_zero());
    bench.wait(11 * SECOND).await;
    assert_eq!(hanging.valid_for(), Duration::ZERO);
    assert!(bench.is_free().await);
}

#[tokio::test]
async fn validity_counts_from_before_the_request() {
    let bench = bench();
    let answer = bench.store.hold_reply(Op::Set);
    let placing = tokio::spawn(bench.lock().try_acquire());
    answer.arrived().await;
    bench.wait(SECOND).await;
    answer.release();
    let guard = placing.await.unwrap().unwrap().unwrap();
    assert_eq!(guard.valid_for(), TTL - SECOND);

    // The first renewal leaves after a third, and its answer takes two seconds.
    let answer = bench.store.hold_reply(Op::Expire);
    bench.passing(answer.arrived()).await;
    let sent = guard.valid_for();
    bench.wait(2 * SECOND).await;
    assert!(guard.valid_for() <= sent - 2 * SECOND, "not yet known to be renewed");
    answer.release();
    until("it is renewed", async || guard.valid_for() > sent).await;
    let left = guard.valid_for();
    assert!(left <= TTL - 2 * SECOND, "{left:?}");
    // In the store it stands longer: the naive count, from the answer on, would be as long as that.
    let key = bench.space().reserved("lock").unwrap().key("job").unwrap();
    let Remaining::For(stands) = bench.store.store().ttl(&key).await.unwrap() else { panic!() };
    assert!(stands >= left);
}

/// Counts how often it is polled, and says when it is dropped.
struct Work(Arc<AtomicU32>, Arc<AtomicU32>);

impl Future for Work {
    type Output = ();

    fn poll(
        self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<()> {
        self.0.fetch_add(1, SeqCst);
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.1.fetch_add(1, SeqCst);
    }
}

#[tokio::test]
async fn work_is_cancelled_when_the_lock_is_lost() {
    for lose in [
        |store: &Scripted| store.down(),
        |store: &Scripted| store.fail(on(Op::Expire).always(), not_connected(Op::Expire)),
        |store: &Scripted| store.lose_request(on(Op::Expire).always()),
    ] {
        let bench = bench();
        let guard = bench.held().await;
        lose(&bench.store);
        let (polls, drops) = Default::default();
        let work = Work(Arc::clone(&polls), Arc::clone(&drops));
        assert_eq!(bench.passing(guard.run(work)).await, Err(LockLost));
        assert_eq!((drops.load(SeqCst), guard.valid_for()), (1, Duration::ZERO));
        // The lifetime was over, no later: from now on another one may hold it.
        assert!(bench.is_free().await);
        let last = polls.load(SeqCst);
        assert!(last > 100, "and no earlier: {last}");
    }
    // A renewal that is answered with `false` needs no such wait.
    let bench = bench();
    let guard = bench.held().await;
    let mut running = pin!(guard.run(std::future::pending::<()>()));
    assert!((&mut running).now_or_never().is_none());
    bench.space().clear().await.unwrap();
    let begun = cache_api::Clock::now(&bench.clock);
    assert_eq!(bench.passing(running).await, Err(LockLost));
    let took = cache_api::Clock::now(&bench.clock) - begun;
    assert!(took <= TTL / 3 + SECOND / 10, "{took:?}");
}

/// A process stands still for longer than the lifetime and goes on in the middle of its work.
#[tokio::test]
async fn who_was_paused_for_too_long_does_not_go_on() {
    let bench = bench();
    let guard = bench.held().await;
    let (polls, drops): (Arc<AtomicU32>, _) = Default::default();
    let mut running = pin!(guard.run(Work(Arc::clone(&polls), drops)));
    assert!((&mut running).now_or_never().is_none());
    bench.clock.advance(TTL);
    // Nothing else came to run, no timer fired, no renewal was answered.
    assert_eq!((&mut running).now_or_never(), Some(Err(LockLost)));
    assert_eq!(polls.load(SeqCst), 1);

    // Control: guarded by a race with the loss alone, the work goes on.
    let bench = self::bench();
    let guard = bench.held().await;
    let (polls, drops): (Arc<AtomicU32>, _) = Default::default();
    let mut naive = pin!(async {
        tokio::select! {
            biased;
            () = Work(Arc::clone(&polls), drops) => {}
            LockLost = guard.lost() => {}
        }
    });
    assert!((&mut naive).now_or_never().is_none());
    bench.clock.advance(TTL);
    let _ = (&mut naive).now_or_never();
    assert_eq!(polls.load(SeqCst), 2);
}

#[tokio::test]
async fn what_is_lost_is_lost_for_good() {
    let bench = bench();
    let guard = bench.held().await;
    // A renewal was applied in time, and its answer came when the holder had been told already.
    let answer = bench.store.hold_reply(Op::Expire);
    bench.passing(answer.arrived()).await;
    bench.passing(guard.lost()).await;
    answer.release();
    bench.store.called(Op::Expire, 1).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
        assert_eq!(guard.valid_for(), Duration::ZERO);
    }
    // Released, it is lost to whoever else looked after it.
    let guard = self::bench().held().await;
    let lost = guard.lost();
    guard.release().await;
    assert_eq!(lost.now_or_never(), Some(LockLost));
}

#[tokio::test]
async fn lost_answers_and_a_store_that_is_out_of_order() {
    let bench = bench();
    bench.store.lose_reply(Op::Set);
    let guard = bench.passing(bench.lock().try_acquire()).await.unwrap();
    guard.expect("it stands, and was found to").release().await;

    let late = bench.store.late(Op::Set);
    let error = bench.passing(bench.lock().acquire()).await.unwrap_err();
    assert!(matches!(&error, LockError::Store(error) if error.may_have_applied()), "{error:?}");
    late.land().await.unwrap();
    assert!(bench.lock().try_acquire().await.unwrap().is_none(), "it stands with no holder");
    bench.wait(TTL).await;
    drop(bench.held().await);
    bench.until_free().await;

    bench.store.fail(Op::Set, full(Op::Set));
    let error = bench.passing(bench.lock().acquire()).await.unwrap_err();
    assert!(matches!(&error, LockError::Store(error) if !error.may_have_applied()), "{error:?}");
    assert_eq!(bench.larder.stats().errors, 2);
}

#[tokio::test]
async fn whoever_is_cancelled_while_acquiring_leaves_no_lock() {
    let bench = bench();
    bench.store.hesitate();
    for is_taken in [false, true] {
        let mut polls = 0;
        loop {
            let holder = if is_taken { Some(bench.held().await) } else { None };
            let acquiring = bench.lock().acquire();
            if let Some(holder) = holder {
                tokio::spawn(async move {
                    tokio::task::yield_now().await;
                    holder.release().await;
                });
            }
            let done = dropped_after(polls, acquiring).await;
            let is_done = done.is_some();
            drop(done);
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            bench.until_free().await;
            if is_done {
                break;
            }
            polls += 1;
        }
        assert!(polls >= 3, "there are places to be dropped at: {polls}");
    }
}
