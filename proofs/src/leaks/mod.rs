//! No user gets the answer of another.
//!
//! Two users ask for the same thing, each in his own way, one after the other and at the same moment. The
//! origin's answers say for whom they were made. What the users differ in is what an answer may depend on
//! with nothing, or too little, said about it.

mod naive;
mod play;
mod probes;

use std::fmt::Write as _;

use self::{play::Means, probes::Probe};
use crate::{Report, Result, Run};

/// So many were seen to leak somewhere, in caches that are in use. They come first in the list.
const KNOWN: usize = 18;
/// And so many are ours, at least.
const OWN: usize = 22;

pub(crate) fn run(_: &Run) -> Result<Report> {
    let mut report = Report::default();
    crate::runtime()?.block_on(async {
        let probes = probes::all();
        let own = probes.len() - KNOWN;
        report.row("probes", format!("{KNOWN} known, ≥ {OWN} own"), own.to_string(), own >= OWN);
        // Or there would be nothing to cross.
        let common = probes::common();
        let shared = play::crosses(&common, Means::Safe, false).await?;
        report.row("safe, what is for everyone", "shared", shared.to_string(), shared);
        for at_once in [false, true] {
            let how = if at_once { "at once" } else { "one after the other" };
            let what = |who: &str| format!("{who}, {} probes, {how}: crossings", probes.len());
            let crossed = crossings(&probes, Means::Safe, at_once).await?;
            report.row(what("safe"), "0", names(&crossed), crossed.is_empty());

            let crossed = crossings(&probes, Means::Standard, at_once).await?;
            let shared = probes.iter().filter(|probe| probe.is_shared_by_standard);
            let holds = crossed.iter().all(|probe| probe.is_shared_by_standard);
            let asked = format!("none but {}", names(&shared.collect::<Vec<_>>()));
            report.row(what("rfc9111"), asked, names(&crossed), holds);

            let crossed = crossings(&probes, Means::Naive, at_once).await?;
            let (most, crossed) = (probes.len() / 2, crossed.len());
            let what = what("control, keyed by the path");
            report.row(what, format!("> {most}"), crossed.to_string(), crossed > most);
        }
        Ok(report)
    })
}

/// In which of them a user gets what is not his.
async fn crossings(probes: &[Probe], means: Means, at_once: bool) -> Result<Vec<&Probe>> {
    let mut crossed = Vec::new();
    for probe in probes {
        if play::crosses(probe, means, at_once).await? {
            crossed.push(probe);
        }
    }
    Ok(crossed)
}

fn names(probes: &[&Probe]) -> String {
    let mut text = probes.len().to_string();
    for (index, probe) in probes.iter().enumerate() {
        let _ = write!(text, "{} {}", if index == 0 { ":" } else { ";" }, probe.name);
    }
    text
}
