//! A store that fails or hangs costs a bounded moment, and never the answer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering::SeqCst},
    },
    time::Duration,
};

use crate::common::*;
use async_trait::async_trait;
use backend_memory::MemoryCache;
use bytes::Bytes;
use cache_api::{
    Cache, Capabilities, Condition, Error, Key, Namespace, Remaining, Result, SetItem, SetOptions,
    SetOutcome, TestClock, Ttl,
};
use futures_util::FutureExt;
use http::Response;
use larder::{
    Larder,
    envelope::{Kind, Stamp},
    stream::Begin,
};

/// A store in memory whose operations can be made to fail, or never to answer.
#[derive(Debug, Clone)]
struct Unreliable {
    store: Arc<MemoryCache>,
    mood: Arc<AtomicU8>,
}

const WELL: u8 = 0;
const FAILS: u8 = 1;
const HANGS: u8 = 2;
const REFUSES_WRITES: u8 = 3;
const WRITES_HANG: u8 = 4;
/// Someone else takes the key just before something is deleted there.
const OVERTAKES: u8 = 5;

impl Unreliable {
    fn new(mood: u8) -> Self {
        let store = Arc::new(MemoryCache::builder().build());
        Self { store, mood: Arc::new(AtomicU8::new(mood)) }
    }

    async fn pass(&self, write: bool) -> Result<()> {
        match self.mood.load(SeqCst) {
            FAILS => Err(broken()),
            HANGS => std::future::pending().await,
            REFUSES_WRITES if write => Err(read_only()),
            WRITES_HANG if write => std::future::pending().await,
            _ => Ok(()),
        }
    }
}

fn broken() -> Error {
    Error::Unavailable {
        backend: "unreliable",
        operation: "any",
        reason: "it was told to".into(),
        may_have_applied: false,
        source: None,
    }
}

fn read_only() -> Error {
    Error::WriteRefused {
        backend: "unreliable",
        operation: "any",
        reason: "it is read-only".into(),
        source: None,
    }
}

#[async_trait]
impl Cache for Unreliable {
    fn name(&self) -> &'static str {
        "unreliable"
    }
    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }
    async fn get(&self, key: &Key) -> Result<Option<Bytes>> {
        self.pass(false).await?;
        self.store.get(key).await
    }
    async fn set(&self, key: &Key, value: Bytes, options: SetOptions) -> Result<SetOutcome> {
        self.pass(true).await?;
        self.store.set(key, value, options).await
    }
    async fn delete_if(&self, key: &Key, condition: Condition) -> Result<bool> {
        self.pass(true).await?;
        if self.mood.load(SeqCst) == OVERTAKES {
            let lease = Bytes::copy_from_slice(&Stamp::new(Kind::Lease).to_bytes());
            let set = self.store.set(key, lease, SetOptions::new(HOUR)).await?;
            assert!(set.is_stored());
        }
        self.store.delete_if(key, condition).await
    }
    async fn take(&self, key: &Key) -> Result<Option<Bytes>> {
        self.pass(true).await?;
        self.store.take(key).await
    }
    async fn ttl(&self, key: &Key) -> Result<Remaining> {
        self.pass(false).await?;
        self.store.ttl(key).await
    }
    async fn expire(&self, key: &Key, ttl: Ttl, condition: Condition) -> Result<bool> {
        self.pass(true).await?;
        self.store.expire(key, ttl, condition).await
    }
    async fn increment(&self, key: &Key, by: i64, ttl: Ttl) -> Result<i64> {
        self.pass(true).await?;
        self.store.increment(key, by, ttl).await
    }
    async fn clear(&self, namespace: &Namespace) -> Result<()> {
        self.pass(true).await?;
        self.store.clear(namespace).await
    }
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>> {
        self.pass(false).await?;
        self.store.get_many(keys).await
    }
    async fn set_many(&self, items: Vec<SetItem>) -> Result<Vec<SetOutcome>> {
        self.pass(true).await?;
        self.store.set_many(items).await
    }
}

/// Fails the test instead of hanging it.
async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), work).await.expect("it hangs")
}

#[tokio::test]
async fn a_store_that_fails_costs_nothing() {
    for mood in [FAILS, REFUSES_WRITES] {
        let origin = Origin::numbered(&[]);
        let clock = TestClock::new();
        let larder = Larder::builder(Unreliable::new(mood)).clock(Arc::new(clock.clone())).build();
        let service = origin.behind(layer(&larder));
        for call in 1..=3 {
            // The clock stands still: nothing waits for a deadline.
            for headers in [&[][..], &[("cookie", "a")]] {
                let answer = soon(send(&service, request("GET", "/r", headers))).await;
                assert!(soon(text(answer)).await.unwrap().starts_with("answer "));
            }
            assert_eq!(origin.calls(), 2 * call);
        }
    }
}

#[tokio::test]
async fn a_store_that_hangs_costs_the_deadline_and_no_more() {
    for mood in [HANGS, WRITES_HANG] {
        let origin = Origin::numbered(&[]);
        let clock = TestClock::new();
        let larder = Larder::builder(Unreliable::new(mood)).clock(Arc::new(clock.clone())).build();
        let service = origin.behind(layer(&larder).lookup_deadline(Duration::from_millis(50)));
        let mut answer = Box::pin(send(&service, get("/r")));
        assert!((&mut answer).now_or_never().is_none());
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        clock.advance(Duration::from_millis(49));
        assert!((&mut answer).now_or_never().is_none(), "{mood}");
        assert_eq!(origin.calls(), 0);
        clock.advance(Duration::from_millis(1));
        assert_eq!(soon(text(soon(answer).await)).await.unwrap(), "answer 1");
    }
}

/// Whether an answer to a cookie is for others is known only when it is there, and the store is asked
/// once more: out of the same time.
#[tokio::test]
async fn a_store_that_hangs_costs_a_request_with_a_cookie_the_deadline_once() {
    let origin = Origin::numbered(&[("cache-control", "public, max-age=60")]);
    let clock = TestClock::new();
    let larder = Larder::builder(Unreliable::new(HANGS)).clock(Arc::new(clock.clone())).build();
    let service = origin.behind(layer(&larder).lookup_deadline(Duration::from_millis(50)));
    let mut answer = Box::pin(send(&service, request("GET", "/r", &[("cookie", "a")])));
    assert!((&mut answer).now_or_never().is_none());
    clock.advance(Duration::from_millis(50));
    let answer = soon(answer).await;
    assert_eq!(status_of(&answer), "larder; fwd=miss");
    assert_eq!(soon(text(answer)).await.unwrap(), "answer 1");
}

#[tokio::test]
async fn the_longest_of_deadlines_is_one() {
    let clock = TestClock::new();
    let larder = Larder::builder(Unreliable::new(WELL)).clock(Arc::new(clock.clone())).build();
    // Someone else asks the origin, and gets no answer.
    let others = larder.namespace("http").unwrap().streams::<()>();
    let claim = others.begin(KEY).await;
    assert!(matches!(claim, Begin::Claimed(_)));
    let origin = Origin::numbered(&[]);
    let service = origin.behind(layer(&larder).lookup_deadline(Duration::MAX));
    let answer = tokio::spawn(async move { fetch(&service, get("/r")).await });
    for _ in 0..12 {
        settle().await;
        clock.advance(Duration::from_millis(100));
    }
    assert_eq!(soon(answer).await.unwrap(), "answer 1");
}

#[tokio::test]
async fn who_removes_an_expired_answer_takes_nobodys_claim_away() {
    let store = Unreliable::new(WELL);
    let origin = Origin::numbered(&[("cache-control", "max-age=60")]);
    let service = origin.behind(layer(&Larder::new(store.clone())));
    fetch(&service, get("/r")).await;
    drop(hit(&service, "/r").await);

    let clock = TestClock::new();
    clock.advance(Duration::from_secs(500));
    let larder = Larder::builder(store.clone()).clock(Arc::new(clock.clone())).build();
    let service = origin.behind(layer(&larder));
    store.mood.store(OVERTAKES, SeqCst);
    let answer = tokio::spawn(async move { fetch(&service, get("/r")).await });
    for _ in 0..12 {
        settle().await;
        clock.advance(Duration::from_millis(100));
    }
    assert_eq!(soon(answer).await.unwrap(), "answer 2");
    let key = Namespace::new("http").unwrap().key(KEY).unwrap();
    let standing = store.store.get(&key).await.unwrap().expect("the claim of the other");
    assert!(Kind::Lease.begins(&standing));
}

#[tokio::test]
async fn a_store_that_breaks_while_a_body_is_recorded_costs_the_client_nothing() {
    for mood in [FAILS, HANGS] {
        let (hand, body) = by_hand();
        let body = std::sync::Mutex::new(Some(body));
        let origin = Origin::new(move |_, _| Response::new(body.lock().unwrap().take().unwrap()));
        let store = Unreliable::new(WELL);
        let larder = Larder::new(store.clone());
        let service = origin.behind(layer(&larder));
        let mut answer = soon(send(&service, get("/r"))).await;
        hand.data("one ");
        assert_eq!(soon(piece(&mut answer)).await.unwrap().unwrap(), "one ");
        store.mood.store(mood, SeqCst);
        for _ in 0..50 {
            hand.data("more ");
            assert_eq!(soon(piece(&mut answer)).await.unwrap().unwrap(), "more ");
        }
        drop(hand);
        assert_eq!(soon(text(answer)).await.unwrap(), "");
    }
}

#[tokio::test]
async fn damage_in_the_store_is_a_miss() {
    let store = Unreliable::new(WELL);
    let larder = Larder::new(store.clone());
    let origin = Origin::numbered(&[]);
    let service = origin.behind(layer(&larder));
    fetch(&service, get("/r")).await;
    drop(hit(&service, "/r").await);
    let key = Namespace::new("http").unwrap().key(KEY).unwrap();
    let stored = store.store.get(&key).await.unwrap().expect("it stands under this key");
    for at in (0..stored.len()).step_by(7) {
        let mut damaged = stored.to_vec();
        damaged[at] ^= 0x20;
        let options = SetOptions::new(HOUR);
        assert!(store.store.set(&key, damaged.into(), options).await.unwrap().is_stored());
        let before = origin.calls();
        let answer = soon(send(&service, get("/r"))).await;
        assert_eq!(text(answer).await.unwrap(), format!("answer {}", before + 1), "byte {at}");
    }
}
