//! The store is killed, frozen, evicting, in each phase of a recording's life.

use std::time::Duration;

use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::time::{sleep, timeout};

use super::{
    client::Verdict,
    plan::{End, Plan},
    stage::Stage,
    tally::Tally,
};
use crate::{Report, Result, Run, time::now};

#[derive(Debug, Clone, Copy)]
enum Fault {
    Killed,
    Frozen,
    Evicting,
}

/// When it strikes.
#[derive(Debug, Clone, Copy)]
enum Phase {
    BeforeTheMiss,
    WhileRecording,
    AfterTheCommit,
    WhileReplaying,
}

const FAULTS: [Fault; 3] = [Fault::Killed, Fault::Frozen, Fault::Evicting];
const PHASES: [Phase; 4] =
    [Phase::BeforeTheMiss, Phase::WhileRecording, Phase::AfterTheCommit, Phase::WhileReplaying];

/// How long a body takes.
const BODY: Duration = Duration::from_millis(600);
/// Longer than sockets hold, so that a client who reads no further stops the server.
const SIZE: u64 = 12 << 20;
/// How long a store is gone.
const OUTAGE: Duration = Duration::from_millis(700);

/// What became of one play.
#[derive(Debug, Default)]
struct Outcome {
    /// Those who asked while the store was in trouble, and whose answers are the origin's own.
    own: Tally,
    /// Those whose answers come from the store.
    stored: Tally,
    /// Those who ask when all is well again.
    after: Tally,
}

pub(super) async fn run(run: &Run, stage: &mut Stage, report: &mut Report) -> Result<()> {
    let mut rng = StdRng::seed_from_u64(run.seed);
    for (index, fault) in FAULTS.into_iter().enumerate() {
        // One of them in the short form, another one for each fault.
        let only = (run.seed as usize % PHASES.len() + index) % PHASES.len();
        for phase in run.of(&PHASES[only..=only], &PHASES[..]) {
            let Outcome { own, stored, after } = play(stage, fault, *phase, &mut rng).await?;
            let what = format!("{}, store {fault:?} {phase:?}", stage.title());
            let seen = format!("recorded: {own}; from the store: {stored}; then: {after}");
            let holds = own.is_whole() && stored.is_honest() && after.is_whole();
            report.row(what, "recorded and then: whole; else whole or visibly failed", seen, holds);
        }
    }
    Ok(())
}

async fn play(stage: &mut Stage, fault: Fault, phase: Phase, rng: &mut StdRng) -> Result<Outcome> {
    let size = if matches!(phase, Phase::WhileReplaying) { SIZE } else { 300 << 10 };
    let plan = Plan::new(format!("outage-{}", now()), size, End::Whole).over(6, BODY);
    let mut outcome = Outcome::default();
    let on = [stage.on_a(&plan), stage.on_b(&plan)];
    match phase {
        Phase::BeforeTheMiss => {
            let asked = async {
                sleep(Duration::from_millis(50)).await;
                tokio::join!(on[0].clone().whole(), on[1].clone().whole())
            };
            let (seen, struck) = tokio::join!(asked, strike(stage, fault, rng));
            struck?;
            outcome.own.add(&seen.0);
            outcome.stored.add(&seen.1);
        }
        Phase::WhileRecording => {
            let asked = async {
                tokio::join!(on[0].clone().whole(), async {
                    sleep(Duration::from_millis(100)).await;
                    on[1].clone().whole().await
                })
            };
            let strikes = async {
                sleep(Duration::from_millis(rng.random_range(100..500))).await;
                strike(stage, fault, rng).await
            };
            let (seen, struck) = tokio::join!(asked, strikes);
            struck?;
            outcome.own.add(&seen.0);
            outcome.stored.add(&seen.1);
        }
        Phase::AfterTheCommit => {
            outcome.own.add(&on[0].clone().whole().await);
            sleep(Duration::from_millis(50)).await;
            let asked = async {
                sleep(Duration::from_millis(50)).await;
                tokio::join!(on[0].clone().whole(), on[1].clone().whole())
            };
            let (seen, struck) = tokio::join!(asked, strike(stage, fault, rng));
            struck?;
            outcome.stored.add(&seen.0);
            outcome.stored.add(&seen.1);
        }
        Phase::WhileReplaying => {
            outcome.own.add(&on[0].clone().whole().await);
            sleep(Duration::from_millis(50)).await;
            let mut readers = Vec::new();
            for ask in &on {
                if let Ok(mut reader) = ask.clone().open().await {
                    reader.until(1).await;
                    readers.push(reader);
                }
            }
            strike(stage, fault, rng).await?;
            for reader in readers {
                outcome.stored.add(&reader.rest().await);
            }
        }
    }
    for ask in on {
        outcome.after.add(&recovered(ask).await?);
    }
    Ok(outcome)
}

/// What is asked once all is well. A failure of a moment before may be told again for a second.
async fn recovered(ask: super::client::Ask) -> Result<super::client::Seen> {
    let again = async {
        loop {
            let seen = ask.clone().whole().await;
            if seen.verdict != Verdict::Failed {
                return seen;
            }
            sleep(Duration::from_millis(100)).await;
        }
    };
    Ok(timeout(Duration::from_secs(5), again).await?)
}

async fn strike(stage: &mut Stage, fault: Fault, rng: &mut StdRng) -> Result<()> {
    match fault {
        Fault::Killed => {
            stage.redis()?.kill()?;
            sleep(OUTAGE).await;
            stage.redis()?.restart().await?;
        }
        Fault::Frozen => {
            stage.redis()?.stop()?;
            sleep(OUTAGE).await;
            stage.redis()?.cont()?;
        }
        Fault::Evicting => {
            for _ in 0..5 {
                stage.evict(rng, 0.4).await?;
                sleep(OUTAGE / 5).await;
            }
        }
    }
    Ok(())
}
