use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::{Duration, UNIX_EPOCH},
};

use cache_api::Op;
use futures_util::future::join_all;
use integration_tests::faults::{Scripted, on};
use proptest::prelude::*;

use super::*;
use crate::{
    Larder, Raw,
    testing::{Bench, bench},
};

const SECOND: Duration = Duration::from_secs(1);
const MILLI: Duration = Duration::from_millis(1);

/// At the beginning of a stretch of the wall clock.
fn aligned() -> Bench {
    let bench = bench();
    bench.clock.set_wall(UNIX_EPOCH + 1_764_000_000 * SECOND);
    bench
}

async fn allowed(limit: &RateLimit, times: u32) -> u32 {
    let mut allowed = 0;
    for _ in 0..times {
        allowed += u32::from(limit.check("k").await.unwrap().allowed);
    }
    allowed
}

#[tokio::test]
async fn a_fixed_window_begins_with_the_first_request_and_ends_with_its_time() {
    let bench = bench();
    let limit = bench.space().rate_limit(3, SECOND);
    for remaining in [2, 1, 0] {
        let decision = limit.check("k").await.unwrap();
        assert_eq!(decision, Decision::allowed(remaining));
        bench.clock.advance(200 * MILLI);
    }
    assert_eq!(limit.check("k").await.unwrap(), Decision::refused(0, 400 * MILLI));
    assert!(limit.check("other").await.unwrap().allowed);
    // Who hammers does not make it longer.
    bench.clock.advance(399 * MILLI);
    assert_eq!(allowed(&limit, 100).await, 0);
    assert_eq!(limit.check("k").await.unwrap().retry_after, MILLI);
    bench.clock.advance(MILLI);
    assert_eq!(allowed(&limit, 100).await, 3);
}

#[tokio::test]
async fn what_it_costs() {
    let bench = aligned();
    let limit = bench.space().rate_limit(1, SECOND);
    let calls = async |limit: &RateLimit| {
        bench.store.clear_log();
        let allowed = limit.check("k").await.unwrap().allowed;
        let mut calls: Vec<_> = bench.store.log().into_iter().map(|(op, _)| op).collect();
        calls.sort();
        (allowed, calls)
    };
    assert_eq!(calls(&limit).await, (true, vec![Op::Increment]));
    assert_eq!(calls(&limit).await, (false, vec![Op::Ttl, Op::Increment]));
    let limit = limit.sliding();
    assert_eq!(calls(&limit).await, (true, vec![Op::Get, Op::Increment]));
    assert_eq!(calls(&limit).await, (false, vec![Op::Get, Op::Increment, Op::Increment]));
    assert!(bench.keys().await.iter().all(|key| key.starts_with("n/.rate:")));
    // Nothing of it stays.
    bench.clock.advance(3 * SECOND);
    bench.until_empty().await;
}

#[tokio::test]
async fn several_at_once_are_all_or_none_and_what_is_refused_takes_nothing_away() {
    let bench = aligned();
    for limit in
        [bench.space().rate_limit(10, SECOND), bench.space().rate_limit(10, SECOND).sliding()]
    {
        assert_eq!(limit.check_n("k", 6).await.unwrap(), Decision::allowed(4));
        for _ in 0..10 {
            let refused = limit.check_n("k", 5).await.unwrap();
            assert!(!refused.allowed && refused.remaining == 4, "{refused:?}");
        }
        assert!(!limit.check_n("k", 11).await.unwrap().allowed, "it never will be");
        assert!(!limit.check_n("k", u32::MAX).await.unwrap().allowed);
        assert_eq!(limit.check_n("k", 4).await.unwrap(), Decision::allowed(0));
    }
    let nothing = bench.space().rate_limit(0, SECOND);
    assert!(!nothing.check("none").await.unwrap().allowed);
}

#[tokio::test]
async fn limits_of_different_times_are_counted_apart() {
    let bench = aligned();
    let (space, minute) = (bench.space(), 60 * SECOND);
    let limits = [
        space.rate_limit(1, SECOND),
        space.rate_limit(1, minute),
        space.rate_limit(1, SECOND).sliding(),
        space.rate_limit(1, minute).sliding(),
        space.child("child").unwrap().rate_limit(1, SECOND),
    ];
    for limit in &limits {
        assert!(limit.check("k").await.unwrap().allowed);
    }
    for limit in &limits {
        assert!(!limit.check("k").await.unwrap().allowed);
    }
    // A limit that is raised goes on from where it is.
    assert_eq!(space.rate_limit(4, SECOND).check("k").await.unwrap().remaining, 1);
}

#[tokio::test]
async fn a_sliding_window_has_no_burst_where_two_fixed_ones_meet() {
    let bench = aligned();
    let sliding = bench.space().rate_limit(10, SECOND).sliding();
    bench.clock.advance(999 * MILLI);
    assert_eq!(allowed(&sliding, 20).await, 10);
    bench.clock.advance(MILLI);
    assert_eq!(allowed(&sliding, 20).await, 0, "as if all ten still counted");
    bench.clock.advance(500 * MILLI);
    assert_eq!(allowed(&sliding, 20).await, 5, "half of them still do");
    // The control: a fixed window that ends at the same moment.
    let fixed = bench.space().rate_limit(10, SECOND);
    assert_eq!(allowed(&fixed, 1).await, 1);
    bench.clock.advance(999 * MILLI);
    assert_eq!(allowed(&fixed, 20).await, 9);
    bench.clock.advance(MILLI);
    assert_eq!(allowed(&fixed, 20).await, 10, "within two milliseconds");
}

/// As a sliding window would be that keeps what it refuses.
async fn naive(counts: &Raw, now_ms: u64, limit: i64) -> bool {
    let index = now_ms / 1000;
    let previous = counts.increment(index - 1, 0, 3 * SECOND).await.unwrap();
    let current = counts.increment(index, 1, 3 * SECOND).await.unwrap();
    let left = 1000 - (now_ms % 1000) as i64;
    previous * left + current * 1000 <= limit * 1000
}

#[tokio::test]
async fn who_hammers_is_allowed_as_much_as_who_does_not() {
    let bench = aligned();
    let limit = bench.space().rate_limit(10, SECOND).sliding();
    let counts = bench.space().raw();
    let (mut all, mut control) = (0, 0);
    for _ in 0..1000 {
        all += allowed(&limit, 1).await;
        control += u32::from(naive(&counts, bench.larder.now_ms(), 10).await);
        bench.clock.advance(10 * MILLI);
    }
    assert!((90..=101).contains(&all), "nine or ten a second for ten seconds: {all}");
    assert!(control <= 20, "the first window, and never again: {control}");
}

/// What was allowed, and when: the exact answer.
#[derive(Default)]
struct Log(Vec<(u64, u64)>);

impl Log {
    fn between(&self, from: u64, to: u64) -> u64 {
        self.0.iter().filter(|(at, _)| (from..to).contains(at)).map(|(_, n)| n).sum()
    }
}

const PER: u64 = 1000;

/// One check, which may err by no more than the approximation does.
async fn checked(bench: &Bench, limit: &RateLimit, log: &mut Log, most: u64, n: u64) -> Decision {
    let decision = limit.check_n("k", n as u32).await.unwrap();
    let now = bench.larder.now_ms();
    let (stretch, passed) = (now - now % PER, now % PER);
    let previous = log.between(stretch - PER, stretch);
    let exact = log.between(now + 1 - PER, now + 1);
    if decision.allowed {
        let too_many = previous * passed;
        assert!((exact + n) * PER <= most * PER + too_many, "{exact} + {n} of {most}");
        assert!(log.between(stretch, now + 1) + n <= most, "within one stretch");
        log.0.push((now, n));
    } else {
        let too_few = previous * (PER - passed);
        assert!((exact + n) * PER + too_few > most * PER, "{exact} + {n} of {most}");
    }
    decision
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_sliding_window_errs_no_more_than_by_what_it_takes_to_be_even(
        most in 1_u64..20,
        steps in prop::collection::vec((0_u64..400, 1_u64..4), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let bench = aligned();
            let limit = bench.space().rate_limit(most as u32, PER as u32 * MILLI).sliding();
            let mut log = Log::default();
            for (pause, n) in steps {
                bench.clock.advance(pause as u32 * MILLI);
                let n = n.min(most);
                let decision = checked(&bench, &limit, &mut log, most, n).await;
                if !decision.allowed {
                    // Worth asking again then, and not a moment before.
                    bench.clock.advance(decision.retry_after - MILLI);
                    assert!(!checked(&bench, &limit, &mut log, most, n).await.allowed);
                    bench.clock.advance(MILLI);
                    assert!(checked(&bench, &limit, &mut log, most, n).await.allowed);
                }
            }
        });
    }
}

#[tokio::test]
async fn a_wall_clock_that_jumps_makes_no_error() {
    let bench = aligned();
    let limit = bench.space().rate_limit(5, SECOND).sliding();
    assert_eq!(allowed(&limit, 10).await, 5);
    for wall in [0, 1, 1_763_999_999, 1_764_003_600, 4_000_000_000] {
        bench.clock.set_wall(UNIX_EPOCH + wall * SECOND);
        assert!(allowed(&limit, 10).await <= 5);
    }
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_for_the_application_to_judge() {
    let bench = aligned();
    let space = bench.space();
    let limits = [space.rate_limit(1, SECOND), space.rate_limit(1, SECOND).sliding()];
    for limit in &limits {
        bench.store.down();
        assert!(limit.check("k").await.is_err());
        assert!(limit.check("k").await.map_or(true, |decision| decision.allowed), "fail open");
        bench.store.up();
        let lose: [fn(&Scripted); 2] =
            [|store| store.lose_request(Op::Increment), |store| store.lose_reply(Op::Increment)];
        for lose in lose {
            lose(&bench.store);
            assert!(limit.check("k").await.is_err());
        }
        // The second one counted, and nothing is counted twice.
        assert!(!limit.check("k").await.unwrap().allowed);
        bench.clock.advance(2 * SECOND);
        assert!(limit.check("k").await.unwrap().allowed);
    }
    // What could not be given back counts.
    bench.store.forget();
    let limit = space.rate_limit(1, 60 * SECOND).sliding();
    assert!(limit.check("g").await.unwrap().allowed);
    let refused = on(Op::Increment).times(2);
    let gate = bench.store.hold(refused);
    let check = tokio::spawn(limit.check("g"));
    gate.arrived().await;
    bench.store.fail(Op::Increment, integration_tests::faults::not_connected(Op::Increment));
    gate.release();
    assert!(!check.await.unwrap().unwrap().allowed);
    assert!(bench.larder.stats().errors >= 6);
}

/// How many of 64 tasks with ten requests each are allowed, of a hundred.
async fn admitted<F>(check: impl Fn() -> F) -> u32
where
    F: Future<Output = bool> + Send + 'static,
{
    let admitted = Arc::<AtomicU32>::default();
    let tasks = (0..640).map(|_| {
        let (check, admitted) = (check(), Arc::clone(&admitted));
        tokio::spawn(async move {
            tokio::task::yield_now().await;
            admitted.fetch_add(u32::from(check.await), SeqCst);
        })
    });
    join_all(tasks).await.into_iter().for_each(|task| task.unwrap());
    admitted.load(SeqCst)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_more_than_the_limit_are_admitted_at_once() {
    let larder = Larder::new(backend_memory::MemoryCache::builder().build());
    let space = larder.namespace("n").unwrap();
    for round in 0..20 {
        let limit = space.rate_limit(100, 3600 * SECOND);
        let check = async |decision: cache_api::Result<Decision>| decision.unwrap().allowed;
        let fixed = admitted(|| {
            let decision = limit.check(round);
            async move { check(decision.await).await }
        });
        assert_eq!(fixed.await, 100);
        let limit = space.rate_limit(100, 3600 * SECOND).sliding();
        let sliding = admitted(|| {
            let decision = limit.check(round);
            async move { decision.await.unwrap().allowed }
        });
        let sliding = sliding.await;
        assert!((90..=100).contains(&sliding), "{sliding}");
    }
    // The control: look, and count then.
    let counts = space.raw();
    let naive = admitted(|| {
        let counts = counts.clone();
        async move {
            let counted = counts.get("naive").await.unwrap();
            let counted = counted.map_or(0, |text| String::from_utf8_lossy(&text).parse().unwrap());
            tokio::task::yield_now().await;
            if counted < 100 {
                let counted = (counted + 1).to_string();
                counts.set("naive", counted).forever().await.unwrap();
            }
            counted < 100
        }
    });
    assert!(naive.await > 100);
}
