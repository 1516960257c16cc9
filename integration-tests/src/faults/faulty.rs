use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use cache_api::{Cache, Capabilities, Clock, Key, Op, Result, SystemClock, Watch};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::sync::watch;

use super::{
    Odds, Struck, Telling,
    forward::{Call, Store},
    gate::until,
    not_connected,
    odds::Fault,
    timed_out,
};

/// A store that fails by chance. Cheap to clone; clones are the same store.
///
/// What happens to a call is drawn from the seed when it comes: the same calls in the same order fail in
/// the same way again. Between tasks that race, the order is the scheduler's.
///
/// ```
/// use cache_api::{Cache, Namespace, SetOptions, Ttl};
/// use integration_tests::faults::{Faulty, Odds};
/// # use backend_memory::MemoryCache;
/// # use std::sync::Arc;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cache_api::Result<()> {
/// let odds = Odds { reply_lost: 0.25, ..Odds::NONE };
/// let store = Faulty::builder(Arc::new(MemoryCache::new())).seed(7).writes(odds).build();
/// let key = Namespace::new("users")?.key("42")?;
/// for _ in 0..1000 {
///     if let Err(error) = store.set(&key, "Ada".into(), SetOptions::new(Ttl::Never)).await {
///         assert!(error.may_have_applied() && store.get(&key).await?.is_some());
///     }
/// }
/// assert!((200..300).contains(&store.struck().replies_lost));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Faulty(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: FaultyBuilder,
    on: AtomicBool,
    chance: Mutex<Chance>,
    /// Late calls that have not landed yet.
    under_way: watch::Sender<usize>,
}

#[derive(Debug)]
struct Chance {
    rng: StdRng,
    struck: Struck,
}

impl Faulty {
    /// Over a store that does what it should. Nothing goes wrong until odds are given.
    pub fn builder(store: Arc<dyn Cache>) -> FaultyBuilder {
        FaultyBuilder {
            store,
            clock: Arc::new(SystemClock),
            seed: 0,
            reads: Odds::NONE,
            writes: Odds::NONE,
            a_while: Duration::from_millis(5),
            telling: None,
        }
    }

    /// The store underneath, where nothing goes wrong.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Cache> {
        &self.0.options.store
    }

    /// Lets faults strike from now on, or no more. They do from the beginning. What is under way lands
    /// all the same.
    pub fn switch(&self, on: bool) {
        self.0.on.store(on, SeqCst);
    }

    /// What has happened so far.
    #[must_use]
    pub fn struck(&self) -> Struck {
        self.chance().struck
    }

    /// Waits until every late call has landed.
    ///
    /// # Panics
    ///
    /// If they have not after a minute: with a test's clock, somebody has to advance it.
    pub async fn landed(&self) {
        until(&self.0.under_way, |calls| *calls == 0, "late calls to land").await;
    }

    fn chance(&self) -> MutexGuard<'_, Chance> {
        self.0.chance.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What happens to the next call, how long it waits first, and how long its answer.
    fn draw(&self, op: Op) -> (Option<Fault>, Option<Duration>, Option<Duration>) {
        let mut chance = self.chance();
        chance.struck.calls += 1;
        if !self.0.on.load(SeqCst) {
            return (None, None, None);
        }
        let options = &self.0.options;
        let odds = if op.is_write() { &options.writes } else { &options.reads };
        // Always as many draws: what one call suffers does not shift the others'.
        let [fault, delayed, answer_delayed, before, after] = chance.rng.random::<[f64; 5]>();
        let fault = odds.strike(fault);
        let wait = |drawn: f64, odds, part| (drawn < odds).then(|| options.a_while.mul_f64(part));
        let before = wait(delayed, odds.delayed, before);
        let after = wait(answer_delayed, odds.answer_delayed, after);
        chance.struck.add(fault, before.is_some() || after.is_some());
        (fault, before, after)
    }

    pub(super) fn facts(&self) -> Capabilities {
        let facts = self.store().capabilities();
        if self.own_telling().is_some() { facts.shared() } else { facts }
    }

    pub(super) fn watched(&self) -> Option<&dyn Watch> {
        if self.own_telling().is_some() { Some(self) } else { self.store().watch() }
    }

    pub(super) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.0.options.clock)
    }

    /// Those of its own, if it has some.
    pub(super) fn own_telling(&self) -> Option<Telling> {
        self.0.options.telling
    }

    /// A number from 0 to 1, and a part of a while, for a change that is told. While nothing goes wrong, a
    /// number that is out of reach.
    pub(super) fn draw_change(&self) -> (f64, Duration) {
        let [fault, later] = self.chance().rng.random::<[f64; 2]>();
        match self.0.on.load(SeqCst) {
            true => (fault, self.0.options.a_while.mul_f64(later)),
            false => (1.0, Duration::ZERO),
        }
    }

    pub(super) async fn pass<T: Send + 'static>(
        &self,
        op: Op,
        _keys: &[Key],
        call: impl Call<T>,
    ) -> Result<T> {
        let FaultyBuilder { store, clock, .. } = &self.0.options;
        let store = Store(Arc::clone(store));
        let (fault, before, after) = self.draw(op);
        if let Some(before) = before {
            clock.sleep(before).await;
        }
        let lost = timed_out(op);
        let answer = match fault {
            None => call(store).await,
            Some(Fault::Failed) => Err(not_connected(op)),
            Some(Fault::RequestLost) => Err(lost),
            Some(Fault::ReplyLost) => {
                let _ = call(store).await;
                Err(lost)
            }
            Some(Fault::Late) => {
                self.send_later(async move { drop(call(store).await) });
                Err(lost)
            }
        };
        if let Some(after) = after {
            clock.sleep(after).await;
        }
        answer
    }

    fn send_later(&self, call: impl Future<Output = ()> + Send + 'static) {
        let (inner, options) = (Arc::clone(&self.0), &self.0.options);
        let under_way = options.clock.sleep(options.a_while);
        inner.under_way.send_modify(|calls| *calls += 1);
        drop(tokio::spawn(async move {
            under_way.await;
            call.await;
            inner.under_way.send_modify(|calls| *calls -= 1);
        }));
    }
}

impl Struck {
    fn add(&mut self, fault: Option<Fault>, delayed: bool) {
        self.delayed += u64::from(delayed);
        *match fault {
            None => return,
            Some(Fault::Failed) => &mut self.failed,
            Some(Fault::RequestLost) => &mut self.requests_lost,
            Some(Fault::ReplyLost) => &mut self.replies_lost,
            Some(Fault::Late) => &mut self.late,
        } += 1;
    }
}

/// What a [`Faulty`] store is made of.
#[derive(Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct FaultyBuilder {
    store: Arc<dyn Cache>,
    clock: Arc<dyn Clock>,
    seed: u64,
    reads: Odds,
    writes: Odds,
    a_while: Duration,
    telling: Option<Telling>,
}

impl FaultyBuilder {
    /// What chance is made of. Default: 0.
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// How often something happens to calls that change nothing.
    pub const fn reads(mut self, odds: Odds) -> Self {
        self.reads = odds;
        self
    }

    /// How often something happens to calls that write.
    pub const fn writes(mut self, odds: Odds) -> Self {
        self.writes = odds;
        self
    }

    /// How long a delayed call waits at most, and a late one is under way. Default: 5 ms.
    pub const fn a_while(mut self, time: Duration) -> Self {
        self.a_while = time;
        self
    }

    /// Changes are told as by a server that others share: with delays, heartbeats and losses. Default: as
    /// the store tells them.
    pub const fn telling(mut self, telling: Telling) -> Self {
        self.telling = Some(telling);
        self
    }

    /// The clock by which that is judged. Default: the machine's.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The store.
    #[must_use]
    pub fn build(self) -> Faulty {
        let chance = Chance { rng: StdRng::seed_from_u64(self.seed), struck: Struck::default() };
        Faulty(Arc::new(Inner {
            options: self,
            on: AtomicBool::new(true),
            chance: Mutex::new(chance),
            under_way: watch::Sender::default(),
        }))
    }
}
