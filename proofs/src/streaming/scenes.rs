//! One thing at a time, on servers and a store that are well.

use std::{net::SocketAddr, time::Duration};

use futures_util::future::join_all;
use tokio::time::sleep;

use super::{
    client::{Ask, Seen, Verdict},
    plan::{End, Plan},
    stage::Stage,
    tally::Tally,
};
use crate::{
    Report, Result, Run,
    time::{BareTimer, now},
};

const KIB: u64 = 1024;
/// How much later than the origin's own the first byte of a miss may come, on a machine that is never late.
const MISS: Duration = Duration::from_millis(2);
/// When the first byte is there for a follower, the same.
const FOLLOWER: Duration = Duration::from_millis(50);
/// And for twenty who ask at once: who waits looks after 20 ms, and 40 ms later. How soon it is as a rule is
/// a matter of benchmarks; here it must not be a wait for anything longer.
const CROWD: Duration = Duration::from_millis(100);
/// Whatever the machine is.
const LIMIT: Duration = Duration::from_millis(500);

pub(super) async fn run(run: &Run, stage: &Stage, report: &mut Report) -> Result<()> {
    first_byte(run, stage, report).await;
    follower(stage, report).await;
    broken(stage, report, End::Cut, "the origin is cut in the middle").await;
    broken(stage, report, End::Short, "the origin sends less than it said").await;
    leaves(stage, report).await;
    trailers(stage, report).await;
    head(stage, report).await;
    ranges(stage, report).await;
    crowd(run, stage, report).await;
    Ok(())
}

/// A resource of nobody else.
fn plan(size: u64, end: End) -> Plan {
    Plan::new(format!("scene-{}", now()), size, end)
}

fn title(stage: &Stage, what: &str) -> String {
    format!("{}, {what}", stage.title())
}

async fn first_byte(run: &Run, stage: &Stage, report: &mut Report) {
    let timer = BareTimer::start();
    let (mut own, mut missed) = (Vec::new(), Vec::new());
    let mut tally = Tally::default();
    for _ in 0..run.of(40, 400) {
        for (times, server) in [(&mut own, stage.origin.address), (&mut missed, stage.a())] {
            let plan = plan(8 * KIB, End::Whole).over(2, Duration::from_millis(5));
            let seen = Ask::get(server, &plan).whole().await;
            times.push(seen.first);
            tally.add(&seen);
        }
    }
    let (own, missed) = (median(own), median(missed));
    let late = timer.lateness().worst();
    let asked = format!("the origin's own + {MISS:?}");
    let holds = tally.is_whole() && missed <= own + (MISS + late).min(LIMIT);
    let seen = format!("{missed:.1?}, the origin's own {own:.1?}; {tally}");
    report.row(title(stage, "first byte on a miss, median"), asked, seen, holds);
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

async fn follower(stage: &Stage, report: &mut Report) {
    let timer = BareTimer::start();
    let plan = plan(60 * KIB, End::Whole).over(6, Duration::from_millis(1500));
    let (first, (same, other)) = tokio::join!(stage.on_a(&plan).whole(), async {
        sleep(Duration::from_millis(500)).await;
        tokio::join!(stage.on_a(&plan).whole(), stage.on_b(&plan).whole())
    });
    let fetches = stage.origin.fetches(&plan);
    let bound = (FOLLOWER + timer.lateness().worst()).min(LIMIT);
    let tally = Tally::of([&first, &same, &other]);
    let holds = fetches == 1 && tally.is_whole() && same.first.max(other.first) <= bound;
    let seen = format!(
        "same server {:.1?}, other {:.1?}, {fetches} fetch; {tally}",
        same.first, other.first
    );
    let what = "followers at +0.5 s of a 1.5 s body: first byte, fetches of the origin";
    report.row(title(stage, what), format!("≤ {FOLLOWER:?}, 1"), seen, holds);
}

/// The origin breaks off, once.
async fn broken(stage: &Stage, report: &mut Report, end: End, what: &str) {
    let plan = plan(60 * KIB, end).over(6, Duration::from_millis(600));
    let (first, (same, other)) = tokio::join!(stage.on_a(&plan).whole(), async {
        sleep(Duration::from_millis(150)).await;
        tokio::join!(stage.on_a(&plan).whole(), stage.on_b(&plan).whole())
    });
    let broken = Tally::of([&first, &same, &other]);
    let (before, again) = (stage.origin.fetches(&plan), stage.on_b(&plan).whole().await);
    let fetches = stage.origin.fetches(&plan);
    let holds = broken.failed == 3 && before == 1 && fetches == 2 && again.is_whole();
    let seen = format!(
        "{broken}, {before} fetch; then {} from {fetches} fetches",
        if again.is_whole() { "whole" } else { "not whole" }
    );
    let asked = "3 visibly failed, 1; then whole from 2";
    report.row(title(stage, &format!("{what}: client and two followers")), asked, seen, holds);
}

/// Clients that do not stay.
async fn leaves(stage: &Stage, report: &mut Report) {
    for has_follower in [false, true] {
        let plan = plan(60 * KIB, End::Whole).over(6, Duration::from_millis(600));
        let Ok(mut first) = stage.on_a(&plan).open().await else {
            report.row(title(stage, "a client that leaves"), "an answer", "none", false);
            continue;
        };
        let began = first.until(10_000).await;
        let followers = async {
            if !has_follower {
                return Vec::new();
            }
            join_all([stage.on_a(&plan).whole(), stage.on_b(&plan).whole()]).await
        };
        let (followers, ()) = tokio::join!(followers, async {
            sleep(Duration::from_millis(150)).await;
            drop(first);
            sleep(Duration::from_millis(600)).await;
        });
        let later = join_all([stage.on_a(&plan).whole(), stage.on_b(&plan).whole()]).await;
        let (tally, hits) = (Tally::of(followers.iter().chain(&later)), Tally::of(&later).hits);
        let fetches = stage.origin.fetches(&plan);
        let holds = began && tally.is_whole() && fetches == 1 && hits == 2;
        let who = if has_follower { "two followers" } else { "nobody" };
        let seen = format!("{tally}, {fetches} fetch, {hits} hits");
        let what = format!("the first client leaves, {who} behind it");
        report.row(title(stage, &what), "all whole, 1 fetch, then 2 hits", seen, holds);
    }
}

async fn trailers(stage: &Stage, report: &mut Report) {
    let plan = plan(30 * KIB, End::Trailers).over(3, Duration::from_millis(300));
    let (first, follower) = tokio::join!(stage.on_a(&plan).whole(), async {
        sleep(Duration::from_millis(100)).await;
        stage.on_b(&plan).whole().await
    });
    let hits = stored(stage, &plan).await;
    let all: Vec<_> = [first, follower].into_iter().chain(hits).collect();
    let sums = all.iter().filter(|seen| {
        seen.trailers.as_ref().and_then(|trailers| trailers.get("x-sum")).is_some_and(|v| v == "1")
    });
    let (sums, tally, fetches) = (sums.count(), Tally::of(&all), stage.origin.fetches(&plan));
    let holds = sums == 4 && tally.is_whole() && fetches == 1;
    let seen = format!("{sums} with trailers; {tally}, {fetches} fetch");
    let what = "trailers: miss, follower, two hits";
    report.row(title(stage, what), "4 with trailers, 1 fetch", seen, holds);
}

/// Once it is committed, from both servers.
async fn stored(stage: &Stage, plan: &Plan) -> Vec<Seen> {
    let mut all = Vec::new();
    for server in [stage.a(), stage.b()] {
        for _ in 0..100 {
            let seen = Ask::get(server, plan).whole().await;
            if seen.verdict != Verdict::Right || seen.cache.contains("hit") {
                all.push(seen);
                break;
            }
            sleep(Duration::from_millis(5)).await;
        }
    }
    all
}

async fn head(stage: &Stage, report: &mut Report) {
    let plan = plan(30 * KIB, End::Length);
    let head = |server: SocketAddr| Ask::get(server, &plan).method("HEAD").whole();
    let before = head(stage.a()).await;
    let got = stage.on_b(&plan).whole().await;
    let hits = stored(stage, &plan).await;
    let after = [head(stage.a()).await, head(stage.b()).await];
    let all: Vec<_> = [before, got].into_iter().chain(hits).chain(after).collect();
    let (tally, fetches) = (Tally::of(&all), stage.origin.fetches(&plan));
    let holds = tally.is_whole() && all.len() == 6 && tally.hits == 4 && fetches == 1;
    let seen = format!("{tally}, {} hits, {fetches} fetch", tally.hits);
    let what = "HEAD, then GET, then both from the store";
    report.row(title(stage, what), "6 whole, 4 hits, 1 fetch", seen, holds);
}

async fn ranges(stage: &Stage, report: &mut Report) {
    let plan = plan(300 * KIB, End::Whole).over(6, Duration::from_millis(600));
    let part = |server: SocketAddr| Ask::get(server, &plan).range(1000, 1999).whole();
    let (first, (same, other)) = tokio::join!(stage.on_a(&plan).whole(), async {
        sleep(Duration::from_millis(250)).await;
        tokio::join!(part(stage.a()), part(stage.b()))
    });
    let (tally, fetches) = (Tally::of([&first, &same, &other]), stage.origin.fetches(&plan));
    let seen = format!("{} and {}; {tally}, {fetches} fetch", same.status, other.status);
    let what = title(stage, "a range of what is being recorded, same server and other");
    report.row(what, "right, 1 fetch", seen, tally.is_whole() && fetches == 1);

    let whole = stored(stage, &plan).await;
    let mut parts = Vec::new();
    for server in [stage.a(), stage.b()] {
        for (from, until) in [(0, 0), (65_000, 70_000), (131_072, 307_199), (307_000, 400_000)] {
            parts.push(Ask::get(server, &plan).range(from, until).whole().await);
        }
    }
    let partial = parts.iter().filter(|seen| seen.status == 206).count();
    let tally = Tally::of(whole.iter().chain(&parts));
    let fetches = stage.origin.fetches(&plan);
    let holds = tally.is_whole() && partial == 8 && fetches == 1;
    let seen = format!("{partial} parts; {tally}, {fetches} fetch");
    report.row(title(stage, "8 ranges of what is stored"), "8 right parts, 1 fetch", seen, holds);
}

async fn crowd(run: &Run, stage: &Stage, report: &mut Report) {
    let timer = BareTimer::start();
    let (mut most, mut worst, mut tally) = (0, Duration::ZERO, Tally::default());
    let rounds = run.of(3, 20);
    for _ in 0..rounds {
        let plan = plan(60 * KIB, End::Whole).over(6, Duration::from_millis(300));
        let pair = || [stage.on_a(&plan).whole(), stage.on_b(&plan).whole()];
        let all = join_all((0..10).flat_map(|_| pair())).await;
        all.iter().for_each(|seen| tally.add(seen));
        most = most.max(stage.origin.fetches(&plan));
        worst = worst.max(tally.first);
    }
    let bound = (CROWD + timer.lateness().worst()).min(LIMIT);
    let holds = most == 1 && tally.is_whole() && worst <= bound;
    let seen = format!("{most}, {worst:.1?}; {tally}");
    let what = format!("20 misses at once, {rounds} times: most fetches, worst first byte");
    report.row(title(stage, &what), format!("1, ≤ {CROWD:?}"), seen, holds);
}
