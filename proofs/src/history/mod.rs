//! Nothing that is read was replaced or invalidated before the read began.
//!
//! A fleet of servers reads, loads, sets, deletes, invalidates keys, tags and everything, by chance; its
//! stores fail by chance, its changes are told late, cut off or not at all, its callers leave. All of it is
//! written down, and a [checker] judges every single read. The same fleet then does without one rule after
//! the other, and each time the checker must find out.

mod bugs;
mod checker;
mod keys;
mod log;
mod patience;
mod play;
mod server;
mod simulation;
mod trace;

use play::{Outcome, Plan};

use crate::{Report, Result, Run};

/// So many calls a simulation is made of.
const CALLS: usize = 20_000;

pub(crate) fn run(run: &Run) -> Result<Report> {
    let mut report = Report::default();
    let calls = run.of(50_000, 300_000);
    let mut outcome = Outcome::default();
    for seed in (0..).map(|n| run.seed.wrapping_add(n)) {
        if outcome.calls >= calls {
            break;
        }
        let played = simulation::play(&Plan::draw(seed, CALLS))?;
        outcome += played;
    }
    let holds = outcome.violations.is_empty();
    report.row("simulated, all rules", format!("0 in {calls} calls"), outcome.to_string(), holds);
    bugs::run(run, &mut report)?;
    Ok(report)
}
