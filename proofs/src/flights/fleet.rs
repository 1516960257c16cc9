//! Four processes on one Redis, that lives or is killed.

use std::time::Duration;

use integration_tests::servers::RedisServer;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::time::sleep;

use super::{
    reader::Protocol,
    round::{Rounds, Seen},
    serve::{Order, Round},
};
use crate::{
    Report, Result, Run,
    fleet::{self, Server, ask, hear},
    source::Source,
    time::{nanos, now},
};

const SERVERS: usize = 4;
/// How many tasks each of them has.
const TASKS: usize = 200;
/// How long they wait for what somebody else loads, where somebody has to.
const WAIT: Duration = Duration::from_millis(400);
/// How much longer they may take over it, on a machine that is never late.
const GRACE: Duration = Duration::from_millis(50);
/// And whatever the machine is.
const LIMIT: Duration = Duration::from_secs(1);
/// How long it takes for a word to reach all servers.
const LEAD: Duration = Duration::from_millis(20);

/// What happens while they load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// The Redis is killed while the first load goes on, and is back after at least and at most so long.
    Kill(Duration, Duration),
    /// Whoever loads first takes far too long.
    Slow,
}

/// What was seen of a fleet.
#[derive(Debug, Default)]
struct Outcome {
    rounds: Rounds,
    /// In how many rounds the fault struck while there was one load.
    struck: u64,
    /// How often a server had somebody who waited too long.
    impatient: u64,
    /// The latest that a bare timer was.
    late: Duration,
}

pub(super) async fn run(run: &Run, report: &mut Report) -> Result<()> {
    let rounds = run.of(20, 200);
    let seen = play(run, Protocol::Larder, Fault::None, rounds).await?;
    report.row(title(rounds, "loads of each"), "1", seen.loads(), seen.rounds.are_single());
    let killed = Fault::Kill(Duration::ZERO, Duration::from_millis(800));
    let rounds = run.of(5, 200);
    let seen = play(run, Protocol::Larder, killed, rounds).await?;
    bounded(report, &title(rounds, "Redis killed"), &seen);
    let rounds = run.of(2, 10);
    let seen = play(run, Protocol::Larder, Fault::Slow, rounds).await?;
    bounded(report, &title(rounds, "the first load takes 2 s"), &seen);

    for (protocol, fault, how, most) in [
        (Protocol::NoLease, Fault::None, "no lease before the source is asked", 1),
        (Protocol::Aside, Fault::None, "look, load, write", 1),
        (Protocol::Aside, killed, "look, load, write, Redis killed", SERVERS as u64),
    ] {
        let seen = play(run, protocol, fault, 5).await?;
        let what = title(5, &format!("control, {how}: loads of each"));
        report.row(what, format!("> {most}"), seen.loads(), seen.rounds.most_loads > most);
    }
    // Those who look for what is locked do so until the Redis is back.
    let down = Duration::from_millis(1500);
    for (protocol, fault, how) in [
        (Protocol::Lock, Fault::Kill(down, down), "lock and look, Redis killed"),
        (Protocol::NoDeadline, Fault::Slow, "waiting has no end, the first load takes 2 s"),
    ] {
        let seen = play(run, protocol, fault, 2).await?;
        let what = title(2, &format!("control, {how}: servers that waited too long"));
        report.row(what, "> 0", seen.waits(), seen.impatient > 0);
    }
    Ok(())
}

fn title(rounds: usize, how: &str) -> String {
    format!("{SERVERS} processes × {TASKS} tasks, {rounds} keys, {how}")
}

/// What larder promises whatever happens.
fn bounded(report: &mut Report, title: &str, seen: &Outcome) {
    let Outcome { rounds, struck, .. } = seen;
    let holds = *struck > rounds.keys / 2 && rounds.all.failed == 0;
    let text = format!("{struck}, {}", rounds.all.failed);
    report.row(format!("{title}: mid-load, calls that failed"), "most, 0", text, holds);
    let holds = (1..=SERVERS as u64).contains(&rounds.most_loads);
    report.row(format!("{title}: loads of each"), format!("≤ {SERVERS}"), seen.loads(), holds);
    let what = format!("{title}: servers that waited for others longer than {WAIT:?} + {GRACE:?}");
    report.row(what, "0", seen.waits(), seen.impatient == 0);
}

/// One case.
async fn play(run: &Run, protocol: Protocol, fault: Fault, rounds: usize) -> Result<Outcome> {
    let (mut cache, sources) = (RedisServer::start().await?, RedisServer::start().await?);
    let source = Source::open(&sources.url()).await?;
    let mut servers = start(run, protocol, fault, &cache.url(), &sources.url())?;
    let (mut rng, mut all) = (StdRng::seed_from_u64(run.seed), Outcome::default());
    for key in 0..rounds as u64 {
        let _: Vec<String> = ask(&mut servers, &key.to_string()).await?;
        let at = now() + nanos(LEAD);
        for server in &mut servers {
            server.say(&at.to_string()).await?;
        }
        let strike = strike(fault, &mut rng, &mut cache, source.read(key));
        let (seen, struck) = tokio::try_join!(hear(&mut servers), strike)?;
        all.add(seen, struck);
    }
    Ok(all)
}

fn start(
    run: &Run,
    protocol: Protocol,
    fault: Fault,
    cache: &str,
    source: &str,
) -> Result<Vec<Server>> {
    let (first, other) = fault.loads();
    let server = |index: usize| {
        let order = Order {
            protocol,
            cache: cache.to_owned(),
            source: source.to_owned(),
            tasks: TASKS,
            wait: if fault == Fault::None { Duration::from_secs(5) } else { WAIT },
            hears: index % 2 == 1,
            first,
            other,
        };
        Server::start(&run.program, &fleet::Order::Flights(order))
    };
    (0..SERVERS).map(server).collect()
}

/// Lets the fault strike once. Whether it did while there was one load.
async fn strike(
    fault: Fault,
    rng: &mut StdRng,
    cache: &mut RedisServer,
    loads: impl Future<Output = Result<u64>>,
) -> Result<bool> {
    match fault {
        Fault::None => Ok(false),
        Fault::Slow => Ok(true),
        Fault::Kill(least, most) => {
            sleep(LEAD + Duration::from_millis(rng.random_range(50..250))).await;
            let is_loading = loads.await? == 1;
            cache.kill()?;
            sleep(rng.random_range(least..=most)).await;
            cache.restart().await?;
            Ok(is_loading)
        }
    }
}

impl Fault {
    /// How long the first load of a key takes, and each other one.
    const fn loads(self) -> (Duration, Duration) {
        let (first, other) = match self {
            Self::None => (5, 5),
            Self::Kill(..) => (300, 300),
            Self::Slow => (2000, 100),
        };
        (Duration::from_millis(first), Duration::from_millis(other))
    }
}

impl Outcome {
    fn loads(&self) -> String {
        self.rounds.to_string()
    }

    fn waits(&self) -> String {
        let Self { rounds, impatient, late, .. } = self;
        let longest = rounds.all.waited;
        format!("{impatient} (longest {longest:.1?}, a bare timer was late by {late:.1?} at most)")
    }

    fn add(&mut self, servers: Vec<Round>, struck: bool) {
        let mut all = Seen::default();
        for Round { seen, late } in servers {
            self.impatient += u64::from(seen.waited > (WAIT + GRACE + late).min(LIMIT));
            self.late = self.late.max(late);
            all += seen;
        }
        self.struck += u64::from(struck);
        self.rounds.add(all);
    }
}
