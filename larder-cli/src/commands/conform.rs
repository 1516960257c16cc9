use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use clap::Args;
use comfy_table::Table;
use integration_tests::kit::{self, BEHAVIOURS, BoxError, Declared, Finding, Fixture};
use larder::Cache;

use crate::{
    args::{CacheUrl, Global},
    context,
    failure::{Failure, Outcome, one_line},
    output::{Fields, Output, exact_millis, folded, spinner},
    table::{align_right, table},
};

/// Check that the cache keeps larder's contract, rule by rule.
///
/// Exits 1 if it breaks one. Works in namespaces of its own (`kit-…`) and removes them, as far as the
/// cache can; other entries stay, unless it is so full that it must evict them. Rules that need a test's
/// own clock or a second program are left to the tests of the store.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  larder --cache redis://127.0.0.1 conform --rules")]
pub(crate) struct Conform {
    /// Print each rule, not only each group of them.
    #[arg(long)]
    rules: bool,
}

impl Conform {
    pub(crate) async fn run(self, global: &Global, output: Output) -> Result<Outcome, Failure> {
        // What cannot be opened is an error, not a store that breaks rules.
        let larder = context::reached(global).await?;
        let declared = Declared::by(&**larder.store());
        drop(larder);
        let fixture = ByUrl { url: global.cache(), declared };

        let spinner = spinner(output);
        let mut checked = 0;
        let report = kit::run_with(fixture, |finding| {
            checked += 1;
            spinner.set_message(format!("{checked} of {}: {}", BEHAVIOURS.len(), finding.name));
        })
        .await;
        spinner.finish_and_clear();

        if output.is_json() {
            for finding in &report.findings {
                output.result("", fields(finding))?;
            }
        } else {
            output.bytes(self.text(&report).as_bytes())?;
        }
        Ok(Outcome::done_if(report.is_conformant()))
    }

    fn text(&self, report: &kit::Report) -> String {
        let table = if self.rules { rules(&report.findings) } else { groups(&report.findings) };
        let mut text = format!("{table}\n");
        for (name, how) in report.failed() {
            text.push_str(&format!("BROKEN {name}\n{}\n", folded(&one_line(how), "    ")));
        }
        let (kept, broken, other) = report.counts();
        let store = report.store.unwrap_or("the store");
        let verdict =
            if report.is_conformant() { "keeps the contract" } else { "breaks the contract" };
        text.push_str(&format!(
            "{store} {verdict}: {kept} rules kept, {broken} broken, {other} not applicable\n"
        ));
        text
    }
}

/// The store of a URL, opened anew for each rule.
struct ByUrl {
    url: CacheUrl,
    declared: Declared,
}

#[async_trait]
impl Fixture for ByUrl {
    async fn open(&self) -> Result<Arc<dyn Cache>, BoxError> {
        let larder = larder::open(self.url.secret()).await?;
        Ok(Arc::clone(larder.store()))
    }

    fn declared(&self) -> Declared {
        self.declared
    }
}

fn word(finding: &Finding) -> &'static str {
    match finding.outcome {
        kit::Outcome::Passed => "kept",
        kit::Outcome::Failed(_) => "BROKEN",
        kit::Outcome::NotApplicable(_) => "n/a",
    }
}

fn fields(finding: &Finding) -> Fields {
    let fields = Fields::new()
        .put("rule", finding.name)
        .put("outcome", word(finding).to_lowercase())
        .put("ms", exact_millis(finding.took));
    match &finding.outcome {
        kit::Outcome::Passed => fields,
        kit::Outcome::Failed(how) => fields.put("detail", how.as_str()),
        kit::Outcome::NotApplicable(why) => fields.put("detail", *why),
    }
}

fn group(finding: &Finding) -> &'static str {
    finding.name.split("::").next().unwrap_or_default()
}

fn groups(findings: &[Finding]) -> Table {
    let mut table = table(["rules about", "kept", "broken", "n/a", "ms"]);
    for of_a_group in findings.chunk_by(|a, b| group(a) == group(b)) {
        let count =
            |wanted| match of_a_group.iter().filter(|finding| word(finding) == wanted).count() {
                0 => "–".to_owned(),
                count => count.to_string(),
            };
        let took: Duration = of_a_group.iter().map(|finding| finding.took).sum();
        table.add_row([
            of_a_group.first().map_or("", group).to_owned(),
            count("kept"),
            count("BROKEN"),
            count("n/a"),
            took.as_millis().to_string(),
        ]);
    }
    for column in 1..5 {
        align_right(&mut table, column);
    }
    table
}

fn rules(findings: &[Finding]) -> Table {
    let mut table = table(["rule", "", "ms"]);
    for finding in findings {
        // As wide as a terminal is at least.
        let name: String = finding.name.replace("::", ": ").replace('_', " ");
        let name = match name.char_indices().nth(58) {
            Some((end, _)) => format!("{}…", &name[..end]),
            None => name,
        };
        table.add_row([name, word(finding).to_owned(), finding.took.as_millis().to_string()]);
    }
    align_right(&mut table, 2);
    table
}
