//! A server of the fleet: every way to read, load, set and invalidate, written down as it happens.

use std::{sync::Arc, time::Duration};

use integration_tests::faults::Faulty;
use larder::{Answer, Invalidation, Larder, LoadContext, LoadError, Loaded, Near, Origin, Typed};
use rand::{Rng, RngExt};

use super::{
    keys::{self, Tagged, stale_for, tag, tagged, ttl},
    log::{Kill, Log, Moment, Read, Scope, Seen, Span},
};

/// How long a caller waits for somebody else's load.
pub(super) const WAIT: Duration = Duration::from_secs(1);
/// How long a load may take.
pub(super) const HARD_TIMEOUT: Duration = Duration::from_secs(4);
/// How much later than its source was asked an answer may be stored.
const COMMIT: Duration = Duration::from_millis(1100);

/// A server of the fleet.
#[derive(Debug, Clone)]
pub(super) struct Server {
    pub(super) index: usize,
    pub(super) larder: Larder,
    pub(super) typed: Typed<u64>,
    pub(super) near: Near<u64>,
    pub(super) store: Faulty,
    pub(super) log: Arc<Log>,
    /// How late a near read may hear of what others did.
    pub(super) told_within: Duration,
}

/// Why a load gave nothing.
#[derive(Debug)]
pub(super) struct Failed;

/// A number of the log, as the value of an entry.
type Value = u64;

/// Calls one of the four forms of a look-up, of a [`Typed`] or a [`Near`], as the key has it.
macro_rules! ask {
    ($server:ident, $handle:expr, $key:expr, $fate:expr, $($option:ident)?) => {{
        let (server, key, fate) = ($server.clone(), $key, $fate);
        macro_rules! go {
            ($call:expr) => {{
                let call = $call.ttl(ttl(key)).stale_for(stale_for(key)).negative_ttl(ttl(key));
                let call = call.wait(WAIT).hard_timeout(HARD_TIMEOUT);
                let call = call.backoff(Duration::from_millis(200))$(.$option())?;
                let answer: Result<Answer<_>, LoadError<Failed>> = call.answer().await;
                answer.map(|Answer { value, origin }| (seen(&value), origin))
            }};
        }
        match (tagged(key), tag(key)) {
            (Tagged::NotAndMayBeNothing, _) => {
                go!($handle.get_or_find(key, move || async move { server.perhaps(key, fate).await }))
            }
            (Tagged::ByCall, Some(tag)) => {
                go!($handle.get_or_load(key, move || async move { server.value(key, fate).await }).tag(tag))
            }
            (Tagged::BeforeLoad, Some(tag)) => {
                go!($handle.get_or_load_with(key, move |load: LoadContext| async move {
                    load.tag(tag).await;
                    server.value(key, fate).await
                }))
            }
            (Tagged::AfterLoad, Some(tag)) => {
                go!($handle.get_or_load(key, move || async move {
                    Ok(Loaded::new(server.value(key, fate).await?).tag(tag))
                }))
            }
            _ => go!($handle.get_or_load(key, move || async move { server.value(key, fate).await })),
        }
    }};
}

impl Server {
    /// Through the near tier.
    pub(super) async fn near_get_or_load(&self, key: u16, fate: Fate) {
        let begun = self.log.now();
        let found = ask!(self, self.near, key, fate,);
        self.found(key, begun, found);
    }

    /// Past the near tier.
    pub(super) async fn get_or_load(&self, key: u16, fate: Fate) -> Option<(Seen, Origin)> {
        let begun = self.log.now();
        let found = ask!(self, self.typed, key, fate,);
        let answer = found.as_ref().ok().copied();
        self.found(key, begun, found);
        answer
    }

    /// Whatever stands there.
    pub(super) async fn refresh(&self, key: u16, fate: Fate) {
        let begun = self.log.now();
        let found = ask!(self, self.typed, key, fate, force_refresh);
        self.found(key, begun, found);
    }

    fn found(&self, key: u16, begun: Moment, found: Result<(Seen, Origin), LoadError<Failed>>) {
        self.log.op(self.index, &[key], begun);
        match found {
            Ok((seen, origin)) => self.saw(key, begun, seen, origin == Origin::Near),
            Err(LoadError::Loader(_) | LoadError::TimedOut) => {}
            Err(error) => self.log.complain(format!("a load came to {error}")),
        }
    }

    /// Several at once. Their tags are named by the loader.
    pub(super) async fn get_or_load_many(&self, keys: Vec<u16>, fate: Fate) {
        let begun = self.log.now();
        let server = self.clone();
        let load = move |missing: Vec<u16>| async move {
            let _span = Span::new(&server.log, server.index, &missing);
            let mut loaded = Vec::new();
            for key in missing {
                if let Some(value) = server.load(key, fate).await? {
                    loaded.push((key, value));
                }
            }
            // Over, for each of them, when all are loaded.
            let loaded = loaded.into_iter().map(|(key, value)| {
                server.log.was_loaded(value as usize, ttl(key) + COMMIT);
                let loaded = Loaded::new(value).ttl(ttl(key));
                match tag(key) {
                    Some(tag) => (key, loaded.tag(tag)),
                    None => (key, loaded),
                }
            });
            Ok::<_, Failed>(loaded.collect::<Vec<_>>())
        };
        let call = self.typed.get_or_load_many(keys.clone(), load).wait(WAIT);
        let call = call.hard_timeout(HARD_TIMEOUT).negative_ttl(Duration::from_millis(400));
        let found = call.backoff(Duration::from_millis(200)).await;
        self.log.op(self.index, &keys, begun);
        match found {
            Ok(found) => {
                for (key, value) in keys.into_iter().zip(found) {
                    self.saw(key, begun, seen(&value), false);
                }
            }
            Err(LoadError::Loader(_) | LoadError::TimedOut) => {}
            Err(error) => self.log.complain(format!("a load of many came to {error}")),
        }
    }

    /// What stands there, in memory or in the store.
    pub(super) async fn near_get(&self, key: u16, fresh: bool) {
        let begun = self.log.now();
        let get = self.near.get(key);
        let found = if fresh { get.fresh().await } else { get.await };
        if let Ok(Some(value)) = found {
            self.saw(key, begun, seen(&value), !fresh);
        }
    }

    /// What stands there, in the store.
    pub(super) async fn get(&self, key: u16) {
        let begun = self.log.now();
        if let Ok(Some(value)) = self.typed.get(key).await {
            self.saw(key, begun, seen(&value), false);
        }
    }

    fn saw(&self, key: u16, begun: Moment, seen: Seen, is_near: bool) {
        let told_within = if is_near { self.told_within.as_nanos() as u64 } else { 0 };
        let (server, ended) = (self.index, self.log.now());
        self.log.read(Read { key, server, seen, begun, ended, told_within });
    }

    pub(super) async fn set(&self, key: u16) {
        let number = self.log.set(key);
        let value = number as Value;
        let mut set = self.typed.set(key, &value).ttl(ttl(key));
        if let Some(tag) = tag(key) {
            set = set.tag(tag);
        }
        // Else nobody knows whether it stands, or when.
        if matches!(set.await, Ok(true)) {
            self.log.was_set(number, self.index, ttl(key));
        }
    }

    pub(super) async fn delete(&self, key: u16) {
        let begun = self.log.now();
        let done = self.typed.delete(key).await.is_ok();
        self.killed([key], begun, done.then_some(Scope::Everyone));
    }

    pub(super) async fn invalidate(&self, key: u16) {
        let begun = self.log.now();
        let scope = scope(&self.typed.invalidate(key).await);
        self.killed([key], begun, scope);
    }

    pub(super) async fn invalidate_tag(&self, tag: u16) {
        let begun = self.log.now();
        let scope = scope(&self.typed.invalidate_tag(tag).await);
        self.killed(keys::with_tag(tag), begun, scope);
    }

    pub(super) async fn invalidate_all(&self) {
        let begun = self.log.now();
        let scope = scope(&self.typed.invalidate_all().await);
        self.killed(0..keys::COUNT, begun, scope);
    }

    /// May be served once more, by those who take what is stale: it kills nothing for certain.
    pub(super) async fn soften(&self, key: u16) {
        let _ = self.typed.invalidate(key).soft().await;
    }

    fn killed(&self, keys: impl IntoIterator<Item = u16>, begun: Moment, scope: Option<Scope>) {
        let server = self.index;
        let ended = self.log.now();
        let Some(scope) = scope else { return };
        for key in keys {
            self.log.kill(Kill { key, server, begun, ended, scope });
        }
    }

    /// A load of a value that is there.
    async fn value(&self, key: u16, fate: Fate) -> Result<Value, Failed> {
        let fate = Fate { is_nothing: false, ..fate };
        self.perhaps(key, fate).await?.ok_or(Failed)
    }

    /// A load of a value that may be there.
    async fn perhaps(&self, key: u16, fate: Fate) -> Result<Option<Value>, Failed> {
        // Written down although it may be dropped.
        let _span = Span::new(&self.log, self.index, &[key]);
        self.load(key, fate).await
    }

    async fn load(&self, key: u16, fate: Fate) -> Result<Option<Value>, Failed> {
        let is_nothing = fate.is_nothing && tagged(key) == Tagged::NotAndMayBeNothing;
        tokio::time::sleep(fate.before).await;
        let number = self.log.load(key, is_nothing);
        tokio::time::sleep(fate.after).await;
        self.log.was_loaded(number, ttl(key) + stale_for(key) + COMMIT);
        match () {
            () if fate.fails => Err(Failed),
            () if is_nothing => Ok(None),
            () => Ok(Some(number as Value)),
        }
    }
}

/// What becomes of a load.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fate {
    before: Duration,
    after: Duration,
    is_nothing: bool,
    fails: bool,
}

impl Fate {
    /// At once, and a value.
    pub(super) const GOOD: Self =
        Self { before: Duration::ZERO, after: Duration::ZERO, is_nothing: false, fails: false };

    pub(super) fn draw(rng: &mut impl Rng) -> Self {
        let (before, after) = (rng.random_range(0..=4), rng.random_range(0..=6));
        let after = match rng.random_range(0..1000) {
            // Around the renewal of its lease.
            0..30 => after + 998,
            // It hangs.
            30 => 10_000,
            _ => after,
        };
        Self {
            before: Duration::from_millis(before),
            after: Duration::from_millis(after),
            is_nothing: rng.random_bool(0.4),
            fails: rng.random_bool(0.02),
        }
    }
}

/// Something that was read: a value, or that there is none.
trait Found {
    fn number(&self) -> Option<Value>;
}

impl Found for Value {
    fn number(&self) -> Option<Value> {
        Some(*self)
    }
}

impl<F: Found> Found for Option<F> {
    fn number(&self) -> Option<Value> {
        self.as_ref().and_then(F::number)
    }
}

impl<F: Found> Found for Arc<F> {
    fn number(&self) -> Option<Value> {
        F::number(self)
    }
}

fn seen(found: &impl Found) -> Seen {
    found.number().map_or(Seen::Nothing, |number| Seen::Value(number as usize))
}

fn scope(made: &Invalidation) -> Option<Scope> {
    match made {
        Invalidation::Applied => Some(Scope::Everyone),
        Invalidation::Queued(_) => Some(Scope::Own),
        Invalidation::Failed(_) => None,
    }
}
