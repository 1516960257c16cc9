use std::time::Duration;

use integration_tests::servers::{Proxy, RedisServer};

use super::{
    OPEN, RECOVERY, TIMEOUT,
    faults::{Fault, strike},
    figures::Figures,
    reader::{Means, Reader},
    traffic::Traffic,
};
use crate::{Report, Result, Run, time::BareTimer};

/// What the breaker may cost on top while the machine is busy, however busy it is.
const OPEN_LIMIT: Duration = Duration::from_millis(20);

/// All cases, each with servers of its own.
pub(crate) fn run(run: &Run) -> Result<Report> {
    crate::runtime()?.block_on(cases(run))
}

async fn cases(run: &Run) -> Result<Report> {
    let mut report = Report::default();
    let long = Duration::from_secs(run.of(2, 20));
    let (restarts, hiccups, cuts) = run.of((2, 8, 10), (60, 240, 400));
    for (fault, how) in [
        (Fault::Down(long), "killed"),
        (Fault::Frozen(long), "frozen"),
        (Fault::Restarts(restarts), "killed again and again"),
        (Fault::Hiccups(hiccups), "frozen again and again"),
        (Fault::Cuts(cuts), "connections cut"),
    ] {
        let figures = play(run, Means::Layers, fault).await?;
        claims(&mut report, how, fault, &figures);
    }

    let short = Duration::from_secs(1);
    let figures = play(run, Means::Bare, Fault::Frozen(short)).await?;
    let text = format!("{} of {}, worst {:.0?}", figures.over, figures.requests, figures.worst);
    let what = format!("control, frozen, without the layers: lost more than {TIMEOUT:?}");
    report.row(what, "> 0", text, figures.over > 0);
    let figures = play(run, Means::Aside, Fault::Down(short)).await?;
    let text = format!("{} of {}", figures.failed, figures.requests);
    let what = "control, killed, GET + load + SET: requests that failed";
    report.row(what, "> 0", text, figures.failed > 0);
    Ok(report)
}

/// What larder promises.
fn claims(report: &mut Report, how: &str, fault: Fault, seen: &Figures) {
    let amount = format!(
        "{} of {} ({} hits, {} loads kept, {} not)",
        seen.failed, seen.requests, seen.hits, seen.kept, seen.uncached
    );
    let is_enough = seen.requests > 3000 && seen.hits > 1000 && seen.kept > 100;
    report.row(format!("{how}: requests that failed"), "0", amount, seen.failed == 0 && is_enough);

    let text = format!(
        "{} (worst {:.1?}; {} while a bare one was as late)",
        seen.over, seen.worst, seen.late
    );
    let what = format!("{how}: lost more than {TIMEOUT:?} by it");
    report.row(what, "0", text, seen.over == 0);

    if seen.open > 100 || matches!(fault, Fault::Down(_) | Fault::Frozen(_)) {
        let bound = (OPEN + seen.bare_p99).min(OPEN_LIMIT);
        let text =
            format!("{:.2?} of {} (bare ones {:.2?})", seen.open_p99, seen.open, seen.bare_p99);
        let what = format!("{how}: lost while the breaker was open, p99");
        let asked = format!("≤ {OPEN:?} more than a bare one");
        report.row(what, asked, text, seen.open > 100 && seen.open_p99 <= bound);
    }

    if let Some(first) = seen.first_hit {
        let text = format!("{first:.0?}, {:.0?}", seen.last_uncached);
        let what = format!("{how}: first hit after it was back, last answer without it");
        report.row(
            what,
            format!("≤ {RECOVERY:?}"),
            text,
            first.max(seen.last_uncached) <= RECOVERY,
        );
    }
}

/// One case.
async fn play(run: &Run, means: Means, fault: Fault) -> Result<Figures> {
    let mut redis = RedisServer::start().await?;
    let proxy = Proxy::start(redis.address()).await?;
    let url = match fault {
        Fault::Cuts(_) => redis.url_via(proxy.address()),
        _ => redis.url(),
    };
    let timer = BareTimer::start();
    let traffic = Traffic::start(Reader::open(means, &url).await?, run.seed);
    let outages = strike(fault, run.seed, &mut redis, &proxy).await?;
    let samples = traffic.end().await?;
    Ok(Figures::of(&samples, &outages, &timer.lateness()))
}
