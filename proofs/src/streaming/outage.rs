//! The store is killed, frozen, evicting, in each phase of a recording's life.

use std::time::Duration;

use futures_util::future::join_all;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::time::{sleep, timeout};

use super::{
    client::{Ask, Seen, Verdict},
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
/// A moment later.
const SOON: Duration = Duration::from_millis(50);
/// How long a store is gone.
const OUTAGE: Duration = Duration::from_millis(700);

/// What became of one play.
#[derive(Debug, Default)]
struct Outcome {
    /// Those whose answers are the origin's own, recorded or passed on.
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

impl Outcome {
    /// Who of two that ask at once records, and who follows, the answer says.
    fn add(&mut self, seen: &Seen) {
        let is_stored = seen.cache.contains("hit") || seen.cache.contains("collapsed");
        if is_stored { &mut self.stored } else { &mut self.own }.add(seen);
    }
}

async fn play(stage: &mut Stage, fault: Fault, phase: Phase, rng: &mut StdRng) -> Result<Outcome> {
    let size = if phase == Phase::WhileReplaying { SIZE } else { 300 << 10 };
    let plan = Plan::new(format!("outage-{}", now()), size, End::Whole).over(6, BODY);
    let on = [stage.on_a(&plan), stage.on_b(&plan)];
    let mut outcome = Outcome::default();
    if matches!(phase, Phase::AfterTheCommit | Phase::WhileReplaying) {
        outcome.add(&on[0].clone().whole().await);
        sleep(SOON).await;
    }
    if phase == Phase::WhileReplaying {
        let readers = join_all(on.clone().map(Ask::open)).await;
        strike(stage, fault, rng).await?;
        for reader in readers {
            match reader {
                Ok(reader) => outcome.add(&reader.rest().await),
                Err(seen) => outcome.add(&seen),
            }
        }
    } else {
        // When the two ask, and when the fault strikes.
        let (asked, struck) = match phase {
            Phase::WhileRecording => {
                let struck = Duration::from_millis(rng.random_range(100..500));
                ([Duration::ZERO, 2 * SOON], struck)
            }
            _ => ([SOON; 2], Duration::ZERO),
        };
        let seen = on.iter().zip(asked).map(|(ask, at)| async move {
            sleep(at).await;
            ask.clone().whole().await
        });
        let (seen, struck) = tokio::join!(join_all(seen), async {
            sleep(struck).await;
            strike(stage, fault, rng).await
        });
        struck?;
        seen.iter().for_each(|seen| outcome.add(seen));
    }
    for ask in on {
        outcome.after.add(&recovered(ask).await?);
    }
    Ok(outcome)
}

/// What is asked once all is well. A failure of a moment before may be told again for a second.
async fn recovered(ask: Ask) -> Result<Seen> {
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
