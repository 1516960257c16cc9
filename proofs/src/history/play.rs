//! A fleet that reads, loads, writes and invalidates by chance, and what is wrong with what it saw.

use std::{fmt, sync::Arc, time::Duration};

use cache_api::{Cache, Clock};
use integration_tests::faults::{Faulty, Odds, Telling};
use larder::{Larder, Origin, Rule};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::time::{sleep, timeout};

use super::{
    checker::check,
    keys::{self, tag, ttl},
    log::{History, Log, Seen},
    patience::impatient,
    server::{Fate, HARD_TIMEOUT, Server, WAIT},
    trace::{describe, trace},
};
use crate::Result;

/// Between two heartbeats of a server whose changes are told.
const BEAT: Duration = Duration::from_millis(30);
/// How long a near tier bears silence. In a simulation it can be short.
pub(super) const SILENCE: Duration = Duration::from_millis(100);

/// How a fleet is made, and what happens to it.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) seed: u64,
    /// How many calls are made in all.
    pub(super) calls: usize,
    pub(super) servers: usize,
    /// At the same time, of each server.
    pub(super) clients: usize,
    /// How often each fault strikes.
    pub(super) faults: f64,
    /// Of each server, the reports of changes. `None`: as the store tells them.
    pub(super) telling: Option<Telling>,
    pub(super) generations: bool,
    /// Some entries and marks are evicted.
    pub(super) evicts: bool,
    /// How late a near read may hear of what others did.
    pub(super) told_within: Duration,
    /// How much longer than the deadline says somebody may wait.
    pub(super) patience: Duration,
    /// What is done without.
    pub(super) without: Option<Rule>,
}

impl Plan {
    /// A simulated fleet, drawn from a seed.
    pub(super) fn draw(seed: u64, calls: usize) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let faults = [0.0, 0.002, 0.01][rng.random_range(0..3)];
        let (cut, silent) = [(0.0, 0.0), (0.004, 0.0), (0.002, 0.002)][rng.random_range(0..3)];
        Self {
            seed,
            calls,
            servers: 3,
            clients: 5,
            faults,
            telling: Some(Telling { beat: BEAT, cut, silent }),
            generations: rng.random_bool(0.3),
            evicts: rng.random_bool(0.2),
            // A copy that cannot be told of is not served past the silence that is borne.
            told_within: SILENCE + Duration::from_millis(20),
            patience: Duration::from_secs(2),
            without: None,
        }
    }
}

/// What was seen of a fleet.
#[derive(Debug, Default, Clone)]
pub(super) struct Outcome {
    pub(super) calls: usize,
    pub(super) reads: usize,
    pub(super) kills: usize,
    pub(super) loads: usize,
    pub(super) near_hits: u64,
    pub(super) faults: u64,
    /// What was illegal.
    pub(super) violations: Vec<String>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { calls, reads, kills, loads, near_hits, faults, violations } = self;
        write!(f, "{} in {calls} calls ({reads} values read, ", violations.len())?;
        write!(f, "{near_hits} near; {loads} loads, {kills} invalidated, {faults} faults)")?;
        violations.iter().take(3).try_for_each(|violation| write!(f, "\n{violation}"))
    }
}

impl std::ops::AddAssign for Outcome {
    fn add_assign(&mut self, other: Self) {
        self.calls += other.calls;
        self.reads += other.reads;
        self.kills += other.kills;
        self.loads += other.loads;
        self.near_hits += other.near_hits;
        self.faults += other.faults;
        self.violations.extend(other.violations);
    }
}

/// Plays a plan over what each of its servers has for a store. `late` says how late the machine was.
pub(super) async fn play(
    plan: &Plan,
    clock: Arc<dyn Clock>,
    stores: Vec<Arc<dyn Cache>>,
    late: impl Fn() -> Duration,
) -> Result<Outcome> {
    let log = Arc::new(Log::new());
    let servers = stores
        .into_iter()
        .enumerate()
        .map(|(index, store)| server(plan, index, store, &clock, &log))
        .collect::<Result<Vec<_>>>()?;
    let mut clients = Vec::new();
    let each = plan.calls / (plan.servers * plan.clients);
    for number in 0..plan.servers * plan.clients {
        let server = servers[number % plan.servers].clone();
        let rng = StdRng::seed_from_u64(plan.seed.wrapping_mul(1009).wrapping_add(number as u64));
        clients.push(tokio::spawn(client(server, rng, each)));
    }
    for client in clients {
        client.await?;
    }
    for server in &servers {
        server.store.switch(false);
        server.store.landed().await;
    }
    // As long as the longest load and all marks of work.
    sleep(HARD_TIMEOUT + Duration::from_secs(4)).await;
    let mut outcome = judge(plan, log.take(), late());
    outcome.calls = each * plan.servers * plan.clients;
    outcome.near_hits = servers.iter().map(|server| server.larder.stats().near.hits).sum();
    outcome.faults = servers.iter().map(|server| struck(&server.store)).sum();
    outcome.violations.extend(quiet(plan, &servers, &log).await?);
    Ok(outcome)
}

fn server(
    plan: &Plan,
    index: usize,
    store: Arc<dyn Cache>,
    clock: &Arc<dyn Clock>,
    log: &Arc<Log>,
) -> Result<Server> {
    let odds = Odds { delayed: 0.3, answer_delayed: 0.3, ..Odds::each(plan.faults) };
    let store = Faulty::builder(store)
        .seed(plan.seed.wrapping_mul(31).wrapping_add(index as u64))
        .clock(Arc::clone(clock))
        .reads(odds)
        .writes(odds);
    let store = match plan.telling {
        Some(telling) => store.telling(telling),
        None => store,
    };
    let store = store.build();
    let builder = Larder::builder(store.clone()).clock(Arc::clone(clock)).near(1 << 20);
    let builder = match plan.telling {
        Some(_) => builder.near_silence(SILENCE),
        None => builder,
    };
    let larder = match plan.without {
        Some(rule) => builder.without(rule),
        None => builder,
    };
    let larder = larder.build();
    let space = larder.namespace("history")?;
    let typed = if plan.generations { space.with_generations() } else { space }.typed();
    let (near, log, told_within) = (typed.near(), Arc::clone(log), plan.told_within);
    Ok(Server { index, larder, typed, near, store, log, told_within })
}

/// Makes so many calls, one after the other.
async fn client(server: Server, mut rng: StdRng, calls: usize) {
    for _ in 0..calls {
        let key = rng.random_range(0..keys::COUNT);
        let fate = Fate::draw(&mut rng);
        let which = rng.random_range(0..1000);
        let call = call(&server, which, key, fate);
        if rng.random_bool(0.03) {
            // Whoever asked has left.
            let _ = timeout(Duration::from_millis(rng.random_range(0..8)), call).await;
        } else {
            call.await;
        }
        sleep(Duration::from_millis(rng.random_range(0..4))).await;
    }
}

async fn call(server: &Server, which: u32, key: u16, fate: Fate) {
    match which {
        0..400 => server.near_get_or_load(key, fate).await,
        400..600 => drop(server.get_or_load(key, fate).await),
        600..630 => server.refresh(key, fate).await,
        630..670 => {
            let first = key - key % 3;
            let several = [first, first + 1, first + 2];
            // In either order: each holds what the other waits for.
            let several = if which.is_multiple_of(2) {
                several
            } else {
                [several[2], several[1], several[0]]
            };
            server.get_or_load_many(several.to_vec(), fate).await;
        }
        670..770 => server.near_get(key, false).await,
        770..780 => server.near_get(key, true).await,
        780..900 => server.get(key).await,
        900..920 => server.set(key).await,
        920..930 => server.delete(key).await,
        930..955 => server.invalidate(key).await,
        955..990 => match tag(key) {
            Some(tag) => server.invalidate_tag(tag).await,
            None => server.invalidate(key).await,
        },
        990..998 => server.soften(key).await,
        _ => server.invalidate_all().await,
    }
}

/// What is illegal in what was seen, on a machine that was so late.
fn judge(plan: &Plan, mut history: History, late: Duration) -> Outcome {
    for read in history.reads.iter_mut().filter(|read| read.told_within > 0) {
        read.told_within += late.as_nanos() as u64;
    }
    let mut violations = history.complaints.clone();
    let illegal = check(&history);
    violations.extend(illegal.iter().map(|violation| describe(&history, violation)));
    if let Some(first) = illegal.first().filter(|_| plan.without.is_none()) {
        eprintln!("seed {}: {}", plan.seed, violations[history.complaints.len()]);
        eprintln!("{}", trace(&history, first));
    }
    let patience = (WAIT + plan.patience + late).as_nanos() as u64;
    let late = impatient(&history, patience);
    violations.extend(late.iter().map(|(op, waited)| {
        let waited = Duration::from_nanos(*waited);
        format!("server {} waited {waited:.1?} for {:?}", op.server, op.keys)
    }));
    Outcome {
        calls: 0,
        reads: history.reads.len(),
        kills: history.kills.len(),
        loads: history.spans.len(),
        near_hits: 0,
        faults: 0,
        violations,
    }
}

fn struck(store: &Faulty) -> u64 {
    let struck = store.struck();
    struck.failed + struck.requests_lost + struck.replies_lost + struck.late
}

/// What is wrong when everybody has gone and nothing goes wrong any more: everything must work as if
/// nothing had happened.
async fn quiet(plan: &Plan, servers: &[Server], log: &Arc<Log>) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    for server in servers {
        let queued = server.larder.stats().queued;
        if queued > 0 {
            wrong.push(format!("server {} still has {queued} invalidations", server.index));
        }
    }
    for key in 0..keys::COUNT {
        let loaded = servers[0].get_or_load(key, Fate::GOOD).await;
        let is_kept = ttl(key) > Duration::from_secs(1) && !plan.evicts;
        let is_fresh = |origin| origin != Origin::Stale;
        let is_kept = is_kept
            && loaded.is_some_and(|(seen, origin)| seen != Seen::Nothing && is_fresh(origin));
        for server in servers {
            server.near_get(key, false).await;
            let found = server.typed.get(key).await?;
            if found.is_none() && is_kept {
                wrong.push(format!("what was loaded under key {key} was not kept"));
            }
        }
    }
    let history = log.take();
    let values = history.reads.iter().filter_map(|read| match read.seen {
        Seen::Value(number) => Some((read.key, number)),
        Seen::Nothing => None,
    });
    let mut values: Vec<_> = values.collect();
    values.sort_unstable();
    values.dedup();
    for of_a_key in values.chunk_by(|a, b| a.0 == b.0).filter(|of_a_key| of_a_key.len() > 1) {
        wrong.push(format!("servers do not agree on key {}: {of_a_key:?}", of_a_key[0].0));
    }
    Ok(wrong)
}
