use std::task::{Context, Waker};

use cache_api::{Clock, Condition, Remaining};
use futures_util::FutureExt;

use super::*;

const HOUR: Duration = Duration::from_secs(3600);

/// Lets the background task run until this holds: it needs a few turns, and no time.
async fn until(holds: impl Fn() -> bool) {
    for _ in 0..100_000 {
        if holds() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("it never came to hold");
}

#[tokio::test]
async fn an_entry_is_missing_from_its_deadline_on_for_every_operation() {
    let (cache, clock) = with_clock();
    let k = key("k");
    let options = SetOptions::new(Ttl::Never);
    for check in 0..8 {
        put(&cache, &k, "1", SECOND).await;
        clock.advance(SECOND - Duration::from_nanos(1));
        assert_eq!(cache.get(&k).await.unwrap().unwrap(), "1");
        clock.advance(Duration::from_nanos(1));
        match check {
            0 => assert_eq!(cache.get(&k).await.unwrap(), None),
            1 => assert_eq!(cache.ttl(&k).await.unwrap(), Remaining::Missing),
            2 => assert!(!cache.delete(&k).await.unwrap()),
            3 => assert_eq!(cache.take(&k).await.unwrap(), None),
            4 => assert!(!cache.expire(&k, HOUR.into(), Condition::Always).await.unwrap()),
            5 => assert_eq!(cache.increment(&k, 5, HOUR.into()).await.unwrap(), 5),
            6 => {
                let present = options.when(Condition::Present);
                assert!(!cache.set(&k, "2".into(), present).await.unwrap().is_stored());
            }
            _ => {
                let absent = options.when(Condition::Absent);
                assert!(cache.set(&k, "2".into(), absent).await.unwrap().is_stored());
                assert_eq!(cache.ttl(&k).await.unwrap(), Remaining::Never);
            }
        }
    }
}

#[tokio::test]
async fn lifetimes_are_replaced_by_set_and_kept_by_increment() {
    let (cache, clock) = with_clock();
    let k = key("k");
    assert_eq!(cache.increment(&k, 1, (SECOND * 10).into()).await.unwrap(), 1);
    clock.advance(SECOND * 4);
    assert_eq!(cache.increment(&k, 1, HOUR.into()).await.unwrap(), 2);
    assert_eq!(cache.ttl(&k).await.unwrap(), Remaining::For(SECOND * 6));
    put(&cache, &k, "x", SECOND * 60).await;
    assert_eq!(cache.ttl(&k).await.unwrap(), Remaining::For(SECOND * 60));
    assert!(cache.expire(&k, Ttl::Never, Condition::Always).await.unwrap());
    clock.advance(Ttl::LONGEST);
    assert_eq!(cache.get(&k).await.unwrap().unwrap(), "x");
    put(&cache, &k, "y", Ttl::LONGEST).await;
    assert_eq!(cache.ttl(&k).await.unwrap(), Remaining::For(Ttl::LONGEST));
    put(&cache, &k, "z", Duration::ZERO).await;
    assert_eq!(cache.get(&k).await.unwrap(), None);
}

#[tokio::test]
async fn what_is_dead_is_given_back_without_being_asked_for() {
    let (cache, clock) = with_clock();
    for n in 0..1000 {
        put(&cache, &key(n), "dies", SECOND * (1 + n % 2 * 60)).await;
    }
    put(&cache, &key("lives"), "", Ttl::Never).await;
    tokio::task::yield_now().await;
    clock.advance(SECOND * 2);
    until(|| held(&cache) == 501).await;
    clock.advance(SECOND * 60);
    until(|| held(&cache) == 1).await;
    assert!(cache.get(&key("lives")).await.unwrap().is_some());
}

#[test]
fn without_a_runtime_writes_give_back_what_is_dead() {
    let (cache, clock) = with_clock();
    let write = |n: u32, ttl: Ttl| {
        let key = key(n);
        let mut set = cache.set(&key, "".into(), SetOptions::new(ttl));
        let mut context = Context::from_waker(Waker::noop());
        while set.as_mut().poll(&mut context).is_pending() {}
    };
    for n in 0..1000 {
        write(n, SECOND.into());
    }
    clock.advance(SECOND);
    for n in 1000..7000 {
        write(n, Ttl::Never);
    }
    assert_eq!(held(&cache), 6000);
}

#[tokio::test]
async fn a_sweep_given_up_half_way_is_made_up_for() {
    let (cache, clock) = with_clock();
    for n in 0..2000 {
        put(&cache, &key(n), "", SECOND).await;
    }
    clock.advance(SECOND);
    let sweep = cache.store().sweep();
    assert!(sweep.now_or_never().is_none(), "it yields");
    let left = held(&cache);
    assert!(0 < left && left < 2000, "{left}");
    cache.store().sweep().await;
    assert_eq!(held(&cache), 0);
}

#[tokio::test]
async fn the_task_ends_with_the_cache() {
    let clock: Arc<dyn Clock> = Arc::new(TestClock::new());
    let cache = MemoryCache::builder().clock(Arc::clone(&clock)).build();
    tokio::task::yield_now().await;
    assert!(Arc::strong_count(&clock) > 2);
    drop(cache);
    until(|| Arc::strong_count(&clock) == 1).await;
}
