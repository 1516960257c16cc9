//! The same fleet without one of its rules: each time the checker must find out.

use larder::Rule;

use super::{
    play::{Outcome, Plan},
    simulation,
};
use crate::{Report, Result, Run};

pub(super) fn run(run: &Run, report: &mut Report) -> Result<()> {
    for rule in Rule::ALL {
        let (mut runs, mut calls) = (0, 0);
        let mut caught = None;
        while caught.is_none() && runs < 12 {
            let plan = Plan::draw(run.seed.wrapping_add(runs), 20_000);
            let played = simulation::play(&Plan { without: Some(rule), ..plan })?;
            runs += 1;
            calls += played.calls;
            caught = played.violations.first().cloned().map(|first| (first, played.violations.len()));
        }
        let seen = match &caught {
            Some((first, count)) => format!("{count} after {runs} runs\n{first}"),
            None => format!("nothing in {runs} runs, {calls} calls"),
        };
        report.row(format!("without {rule:?}"), "caught", seen, caught.is_some());
    }
    Ok(())
}
