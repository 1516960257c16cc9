//! Loading, over a store that does as it is told and a clock that a test moves. Each trace in which a rule
//! keeps a promise is played again without the rule, and must break it.

mod batch;
pub(crate) mod bench;
mod cancel;
mod dead;
mod elsewhere;
mod extremes;
mod failures;
mod invalidations;
mod joining;
mod model;
mod negative;
mod outcomes;
mod refresh;
mod tags;
mod trouble;

use std::time::Duration;

use bench::{Bench, MINUTE};

use crate::Origin;

#[tokio::test]
async fn a_miss_is_loaded_once_and_then_a_hit() {
    let bench = Bench::new();
    let server = bench.server();
    let first = server.load("k").await.unwrap().unwrap();
    assert_eq!((first.value, first.origin), (1, Origin::Loaded));
    bench.source.set(2);
    let second = server.load("k").await.unwrap().unwrap();
    assert_eq!((second.value, second.origin), (1, Origin::Store));
    assert!(server.is_idle());
    bench.clock.advance(MINUTE + Duration::from_millis(1));
    assert_eq!(server.value("k").await, 2);
}

#[tokio::test]
async fn a_thousand_callers_share_one_load() {
    let bench = Bench::new();
    let server = bench.server();
    bench.source.hold();
    let callers: Vec<_> = (0..1000).map(|_| server.load("k")).collect();
    bench.source.asked(1).await;
    bench.source.set(2);
    bench.source.release();
    for caller in callers {
        assert_eq!(caller.await.unwrap().unwrap().value, 1);
    }
    assert_eq!(bench.source.loads(), 1);
    assert!(server.is_idle());
}
