//! Calls in any order, of two servers on one store, beside a model that says what they must come to.

use std::{collections::HashMap, time::Duration};

use integration_tests::steps::settled;
use proptest::{collection::vec, prelude::*, test_runner::TestRunner};

use super::bench::{Bench, Broken, Server, Source};
use crate::{Loaded, Origin, Typed, switches::Rule};

const TTL: u64 = 10_000;
const STALE: u64 = 10_000;
const NEGATIVE_TTL: u64 = 3_000;
const BACKOFF: u64 = 5_000;
const KEYS: usize = 3;
const TAGS: usize = 2;

/// One call, of a key or a tag or of all.
#[derive(Debug, Clone, Copy)]
enum Op {
    Source { value: u64 },
    Broken(bool),
    Advance(u64),
    Get,
    Set { tags: u8 },
    SetIfAbsent,
    Take,
    Delete,
    Expire { ttl: u64 },
    Load { tags: u8, late: bool, forced: bool },
    Find { tags: u8 },
    Invalidate { soft: bool },
    InvalidateTag { tag: usize, soft: bool },
    InvalidateAll { soft: bool },
}

fn ops() -> impl Strategy<Value = Op> {
    let tags = 0..1_u8 << TAGS;
    prop_oneof![
        3 => (0..4_u64).prop_map(|value| Op::Source { value }),
        1 => any::<bool>().prop_map(Op::Broken),
        6 => prop_oneof![Just(1), Just(999), Just(3_000), Just(5_000), Just(9_000)]
            .prop_map(Op::Advance),
        4 => Just(Op::Get),
        2 => tags.clone().prop_map(|tags| Op::Set { tags }),
        1 => Just(Op::SetIfAbsent),
        1 => Just(Op::Take),
        1 => Just(Op::Delete),
        1 => prop_oneof![Just(1_000), Just(20_000)].prop_map(|ttl| Op::Expire { ttl }),
        8 => (tags.clone(), any::<bool>(), prop::bool::weighted(0.2))
            .prop_map(|(tags, late, forced)| Op::Load { tags, late, forced }),
        4 => tags.prop_map(|tags| Op::Find { tags }),
        2 => any::<bool>().prop_map(|soft| Op::Invalidate { soft }),
        2 => (0..TAGS, any::<bool>()).prop_map(|(tag, soft)| Op::InvalidateTag { tag, soft }),
        1 => any::<bool>().prop_map(|soft| Op::InvalidateAll { soft }),
    ]
}

/// What a call came to, and how many loaders were asked in it or behind it.
#[derive(Debug, Clone, PartialEq)]
enum Seen {
    Nothing,
    Value(Option<u64>),
    Done(bool),
    Answer(Option<u64>, Origin),
    Failed,
}

#[derive(Debug, Clone)]
struct Entry {
    /// `None`: that there is none.
    value: Option<u64>,
    made: u64,
    fresh_for: u64,
    stale_for: u64,
    /// Of each tag that it has, and of the generation: how often it was invalidated before, and softly.
    tags: HashMap<usize, (u64, u64)>,
    /// When its refresh was last begun.
    refreshed: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Age {
    Fresh,
    Stale,
    Dead,
}

/// What is true.
#[derive(Debug, Default)]
struct Model {
    generations: bool,
    now: u64,
    source: [u64; KEYS],
    is_broken: bool,
    tags: HashMap<usize, (u64, u64)>,
    entries: HashMap<usize, Entry>,
}

impl Model {
    fn age(&self, entry: &Entry) -> Age {
        let age = self.now - entry.made;
        let mut is_soft = false;
        for (tag, (hard, soft)) in &entry.tags {
            let now = self.tags.get(tag).copied().unwrap_or_default();
            if now.0 != *hard {
                return Age::Dead;
            }
            is_soft |= now.1 != *soft;
        }
        if age >= entry.fresh_for + entry.stale_for {
            Age::Dead
        } else if age < entry.fresh_for && !is_soft {
            Age::Fresh
        } else if entry.stale_for > 0 {
            Age::Stale
        } else {
            Age::Dead
        }
    }

    fn of_age(&self, key: usize, wanted: Age) -> Option<&Entry> {
        self.entries.get(&key).filter(|entry| self.age(entry) == wanted)
    }

    fn fresh(&self, key: usize) -> Option<u64> {
        self.of_age(key, Age::Fresh)?.value
    }

    fn put(&mut self, key: usize, value: Option<u64>, ttl: u64, tags: u8) {
        let mut tags: Vec<_> = (0..TAGS).filter(|tag| tags & (1 << tag) != 0).collect();
        tags.extend(self.generations.then_some(TAGS));
        let seen = |tag| (tag, self.tags.get(&tag).copied().unwrap_or_default());
        let tags = tags.into_iter().map(seen).collect();
        let stale_for = if value.is_some() { STALE } else { 0 };
        let entry =
            Entry { value, made: self.now, fresh_for: ttl, stale_for, tags, refreshed: None };
        self.entries.insert(key, entry);
    }

    /// A loader is asked, and what it gives is kept. On what was there before if it fails.
    fn load(&mut self, key: usize, tags: u8, finds: bool) -> Option<Option<u64>> {
        if self.is_broken {
            if self.entries.get(&key).is_some_and(|entry| self.age(entry) == Age::Dead) {
                self.entries.remove(&key);
            }
            return None;
        }
        let value = Some(self.source[key]).filter(|value| !finds || *value != 0);
        let ttl = if value.is_some() { TTL } else { NEGATIVE_TTL };
        self.put(key, value, ttl, tags);
        Some(value)
    }

    /// What a call that loads comes to. `asked`: how many loaders really were.
    fn ask(&mut self, key: usize, tags: u8, finds: bool, forced: bool, asked: usize) -> Seen {
        let takes = |entry: &&Entry| entry.value.is_some() || finds;
        let fresh = self.of_age(key, Age::Fresh).filter(takes).cloned();
        let stale = self.of_age(key, Age::Stale).filter(takes).cloned();
        match (fresh, stale) {
            (Some(entry), _) if !forced => {
                assert_eq!(asked, 0, "a hit asks nobody");
                let origin = if entry.value.is_some() { Origin::Store } else { Origin::Negative };
                Seen::Answer(entry.value, origin)
            }
            (_, Some(entry)) if !forced => {
                let rested = entry.refreshed.is_none_or(|begun| self.now >= begun + BACKOFF);
                assert!(asked <= usize::from(rested), "too soon after the last time");
                assert!(asked == 1 || entry.refreshed.is_some(), "nobody has tried before");
                if asked == 1 {
                    let now = self.now;
                    self.entries.entry(key).and_modify(|entry| entry.refreshed = Some(now));
                    self.load(key, tags, finds);
                }
                Seen::Answer(entry.value, Origin::Stale)
            }
            _ => {
                assert_eq!(asked, 1);
                match self.load(key, tags, finds) {
                    Some(value) => Seen::Answer(value, Origin::Loaded),
                    None => {
                        // A mark that nobody queues took the place of what is none to this call.
                        if !forced || self.of_age(key, Age::Dead).is_some() {
                            self.entries.remove(&key);
                        }
                        Seen::Failed
                    }
                }
            }
        }
    }

    fn apply(&mut self, op: Op, key: usize, asked: usize) -> Seen {
        match op {
            Op::Source { value } => self.source[key] = value,
            Op::Broken(is_broken) => self.is_broken = is_broken,
            Op::Advance(by) => {
                self.now += by;
                let now = self.now;
                self.entries
                    .retain(|_, entry| now < entry.made + entry.fresh_for + entry.stale_for);
            }
            Op::Get => return Seen::Value(self.fresh(key)),
            Op::Set { tags } => self.put(key, Some(self.source[key]), TTL, tags),
            Op::SetIfAbsent => {
                let is_absent = self.fresh(key).is_none();
                if is_absent {
                    self.put(key, Some(self.source[key]), TTL, 0);
                }
                return Seen::Done(is_absent);
            }
            Op::Take => {
                let taken = self.fresh(key);
                self.entries.remove(&key);
                return Seen::Value(taken);
            }
            Op::Delete => {
                // Whether or not its tags hold.
                let is_value =
                    |entry: Entry| entry.value.is_some() && self.now - entry.made < entry.fresh_for;
                return Seen::Done(self.entries.remove(&key).is_some_and(is_value));
            }
            Op::Expire { ttl } => {
                let is_value = self.fresh(key).is_some();
                if is_value {
                    let now = self.now;
                    let entry = self.entries.get_mut(&key).unwrap();
                    (entry.made, entry.fresh_for, entry.stale_for) = (now, ttl, STALE);
                    entry.refreshed = None;
                }
                return Seen::Done(is_value);
            }
            Op::Load { tags, forced, .. } => return self.ask(key, tags, false, forced, asked),
            Op::Find { tags } => return self.ask(key, tags, true, false, asked),
            Op::Invalidate { soft } => match self.entries.remove(&key) {
                Some(entry) if soft && entry.stale_for > 0 => {
                    let stale_for = entry.fresh_for + entry.stale_for;
                    let past = Entry { fresh_for: 0, stale_for, refreshed: None, ..entry };
                    self.entries.insert(key, past);
                }
                _ => {}
            },
            Op::InvalidateTag { tag, soft } => self.change(tag, soft),
            Op::InvalidateAll { soft } if self.generations => self.change(TAGS, soft),
            Op::InvalidateAll { soft: true } => return Seen::Failed,
            Op::InvalidateAll { soft: false } => self.entries.clear(),
        }
        Seen::Nothing
    }

    fn change(&mut self, tag: usize, soft: bool) {
        let (hards, softs) = self.tags.entry(tag).or_default();
        *(if soft { softs } else { hards }) += 1;
    }
}

/// The real thing.
struct World {
    bench: Bench,
    servers: [Server; 2],
    sources: [Source; KEYS],
}

impl World {
    fn new(bench: Bench, generations: bool) -> Self {
        let server = || {
            let mut server = bench.server();
            let space = server.larder.namespace("values").unwrap();
            let space = if generations { space.with_generations() } else { space };
            let millis = Duration::from_millis;
            let values = space.typed().default_ttl(millis(TTL)).stale_for(millis(STALE));
            server.values = values.negative_ttl(millis(NEGATIVE_TTL));
            server
        };
        let servers = [server(), server()];
        let sources = std::array::from_fn(|_| {
            let source = Source::default();
            source.set(0);
            source
        });
        Self { bench, servers, sources }
    }

    fn loads(&self) -> usize {
        self.sources.iter().map(Source::loads).sum()
    }

    async fn apply(&self, op: Op, server: usize, key: usize) -> Seen {
        let values: &Typed<u64> = &self.servers[server].values;
        let source = &self.sources[key];
        match op {
            Op::Source { value } => source.set(value),
            Op::Broken(broken) => self.sources.iter().for_each(|source| source.breaks(broken)),
            Op::Advance(by) => self.bench.clock.advance(Duration::from_millis(by)),
            Op::Get => return Seen::Value(values.get(key).await.unwrap()),
            Op::Set { tags } => {
                let set = values.set(key, &source.value());
                let set = named(tags).fold(set, |set, tag| set.tag(tag));
                assert!(set.await.unwrap());
            }
            Op::SetIfAbsent => {
                return Seen::Done(values.set(key, &source.value()).if_absent().await.unwrap());
            }
            Op::Take => return Seen::Value(values.take(key).await.unwrap()),
            Op::Delete => return Seen::Done(values.delete(key).await.unwrap()),
            Op::Expire { ttl } => {
                return Seen::Done(values.expire(key, Duration::from_millis(ttl)).await.unwrap());
            }
            Op::Load { tags, late, forced } => {
                let load = source.loader();
                // All of them named at the call, or all of them by the loader.
                let late_tags = if late { tags } else { 0 };
                let load = async move || {
                    let loaded = Loaded::new(load().await?);
                    let loaded = named(late_tags).fold(loaded, |loaded, tag| loaded.tag(tag));
                    Ok::<_, Broken>(loaded)
                };
                let call = values.get_or_load(key, load);
                let call = named(tags & !late_tags).fold(call, |call, tag| call.tag(tag));
                let call = if forced { call.force_refresh() } else { call };
                return match call.answer().await {
                    Ok(answer) => Seen::Answer(Some(answer.value), answer.origin),
                    Err(_) => Seen::Failed,
                };
            }
            Op::Find { tags } => {
                let call = values.get_or_find(key, source.finder());
                let call = named(tags).fold(call, |call, tag| call.tag(tag));
                return match call.answer().await {
                    Ok(answer) => Seen::Answer(answer.value, answer.origin),
                    Err(_) => Seen::Failed,
                };
            }
            Op::Invalidate { soft } => {
                let call = values.invalidate(key);
                let call = if soft { call.soft() } else { call };
                assert!(call.await.is_applied());
            }
            Op::InvalidateTag { tag, soft } => {
                let call = values.invalidate_tag(tag);
                let call = if soft { call.soft() } else { call };
                assert!(call.await.is_applied());
            }
            Op::InvalidateAll { soft } => {
                let call = values.invalidate_all();
                let call = if soft { call.soft() } else { call };
                return if call.await.is_applied() { Seen::Nothing } else { Seen::Failed };
            }
        }
        Seen::Nothing
    }
}

fn named(tags: u8) -> impl Iterator<Item = usize> {
    (0..TAGS).filter(move |tag| tags & (1 << tag) != 0)
}

async fn play(bench: Bench, generations: bool, calls: Vec<(Op, usize, usize)>) {
    let world = World::new(bench, generations);
    let mut model = Model { generations, ..Model::default() };
    for (number, (op, server, key)) in calls.into_iter().enumerate() {
        let before = world.loads();
        let seen = world.apply(op, server, key).await;
        settled().await;
        assert!(world.servers.iter().all(Server::is_idle), "call {number}: {op:?}");
        let expected = model.apply(op, key, world.loads() - before);
        assert_eq!(seen, expected, "call {number}: {op:?} of {key} at {server}");
    }
}

fn calls() -> impl Strategy<Value = Vec<(Op, usize, usize)>> {
    vec((ops(), 0..2_usize, 0..KEYS), 1..60)
}

/// So many plays. They end with the first that goes otherwise than the model.
fn plays(cases: u32, bench: fn() -> Bench) -> Result<(), impl std::fmt::Debug> {
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    TestRunner::new(config).run(&(any::<bool>(), calls()), |(generations, calls)| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        runtime.block_on(play(bench(), generations, calls));
        Ok(())
    })
}

#[test]
fn whatever_is_called_the_model_knew_it() {
    plays(300, Bench::new).unwrap();
}

#[test]
fn control_without_a_rule_it_did_not() {
    assert!(plays(300, || Bench::without(Rule::TagsCompared)).is_err());
}
