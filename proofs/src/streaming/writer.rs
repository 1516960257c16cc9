//! The process that records is killed, at each point of a body.

use std::time::Duration;

use tokio::time::sleep;

use super::{
    client::Verdict,
    plan::{End, Plan},
    stage::Stage,
    tally::Tally,
};
use crate::{Report, Result, Run, time::now};

/// How long a body takes.
const BODY: Duration = Duration::from_millis(1000);
const POINTS: u32 = 20;
/// How long anybody waits for the dead at most, beyond the time of the body: what a claim lives for, and a
/// little.
const NEXT: Duration = Duration::from_secs(4);

pub(super) async fn run(run: &Run, stage: &mut Stage, report: &mut Report) -> Result<()> {
    let mut all = Tally::default();
    let mut next = Tally::default();
    let (mut fetches, mut points, mut told) = (0, 0, Duration::ZERO);
    for point in (0..=POINTS).step_by(run.of(7, 1)) {
        let plan = Plan::new(format!("writer-{}", now()), 400 << 10, End::Whole).over(20, BODY);
        let first = stage.on_a(&plan);
        let follower = stage.on_b(&plan);
        let follower = async {
            sleep(Duration::from_millis(30)).await;
            follower.whole().await
        };
        let first = tokio::spawn(first.whole());
        let follower = tokio::spawn(follower);
        sleep(BODY * point / POINTS).await;
        stage.kill(0);
        let (first, follower) = (first.await?, follower.await?);
        all.add(&first);
        all.add(&follower);
        told = told.max(follower.took);
        let seen = stage.on_b(&plan).whole().await;
        if seen.verdict != Verdict::Failed {
            next.add(&seen);
        } else {
            // A failure of a moment before may be told again.
            sleep(Duration::from_secs(1)).await;
            next.add(&stage.on_b(&plan).whole().await);
        }
        fetches = fetches.max(stage.origin.fetches(&plan));
        points += 1;
        stage.replace(0).await?;
    }
    let what =
        format!("writer killed at {points} points of a body: its client and a follower elsewhere");
    let asked = format!("whole or visibly failed, within {NEXT:?} after the body's time");
    let seen = format!("{all}, the follower after {told:.1?} at most");
    report.row(what, asked, seen, all.is_honest() && all.failed > 0 && told <= BODY + NEXT);
    let what = format!("writer killed at {points} points: who asks next elsewhere, most fetches");
    let seen = format!("{next}, first byte after {:.1?} at most, {fetches} fetches", next.first);
    let holds = next.is_whole() && next.first <= NEXT && fetches <= 3;
    report.row(what, format!("whole, ≤ {NEXT:?}, ≤ 3"), seen, holds);
    Ok(())
}
