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
mod real;
mod server;
mod simulation;
mod trace;

use play::{Outcome, Plan};

use crate::{Report, Result, Run};

pub(crate) fn run(run: &Run) -> Result<Report> {
    let mut report = Report::default();
    let (simulated, each, real) = run.of((60_000, 4_000, 5_000), (5_000_000, 20_000, 300_000));
    let mut outcome = Outcome::default();
    for number in 0..(simulated / each) as u64 {
        outcome += simulation::play(&Plan::draw(run.seed.wrapping_add(number), each))?;
    }
    verdict(&mut report, "simulated fleets on memory", simulated, &outcome);

    let runtime = crate::runtime()?;
    let outcome = runtime.block_on(real::on_memory(run.seed, real))?;
    verdict(&mut report, "threads on memory", real, &outcome);
    let outcome = runtime.block_on(real::on_redis(run.seed, real))?;
    verdict(&mut report, "threads on Redis", real, &outcome);

    bugs::run(run, &mut report)?;
    Ok(report)
}

fn verdict(report: &mut Report, what: &str, calls: usize, outcome: &Outcome) {
    // Clients make whole numbers of calls.
    let is_enough = outcome.calls + outcome.calls / 50 >= calls;
    let holds = outcome.violations.is_empty() && is_enough && outcome.faults > 0;
    let asked = format!("0 illegal in {calls} calls");
    report.row(what, asked, outcome.to_string(), holds);
}
