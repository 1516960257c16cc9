//! The same fleet without one of its rules: each time the checker must find out.

use larder::Rule;

use super::{play::Plan, simulation};
use crate::{Report, Result, Run};

/// Calls in a run.
const CALLS: usize = 5_000;
/// How many runs a rule's absence may hide.
const RUNS: u64 = 100;

/// Rules that keep a fleet from loading twice or waiting in vain: what is read without them is legal. Each
/// has tests of its own in `larder`, with the rule off as their control.
const NOT_OF_READS: [Rule; 5] = [
    Rule::DeadMakesWay,
    Rule::LostAnswersRead,
    Rule::PassAfterFailure,
    Rule::RefresherElected,
    Rule::BatchWaitsLast,
];

/// Does without each of the others in turn.
pub(super) fn run(run: &Run, report: &mut Report) -> Result<()> {
    for rule in Rule::ALL.into_iter().filter(|rule| !NOT_OF_READS.contains(rule)) {
        let mut seen = format!("nothing in {RUNS} runs");
        let mut is_caught = false;
        for number in 0..RUNS {
            let seed = run.seed.wrapping_add(number);
            let plan = Plan { without: Some(rule), ..Plan::draw(seed, CALLS) };
            let played = simulation::play(&plan)?;
            if let Some(first) = played.violations.first() {
                seen = format!("{} in run {}\n{first}", played.violations.len(), number + 1);
                is_caught = true;
                break;
            }
        }
        report.row(format!("control, without {rule:?}"), "caught", seen, is_caught);
    }
    Ok(())
}
