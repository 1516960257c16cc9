use std::{
    convert::Infallible,
    fs,
    sync::atomic::{AtomicU64, Ordering::SeqCst},
    time::Duration,
};

use integration_tests::servers::{Proxy, RedisServer, Reply};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::time::sleep;

use super::{
    KEYS, SERVERS,
    judge::{Floors, Read, Tally, judge},
    serve::{Ack, Done, Order, Protocol, Standing},
};
use crate::{
    Report, Result, Run,
    fleet::{self, Server, ask, hear},
    source::Source,
    time::{BareTimer, Lateness},
};

/// How far behind a read on another server may be: what it takes for a change to be told.
const TOLD: Duration = Duration::from_millis(50);
/// How far behind it may be whatever happens: the silence that a near tier bears, and a bit.
const SILENCE: Duration = Duration::from_millis(3300);

/// What happens while the servers read and write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// The connections on which changes are told are cut every half second.
    Cuts,
    /// Those of two of the servers fall silent, without an end.
    Silence,
    /// Servers are frozen at random, for up to four seconds.
    Pauses,
}

/// What was seen of a fleet.
#[derive(Debug, Default)]
struct Seen {
    elsewhere: Tally,
    own: Tally,
    acks: u64,
    not_applied: u64,
    loads: u64,
    near_hits: u64,
    errors: u64,
    error: Option<String>,
    /// How often the fault struck.
    struck: u64,
    /// Stale when all is quiet, in the memory of servers and in the store.
    quiet: (u64, u64),
    lateness: Duration,
}

/// All cases, each with servers of its own.
pub(crate) fn run(run: &Run) -> Result<Report> {
    crate::runtime()?.block_on(cases(run))
}

async fn cases(run: &Run) -> Result<Report> {
    let mut report = Report::default();
    let (calm, storm) = (run.of(3, 24), run.of(7, 30));
    for (fault, seconds, how) in [
        (Fault::None, calm, "all is well"),
        (Fault::Cuts, calm, "connections cut each 0.5 s"),
        (Fault::Silence, storm, "connections black-holed"),
        (Fault::Pauses, storm, "servers paused at random"),
    ] {
        let seen = play(run, Protocol::Larder, fault, Duration::from_secs(seconds)).await?;
        claims(run, &mut report, how, fault, &seen);
    }
    for (protocol, fault, how) in [
        (Protocol::Aside, Fault::None, "control, GET/SET + DEL/PUBLISH + map"),
        (Protocol::Leases, Fault::None, "control, leases + PUBLISH + map, no tokens"),
        (Protocol::Leases, Fault::Cuts, "the same, connections cut each 0.5 s"),
    ] {
        let seen = play(run, protocol, fault, Duration::from_secs(calm)).await?;
        let stale = seen.elsewhere.stale + seen.own.stale;
        let (near, store) = seen.quiet;
        let text = format!(
            "{stale} of {} reads, {near} + {store} when all is quiet ({} invalidations, {} loads)",
            seen.elsewhere.reads, seen.acks, seen.loads
        );
        report.row(format!("{how}: stale reads"), "> 0", text, stale > 0);
    }
    Ok(report)
}

/// What larder promises.
fn claims(run: &Run, report: &mut Report, how: &str, fault: Fault, seen: &Seen) {
    let Seen { elsewhere, own, .. } = seen;
    let (reads, acks) = run.of((10_000, 100), (200_000, 1_400));
    let amount = format!(
        "{}, {} ({} loads, {} near hits, {} not applied, faults: {})",
        elsewhere.reads, seen.acks, seen.loads, seen.near_hits, seen.not_applied, seen.struck
    );
    let is_enough = elsewhere.reads >= reads
        && seen.acks >= acks
        && seen.near_hits > elsewhere.reads / 2
        && (fault == Fault::None || seen.struck > 0);
    let asked = format!("≥ {reads}, ≥ {acks}, most of them near");
    report.row(format!("{how}: reads, invalidations"), asked, amount, is_enough);

    let bound = match fault {
        Fault::None | Fault::Cuts => "0 after 50 ms",
        Fault::Silence => "0 after 50 ms, 3.3 s where it is silent",
        Fault::Pauses => "0 after 50 ms and the pause, never after 3.3 s",
    };
    let worst = format!(
        "{} (worst {:.1?} behind; {} while a bare timer was as late, up to {:.1?})",
        elsewhere.stale, elsewhere.behind, elsewhere.late, seen.lateness
    );
    report.row(format!("{how}: stale on any server"), bound, worst, elsewhere.stale == 0);
    let what = format!("{how}: stale where it was invalidated");
    report.row(what, "0", own.stale.to_string(), own.stale == 0);
    let (near, store) = seen.quiet;
    let what = format!("{how}: stale when all is quiet, near and store");
    report.row(what, "0, 0", format!("{near}, {store}"), seen.quiet == (0, 0));
    let error = seen.error.as_ref().map(|error| format!(", the first: {error}"));
    let errors = format!("{}{}", seen.errors, error.unwrap_or_default());
    report.row(format!("{how}: reads that failed"), "0", errors, seen.errors == 0);
}

/// One case.
async fn play(run: &Run, protocol: Protocol, fault: Fault, time: Duration) -> Result<Seen> {
    let timer = BareTimer::start();
    let (cache, source) = (RedisServer::start().await?, RedisServer::start().await?);
    let directory = tempfile::tempdir()?;
    let (mut servers, mut proxies, mut files) = (Vec::new(), Vec::new(), Vec::new());
    for index in 0..SERVERS {
        let (mut url, mut pause) = (cache.url(), Duration::from_millis(30));
        if fault == Fault::Silence && is_silenced(index) {
            // Its own writes would tell it what it does not hear.
            pause = Duration::from_secs(3);
            let proxy = Proxy::start(cache.address()).await?;
            proxy.mark_who_asks("TRACKING");
            url = cache.url_via(proxy.address());
            proxies.push(proxy);
        }
        let reads = directory.path().join(index.to_string());
        files.push(reads.clone());
        let seed = run.seed.wrapping_mul(31 + index as u64);
        let order = Order { protocol, cache: url, source: source.url(), seed, pause, reads };
        servers.push(Server::start(&run.program, &fleet::Order::Stale(order))?);
    }
    hear::<String>(&mut servers).await?;
    for server in &mut servers {
        server.say("go").await?;
    }

    let struck = AtomicU64::new(0);
    tokio::select! {
        ended = strike(fault, run.seed, &cache, &servers, &proxies, &struck) => match ended? {},
        () = sleep(time) => {}
    }
    // Those that are frozen would not hear.
    servers.iter().try_for_each(|server| server.freeze(false))?;
    proxies.iter().for_each(Proxy::pass);
    let done: Vec<Done> = ask(&mut servers, "stop").await?;
    sleep(Duration::from_millis(500)).await;
    let standing: Vec<Standing> = ask(&mut servers, "look").await?;

    let mut seen = Seen { struck: struck.load(SeqCst), ..Seen::default() };
    let acks: Vec<Ack> = done.iter().flat_map(|done| done.acks.iter().copied()).collect();
    let here = timer.lateness();
    let floors = Floors::new(&acks);
    for (index, (done, file)) in done.iter().zip(&files).enumerate() {
        let reads = Read::from_bytes(&fs::read(file)?);
        let bound = if fault == Fault::Silence && is_silenced(index) { SILENCE } else { TOLD };
        let late = [&done.lateness, &here];
        seen.elsewhere += judge(&reads, &floors, bound, SILENCE, &late);
        let own = Floors::new(&done.acks);
        seen.own += judge(&reads, &own, Duration::ZERO, Duration::ZERO, &[]);
        seen.lateness = late.map(Lateness::worst).into_iter().fold(seen.lateness, Duration::max);
        seen.not_applied += done.not_applied;
        seen.loads += done.loads;
        seen.near_hits += done.near_hits;
        seen.errors += done.errors;
        seen.error = seen.error.or_else(|| done.error.clone());
    }
    seen.acks = acks.len() as u64;
    let source = Source::open(&source.url()).await?;
    for key in 0..KEYS {
        let now = source.read(key).await?;
        let is_stale = |kept: &Option<u64>| kept.is_some_and(|kept| kept != now);
        for standing in &standing {
            seen.quiet.0 += u64::from(is_stale(&standing.near[key as usize]));
            seen.quiet.1 += u64::from(is_stale(&standing.store[key as usize]));
        }
    }
    Ok(seen)
}

/// Whether this is one of the servers whose connections fall silent.
const fn is_silenced(index: usize) -> bool {
    index < 2
}

/// Lets the fault strike, again and again.
async fn strike(
    fault: Fault,
    seed: u64,
    cache: &RedisServer,
    servers: &[Server],
    proxies: &[Proxy],
    struck: &AtomicU64,
) -> Result<Infallible> {
    let mut rng = StdRng::seed_from_u64(seed);
    loop {
        match fault {
            Fault::None => std::future::pending().await,
            Fault::Cuts => {
                sleep(Duration::from_millis(500)).await;
                struck.fetch_add(cut(cache).await?, SeqCst);
            }
            Fault::Silence => {
                sleep(Duration::from_millis(1500)).await;
                proxies.iter().for_each(Proxy::black_hole_marked);
                struck.fetch_add(1, SeqCst);
                sleep(Duration::from_millis(4500)).await;
                proxies.iter().for_each(Proxy::pass);
            }
            Fault::Pauses => {
                sleep(Duration::from_millis(rng.random_range(100..600))).await;
                let server = &servers[rng.random_range(0..servers.len())];
                server.freeze(true)?;
                struck.fetch_add(1, SeqCst);
                let most = if rng.random_bool(0.5) { 500 } else { 4000 };
                sleep(Duration::from_millis(rng.random_range(20..most))).await;
                server.freeze(false)?;
            }
        }
    }
}

/// Cuts the connections on which changes are told, and says how many there were.
async fn cut(cache: &RedisServer) -> Result<u64> {
    let Reply::Value(Some(clients)) = cache.cli(&["CLIENT", "LIST"]).await? else {
        return Err("the server does not tell its clients".into());
    };
    let clients = String::from_utf8(clients)?;
    let mut cut = 0;
    for client in clients.lines() {
        let field = |name| client.split(' ').find_map(|field| field.strip_prefix(name));
        let flags = field("flags=").unwrap_or_default();
        // `t`: tracking. `P`: subscribed.
        if flags.contains(['t', 'P'])
            && let Some(id) = field("id=")
        {
            cache.cli(&["CLIENT", "KILL", "ID", id]).await?;
            cut += 1;
        }
    }
    Ok(cut)
}
