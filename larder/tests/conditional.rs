//! Conditional writes of typed values: raced, and with answers that get lost.

#![cfg(feature = "memory")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use futures_util::FutureExt as _;
use larder::{
    Bytes, Cache, Capabilities, Condition, Error, Key, Larder, MemoryCache, Namespace, Remaining,
    Result, SetItem, SetOptions, SetOutcome, Ttl, Typed,
    cache_api::{Scan, Watch},
    envelope::{Kind, Stamp},
};

const MINUTE: Duration = Duration::from_secs(60);

async fn winners(racers: usize, jobs: &Typed<usize>, planted: Option<Bytes>) -> Result<usize> {
    if let Some(planted) = planted {
        jobs.space().raw().set("job", planted).forever().await?;
    } else {
        jobs.delete("job").await?;
    }
    let tasks: Vec<_> = (0..racers)
        .map(|racer| tokio::spawn(jobs.set("job", &racer).ttl(MINUTE).if_absent().into_future()))
        .collect();
    let mut winner = None;
    let mut winners = 0;
    for (racer, task) in tasks.into_iter().enumerate() {
        if task.await.expect("nothing panics")? {
            winners += 1;
            winner = Some(racer);
        }
    }
    assert_eq!(jobs.get("job").await?, winner);
    Ok(winners)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn if_absent_has_one_winner_whatever_stood_there() {
    let larder = Larder::new(MemoryCache::builder().build());
    let jobs = larder.namespace("jobs").unwrap().typed::<usize>();
    let lease = Stamp::new(Kind::Lease).to_bytes();
    let dead = [&Stamp::new(Kind::Value).to_bytes()[..], b"cut short"].concat();
    for _ in 0..200 {
        assert_eq!(winners(8, &jobs, None).await.unwrap(), 1);
        assert_eq!(winners(8, &jobs, Some(Bytes::copy_from_slice(&lease))).await.unwrap(), 1);
        assert_eq!(winners(8, &jobs, Some(dead.clone().into())).await.unwrap(), 1);
        assert_eq!(winners(8, &jobs, Some(Bytes::from_static(b"foreign"))).await.unwrap(), 1);
    }
    // The control: to look first and then write has several.
    let naive = async |racer: usize| {
        if jobs.get("naive").await.unwrap().is_some() {
            return false;
        }
        tokio::task::yield_now().await;
        jobs.set("naive", &racer).ttl(MINUTE).await.unwrap()
    };
    let (a, b, c) = tokio::join!(naive(1), naive(2), naive(3));
    assert!([a, b, c].into_iter().filter(|&won| won).count() > 1);
}

/// A store that takes its time, and whose answers to `set` get lost: so many times after it was applied,
/// or before.
#[derive(Debug)]
struct Lossy {
    inner: MemoryCache,
    losses: AtomicU32,
    applies: bool,
    sets: AtomicU32,
}

impl Lossy {
    fn new(losses: u32, applies: bool) -> Arc<Self> {
        let inner = MemoryCache::builder().build();
        Arc::new(Self { inner, losses: losses.into(), applies, sets: 0.into() })
    }
}

#[larder::async_trait]
impl Cache for Lossy {
    fn name(&self) -> &'static str {
        "lossy"
    }
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
    async fn get(&self, key: &Key) -> Result<Option<Bytes>> {
        tokio::task::yield_now().await;
        let found = self.inner.get(key).await;
        tokio::task::yield_now().await;
        found
    }
    async fn set(&self, key: &Key, value: Bytes, options: SetOptions) -> Result<SetOutcome> {
        self.sets.fetch_add(1, SeqCst);
        let lost = self.losses.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok();
        tokio::task::yield_now().await;
        if !lost {
            let outcome = self.inner.set(key, value, options).await;
            tokio::task::yield_now().await;
            return outcome;
        }
        if self.applies {
            let _ = self.inner.set(key, value, options).await?;
        }
        Err(Error::Timeout {
            backend: "lossy",
            operation: "set",
            after: Duration::from_millis(1),
            may_have_applied: true,
        })
    }
    async fn delete_if(&self, key: &Key, condition: Condition) -> Result<bool> {
        self.inner.delete_if(key, condition).await
    }
    async fn take(&self, key: &Key) -> Result<Option<Bytes>> {
        self.inner.take(key).await
    }
    async fn ttl(&self, key: &Key) -> Result<Remaining> {
        self.inner.ttl(key).await
    }
    async fn expire(&self, key: &Key, ttl: Ttl, condition: Condition) -> Result<bool> {
        self.inner.expire(key, ttl, condition).await
    }
    async fn increment(&self, key: &Key, by: i64, ttl: Ttl) -> Result<i64> {
        self.inner.increment(key, by, ttl).await
    }
    async fn clear(&self, namespace: &Namespace) -> Result<()> {
        self.inner.clear(namespace).await
    }
    async fn set_many(&self, items: Vec<SetItem>) -> Result<Vec<SetOutcome>> {
        self.inner.set_many(items).await
    }
    fn scan(&self) -> Option<&dyn Scan> {
        self.inner.scan()
    }
    fn watch(&self) -> Option<&dyn Watch> {
        self.inner.watch()
    }
}

#[tokio::test]
async fn a_lost_answer_is_found_out() {
    let store = Lossy::new(1, true);
    let larder = Larder::new(Arc::clone(&store));
    let jobs = larder.namespace("jobs").unwrap().typed::<u8>();
    assert!(jobs.set("k", &1).ttl(MINUTE).if_absent().await.unwrap());
    assert!(!jobs.set("k", &2).ttl(MINUTE).if_absent().await.unwrap());
    store.losses.store(1, SeqCst);
    assert!(jobs.set("k", &3).ttl(MINUTE).if_present().await.unwrap());
    assert_eq!(jobs.get("k").await.unwrap(), Some(3));
}

/// Over nothing, or over any value, it may land later: sent again it could land behind what follows.
#[tokio::test]
async fn a_lost_request_is_not_repeated_and_says_that_it_may_stand() {
    let store = Lossy::new(1, false);
    let larder = Larder::new(Arc::clone(&store));
    let jobs = larder.namespace("jobs").unwrap().typed::<u8>();
    for present in [false, true] {
        store.losses.store(1, SeqCst);
        let before = store.sets.load(SeqCst);
        let set = jobs.set("k", &1).ttl(MINUTE);
        let error = if present { set.if_present() } else { set.if_absent() }.await.unwrap_err();
        assert!(error.may_have_applied(), "{error}");
        assert_eq!(store.sets.load(SeqCst) - before, 1);
        jobs.set("k", &0).ttl(MINUTE).await.unwrap();
    }
}

/// The control: to repeat a conditional write blindly takes its own value for another's.
#[tokio::test]
async fn a_blind_repetition_is_refused_by_itself() {
    let store = Lossy::new(1, true);
    let key = Namespace::new("jobs").unwrap().key("k").unwrap();
    let options = SetOptions::new(MINUTE).when(Condition::Absent);
    assert!(store.set(&key, "mine".into(), options).await.is_err());
    let again = store.set(&key, "mine".into(), options).await.unwrap();
    assert!(!again.is_stored());
}

#[tokio::test]
async fn a_plain_set_is_not_repeated_and_says_that_it_may_stand() {
    let store = Lossy::new(1, true);
    let larder = Larder::new(Arc::clone(&store));
    let jobs = larder.namespace("jobs").unwrap().typed::<u8>();
    let error = jobs.set("k", &1).ttl(MINUTE).await.unwrap_err();
    assert!(error.may_have_applied());
    assert_eq!(store.sets.load(SeqCst), 1);
    assert_eq!(larder.stats().errors, 1);
}

#[tokio::test(start_paused = true)]
async fn an_if_present_that_stays_unknown_leaves_the_old_value() {
    let store = Lossy::new(0, false);
    let larder = Larder::new(Arc::clone(&store));
    let jobs = larder.namespace("jobs").unwrap().typed::<u8>();
    jobs.set("k", &1).ttl(MINUTE).await.unwrap();
    store.losses.store(u32::MAX, SeqCst);
    let error = jobs.set("k", &2).ttl(MINUTE).if_present().await.unwrap_err();
    assert!(error.may_have_applied());
    assert_eq!(jobs.get("k").await.unwrap(), Some(1));
}

#[tokio::test]
async fn a_write_that_is_dropped_at_any_await_happens_whole_or_not_at_all() {
    let larder = Larder::new(Lossy::new(0, false));
    let jobs = larder.namespace("jobs").unwrap().typed::<u8>();
    let lease = Stamp::new(Kind::Lease).to_bytes();
    let mut outcomes = Vec::new();
    for polls in 0..20 {
        let planted = Bytes::copy_from_slice(&lease);
        jobs.space().raw().set("k", planted).forever().await.unwrap();
        let mut dropped = jobs.set("k", &1).ttl(MINUTE).if_absent().into_future();
        let done = (0..polls).any(|_| (&mut dropped).now_or_never().is_some());
        drop(dropped);
        let second = jobs.set("k", &2).ttl(MINUTE).if_absent().await.unwrap();
        assert!(!(done && second), "polled {polls} times");
        assert_eq!(jobs.get("k").await.unwrap(), Some(if second { 2 } else { 1 }));
        outcomes.push((done, second));
    }
    // It was dropped before the write, between the write and its answer, and not at all.
    for outcome in [(false, true), (false, false), (true, false)] {
        assert!(outcomes.contains(&outcome), "{outcomes:?}");
    }
}
