//! Servers over one store that does as it is told, a source that does too, and a clock that stands still.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use backend_memory::MemoryCache;
use bytes::Bytes;
use cache_api::{Key, TestClock};
use futures_util::future::BoxFuture;
use integration_tests::{faults::Scripted, steps};
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    Answer, Larder, LarderBuilder, LoadError, Origin, Typed,
    envelope::{Kind, Stamp},
    switches::Rule,
    testing::soon,
};

pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) struct Bench {
    pub(crate) clock: TestClock,
    pub(crate) store: Scripted,
    pub(crate) source: Source,
    /// The rule that its servers do without.
    without: Option<Rule>,
}

/// A process: a [`Larder`] of its own over the store of all.
pub(crate) struct Server {
    pub(crate) larder: Larder,
    pub(crate) values: Typed<u64>,
    pub(crate) source: Source,
}

/// What a call came to.
pub(crate) type Called = Result<Answer<u64>, LoadError<Broken>>;

impl Bench {
    pub(crate) fn new() -> Self {
        let clock = TestClock::new();
        let memory = MemoryCache::builder().clock(Arc::new(clock.clone())).build();
        let store = Scripted::new(Arc::new(memory));
        Self { clock, store, source: Source::default(), without: None }
    }

    pub(crate) fn without(rule: Rule) -> Self {
        Self { without: Some(rule), ..Self::new() }
    }

    pub(crate) fn server(&self) -> Server {
        self.server_with(|builder| builder)
    }

    pub(crate) fn server_with(&self, with: impl FnOnce(LarderBuilder) -> LarderBuilder) -> Server {
        let builder = Larder::builder(self.store.clone()).clock(Arc::new(self.clock.clone()));
        let builder = self.without.iter().fold(builder, |builder, rule| builder.without(*rule));
        let mut larder = with(builder).build();
        // The memory store is, here.
        Arc::get_mut(&mut larder.inner).expect("nobody else has it yet").shared = true;
        let values = larder.namespace("values").unwrap().typed().default_ttl(MINUTE);
        Server { larder, values, source: self.source.clone() }
    }

    /// Lets time pass until this is done.
    pub(crate) async fn passing<T>(&self, future: impl Future<Output = T>) -> T {
        steps::passing(&self.clock, future).await
    }

    /// Lets so much time pass, a little at a time.
    pub(crate) async fn wait(&self, time: Duration) {
        self.passing(cache_api::Clock::sleep(&self.clock, time)).await;
    }

    /// What stands at a key, past all faults.
    pub(crate) async fn bytes(&self, key: &str) -> Option<Bytes> {
        self.store.store().get(&key_of(key)).await.unwrap()
    }

    pub(crate) async fn standing(&self, key: &str) -> Option<Kind> {
        Stamp::parse(&self.bytes(key).await?).map(|stamp| stamp.kind)
    }

    /// Somebody else removes it, or the store does.
    pub(crate) async fn evict(&self, key: &str) {
        assert!(self.store.store().delete(&key_of(key)).await.unwrap(), "something stood there");
    }
}

pub(crate) fn key_of(key: &str) -> Key {
    cache_api::Namespace::new("values").unwrap().key(key).unwrap()
}

impl Server {
    /// A call, in a task of its own. It fails, instead of hanging.
    pub(crate) fn load(&self, key: &'static str) -> JoinHandle<Called> {
        let call = self.values.get_or_load(key, self.source.loader()).answer();
        tokio::spawn(soon(call.into_future()))
    }

    /// The value that a call comes to.
    pub(crate) async fn value(&self, key: &'static str) -> u64 {
        self.load(key).await.unwrap().unwrap().value
    }

    pub(crate) async fn origin(&self, key: &'static str) -> Origin {
        self.load(key).await.unwrap().unwrap().origin
    }

    pub(crate) async fn invalidate(&self, key: &str) {
        self.values.invalidate(key).await.applied().unwrap();
    }

    pub(crate) async fn invalidate_tag(&self, tag: &str) {
        self.values.invalidate_tag(tag).await.applied().unwrap();
    }

    /// Nothing is left of any load or wait.
    pub(crate) fn is_idle(&self) -> bool {
        self.larder.inner.flights.is_empty() && self.larder.inner.wake.is_empty()
    }
}

/// Where loaders read. Whatever is asked of it, it says how often it was.
#[derive(Debug, Clone)]
pub(crate) struct Source(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    value: AtomicU64,
    is_broken: AtomicBool,
    asked: watch::Sender<usize>,
    held: watch::Sender<bool>,
}

/// What a source says that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken;

impl Default for Source {
    fn default() -> Self {
        Self(Arc::new(Inner {
            value: AtomicU64::new(1),
            is_broken: AtomicBool::new(false),
            asked: watch::Sender::default(),
            held: watch::Sender::default(),
        }))
    }
}

impl Source {
    pub(crate) fn set(&self, value: u64) {
        self.0.value.store(value, SeqCst);
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.value.load(SeqCst)
    }

    /// From now on it fails, or no more.
    pub(crate) fn breaks(&self, broken: bool) {
        self.0.is_broken.store(broken, SeqCst);
    }

    /// Who asks from now on reads at once and is told later.
    pub(crate) fn hold(&self) {
        self.0.held.send_replace(true);
    }

    pub(crate) fn release(&self) {
        self.0.held.send_replace(false);
    }

    /// How often it was asked.
    pub(crate) fn loads(&self) -> usize {
        *self.0.asked.borrow()
    }

    /// Waits until it was asked so often.
    pub(crate) async fn asked(&self, times: usize) {
        let mut asked = self.0.asked.subscribe();
        let wait = asked.wait_for(|asked| *asked >= times);
        tokio::time::timeout(MINUTE, wait).await.expect("the source is asked").unwrap();
    }

    pub(crate) fn read(&self) -> BoxFuture<'static, Result<u64, Broken>> {
        let source = Arc::clone(&self.0);
        Box::pin(async move {
            let value = source.value.load(SeqCst);
            let answer = if source.is_broken.load(SeqCst) { Err(Broken) } else { Ok(value) };
            source.asked.send_modify(|asked| *asked += 1);
            let mut held = source.held.subscribe();
            // It fails only when the test has ended.
            let _ = held.wait_for(|held| !held).await;
            answer
        })
    }

    pub(crate) fn loader(
        &self,
    ) -> impl FnOnce() -> BoxFuture<'static, Result<u64, Broken>> + Send + use<> {
        let source = self.clone();
        move || source.read()
    }

    /// As [`loader`](Self::loader); zero is nothing.
    pub(crate) fn finder(
        &self,
    ) -> impl FnOnce() -> BoxFuture<'static, Result<Option<u64>, Broken>> + Send + use<> {
        let source = self.clone();
        move || Box::pin(async move { Ok(Some(source.read().await?).filter(|value| *value != 0)) })
    }
}
