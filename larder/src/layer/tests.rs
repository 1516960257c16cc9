//! Layers around each other: the right order, and what the wrong ones do.

use std::time::Duration;

use backend_memory::MemoryCache;
use cache_api::{Clock, Key, Namespace, Op, TestClock};
use integration_tests::faults::{Scripted, on};

use super::*;
use crate::Larder;

const DEADLINE: Duration = Duration::from_millis(100);

struct Bench {
    clock: TestClock,
    scripted: Scripted,
    key: Key,
    timeout: Timeout,
    retry: Retry,
    breaker: Breaker,
}

fn bench() -> Bench {
    let clock = TestClock::new();
    let shared = || Arc::new(clock.clone());
    Bench {
        scripted: Scripted::new(Arc::new(MemoryCache::new())),
        key: Namespace::new("n").unwrap().key("k").unwrap(),
        timeout: Timeout::new(DEADLINE).clock(shared()),
        retry: Retry::new().clock(shared()),
        breaker: Breaker::new().clock(shared()),
        clock,
    }
}

impl Bench {
    /// The store with these around it, the last one outermost.
    fn store(&self, layers: [&dyn Layer; 3]) -> Arc<dyn Cache> {
        let store: Arc<dyn Cache> = Arc::new(self.scripted.clone());
        layers.into_iter().fold(store, |inner, layer| layer.layer(inner))
    }

    /// Asks, and says how long it took and whether there was an answer.
    async fn get(&self, store: &Arc<dyn Cache>) -> (Duration, bool) {
        let begun = self.clock.now();
        let mut get = store.get(&self.key);
        let answer = loop {
            tokio::select! {
                biased;
                answer = &mut get => break answer,
                () = tokio::task::yield_now() => self.clock.advance(Duration::from_millis(1)),
            }
        };
        (self.clock.now() - begun, answer.is_ok())
    }
}

#[tokio::test]
async fn in_the_right_order_an_attempt_that_hangs_is_given_up_and_repeated() {
    let bench = bench();
    let gate = bench.scripted.hold(Op::Get);
    let store = bench.store([&bench.timeout, &bench.retry, &bench.breaker]);
    let (took, answered) = bench.get(&store).await;
    assert!(answered && took < DEADLINE * 2, "{took:?}");
    assert_eq!(bench.scripted.calls(Op::Get), 2);
    drop(gate);

    // The control: one deadline for all attempts.
    let bench = self::bench();
    let _gate = bench.scripted.hold(Op::Get);
    let store = bench.store([&bench.retry, &bench.timeout, &bench.breaker]);
    assert!(!bench.get(&store).await.1);
    assert_eq!(bench.scripted.calls(Op::Get), 1);
}

#[tokio::test]
async fn in_the_right_order_the_breaker_counts_calls() {
    let bench = bench();
    let store = bench.store([&bench.timeout, &bench.retry, &bench.breaker]);
    bench.scripted.lose_request(on(Op::Get).times(8));
    for _ in 0..2 {
        assert!(!bench.get(&store).await.1);
    }
    assert!(bench.get(&store).await.1, "at the third attempt");
    assert_eq!(bench.breaker.times_opened(), 0);
    bench.scripted.down();
    for _ in 0..5 {
        assert!(!bench.get(&store).await.1);
    }
    assert_eq!(bench.breaker.state(), BreakerState::Open);
    assert_eq!(bench.get(&store).await, (Duration::ZERO, false), "at once");

    // The control: it counts attempts, and while it is open everyone waits out his pauses.
    let bench = self::bench();
    let store = bench.store([&bench.timeout, &bench.breaker, &bench.retry]);
    bench.scripted.lose_request(on(Op::Get).times(8));
    for _ in 0..2 {
        assert!(!bench.get(&store).await.1);
    }
    assert_eq!(bench.breaker.state(), BreakerState::Open);
    let (took, answered) = bench.get(&store).await;
    assert!(!answered && took >= Duration::from_millis(15), "{took:?}");
}

#[tokio::test]
async fn in_the_right_order_a_store_that_hangs_opens_the_breaker() {
    let bench = bench();
    bench.scripted.freeze();
    let store = bench.store([&bench.timeout, &bench.retry, &bench.breaker]);
    for _ in 0..5 {
        assert!(!bench.get(&store).await.1);
    }
    assert_eq!(bench.breaker.state(), BreakerState::Open);

    // The control: calls that are dropped from outside are nobody's failure.
    let bench = self::bench();
    bench.scripted.freeze();
    let store = bench.store([&bench.retry, &bench.breaker, &bench.timeout]);
    for _ in 0..20 {
        assert!(!bench.get(&store).await.1);
    }
    assert_eq!(bench.breaker.state(), BreakerState::Closed);
}

#[tokio::test]
async fn the_last_one_added_is_outermost() {
    let store = MemoryCache::new();
    let (outer, inner) = (Prefix::new("outer").unwrap(), Prefix::new("inner").unwrap());
    let store: Arc<dyn Cache> = Arc::new(store);
    let larder = Larder::builder(Arc::clone(&store)).layer(inner).layer(outer).build();
    larder.namespace("n").unwrap().raw().set("k", "v").forever().await.unwrap();
    let key = Namespace::new("inner/outer/n").unwrap().key("k").unwrap();
    assert!(store.get(&key).await.unwrap().is_some());
}
