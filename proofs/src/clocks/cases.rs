use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use backend_memory::MemoryCache;
use backend_redis::RedisCache;
use backend_sled::SledCache;
use cache_api::{Cache, Namespace};
use integration_tests::servers::RedisServer;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::time::sleep;

use super::{
    HOUR, STALE_FOR, TOLERANCE, TTL,
    clock::Shifted,
    holders::{self, GIVEN_UP, LEASE, Patience},
    judge::{Tally, judge},
    naive::Naive,
    readers::{Reader, WAIT},
    server_clock::set_back,
};
use crate::{Report, Result, Run, time::BareTimer};

const HOUR_MS: i64 = HOUR.as_millis() as i64;
/// How far the clock of a server is behind while that of Redis is moved.
const BEHIND: Duration = Duration::from_secs(3);

/// All cases, each with servers of its own.
pub(crate) fn run(run: &Run) -> Result<Report> {
    crate::runtime()?.block_on(cases(run))
}

async fn cases(run: &Run) -> Result<Report> {
    let mut report = Report::default();
    servers(run, &mut report).await?;
    redis(run, &mut report).await?;
    machine(run, &mut report).await?;
    dead_holders(run, &mut report).await?;
    Ok(report)
}

/// Those of servers are wrong, and one jumps.
async fn servers(run: &Run, report: &mut Report) -> Result<()> {
    let (redis, jumping) = (RedisServer::start().await?, Shifted::default());
    let names = ["an hour behind", "right", "an hour ahead", "jumping"];
    let clocks = [-HOUR_MS, 0, HOUR_MS].map(Shifted::by).into_iter().chain([jumping.clone()]);
    let clocks: Vec<_> = names.into_iter().zip(clocks).collect();
    let mut groups = Vec::new();
    for (name, clock) in &clocks {
        let readers = Reader::two_on_redis(&redis.url(), clock).await?;
        groups.push((format!("server's clock {name}"), readers.into(), Duration::ZERO));
    }
    let mut naive = Vec::new();
    for (_, clock) in clocks.iter().filter(|(name, _)| ["right", "jumping"].contains(name)) {
        let store = Arc::new(RedisCache::connect(&redis.url()).await?);
        let reader = Naive::WallTime { store, clock: clock.clone() };
        naive.push(Reader::Naive(reader, Namespace::new("naive")?));
    }
    let name = format!("{CONTROL}its end by wall time, right and jumping");
    groups.push((name, naive, Duration::ZERO));
    let jumps = jump(&jumping, run.seed);
    play(report, groups, Duration::from_secs(run.of(4, 120)), jumps).await
}

/// That of Redis is set back and forth.
async fn redis(run: &Run, report: &mut Report) -> Result<()> {
    let redis = RedisServer::start().await?;
    let behind = Shifted::by(-(BEHIND.as_millis() as i64));
    let store = Arc::new(RedisCache::connect(&redis.url()).await?);
    let naive = Reader::Naive(Naive::Lifetime(store), Namespace::new("naive")?);
    let right = Reader::two_on_redis(&redis.url(), &Shifted::default()).await?;
    let behind = Reader::two_on_redis(&redis.url(), &behind).await?;
    let groups = vec![
        ("Redis' clock set back and forth an hour".into(), right.into(), TOLERANCE),
        ("the same, for a server 3 s behind".into(), behind.into(), TOLERANCE + BEHIND),
        (format!("{CONTROL}SET with a lifetime, and GET"), vec![naive], TOLERANCE),
    ];
    let steps = async {
        sleep(Duration::from_secs(1)).await;
        loop {
            set_back(&redis, HOUR_MS).await?;
            sleep(Duration::from_secs(7)).await;
            set_back(&redis, -HOUR_MS).await?;
            sleep(Duration::from_millis(700)).await;
        }
    };
    play(report, groups, Duration::from_millis(run.of(8500, 120_000)), steps).await
}

/// That of the machine jumps, and the store is in the process, or on its disk.
async fn machine(run: &Run, report: &mut Report) -> Result<()> {
    let (clock, store_s) = (Shifted::default(), Shifted::default());
    let directory = tempfile::tempdir()?;
    let sled = SledCache::builder(directory.path()).clock(Arc::new(store_s.clone())).open().await?;
    let memory = MemoryCache::builder().clock(Arc::new(store_s.clone())).build();
    let stores = [("sled", Arc::new(sled) as Arc<dyn Cache>), ("memory", Arc::new(memory))];
    let mut groups = Vec::new();
    for (name, store) in stores {
        let readers = Reader::two(Arc::clone(&store), store, &clock)?;
        groups.push((
            format!("{name}, its clock and the server's jumping"),
            readers.into(),
            Duration::ZERO,
        ));
    }
    let jumps = async {
        match tokio::join!(jump(&clock, run.seed), jump(&store_s, run.seed + 1)) {
            (Err(error), _) | (_, Err(error)) => Err(error),
        }
    };
    play(report, groups, Duration::from_secs(run.of(4, 60)), jumps).await
}

/// Of those who wait for a load whose server died.
async fn dead_holders(run: &Run, report: &mut Report) -> Result<()> {
    let program = &run.program;
    let (taken_over, left, endless) = tokio::try_join!(
        holders::play(program, Patience::For(GIVEN_UP), false),
        holders::play(program, Patience::For(WAIT), true),
        holders::play(program, Patience::Endless, true),
    )?;
    let limit = Duration::from_millis(500);
    let mut row = |what: &str, bound: Duration, seen: &holders::Waited| {
        let text = format!("{:.2?} (a bare timer {:.1?} late)", seen.longest, seen.late);
        let asked = format!("≤ {bound:?}");
        let excused = bound + (Duration::from_millis(50) + seen.late).min(limit);
        report.row(what, asked, text, seen.longest <= excused);
    };
    row("a lease of a dead server, clocks ± 1 h: taken over", LEASE, &taken_over);
    row("the same, Redis set back an hour: waited at most", WAIT, &left);
    let text = format!("{:.2?}, given up", endless.longest);
    report.row(
        format!("{CONTROL}waiting for as long as it stands"),
        format!("> {WAIT:?}"),
        text,
        endless.longest >= GIVEN_UP,
    );
    Ok(())
}

const CONTROL: &str = "control, ";

/// Lets a clock jump, an hour ahead, behind, and right again.
async fn jump(clock: &Shifted, seed: u64) -> Result<Infallible> {
    let mut rng = StdRng::seed_from_u64(seed);
    loop {
        clock.shift(HOUR_MS * rng.random_range(-1..=1));
        sleep(Duration::from_millis(rng.random_range(50..600))).await;
    }
}

/// What a group is called, who is in it, and how long after its end an answer may be served there.
type Group = (String, Vec<Reader>, Duration);

/// Lets all read for so long, while clocks are moved.
async fn play(
    report: &mut Report,
    groups: Vec<Group>,
    time: Duration,
    moving: impl Future<Output = Result<Infallible>>,
) -> Result<()> {
    let (stop, timer) = (Arc::new(AtomicBool::new(false)), BareTimer::start());
    let mut playing = Vec::new();
    for (name, readers, beyond) in groups {
        let reading =
            readers.into_iter().map(|reader| tokio::spawn(reader.read_on(Arc::clone(&stop))));
        playing.push((name, beyond, reading.collect::<Vec<_>>()));
    }
    tokio::select! {
        ended = moving => match ended? {},
        () = sleep(time) => {}
    }
    stop.store(true, SeqCst);
    for (name, beyond, reading) in playing {
        let mut tally = Tally::default();
        for reader in reading {
            tally += judge(&reader.await??, beyond, &timer.lateness());
        }
        claim(report, &name, beyond, &tally);
    }
    Ok(())
}

fn claim(report: &mut Report, name: &str, beyond: Duration, seen: &Tally) {
    let (lives, is_control) = (TTL + STALE_FOR + beyond, name.starts_with(CONTROL));
    let text = format!(
        "{} of {} (oldest {:.2?}, {} loaded nothing)",
        seen.past, seen.reads, seen.oldest, seen.hits
    );
    let what = format!("{name}: served later than {lives:?}");
    if is_control {
        return report.row(what, "> 0", text, seen.past > 0);
    }
    report.row(what, "0", text, seen.past == 0 && seen.hits > 100);
    let text = format!("{} (longest {:.0?})", seen.overdue, seen.longest);
    report.row(format!("{name}: waited longer than {WAIT:?}"), "0", text, seen.overdue == 0);
}
