use std::{fmt, time::Duration};

/// What became of all behaviours. `Display` prints a table.
#[derive(Debug, Clone)]
pub struct Report {
    /// The store's name, if it could be opened.
    pub store: Option<&'static str>,
    /// One for each behaviour, in the order of [`BEHAVIOURS`](super::BEHAVIOURS).
    pub findings: Vec<Finding>,
}

/// What became of one behaviour.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Its name: `set::replaces_the_lifetime`.
    pub name: &'static str,
    /// What became of it.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Duration,
}

/// Whether a rule is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is.
    Passed,
    /// It is not; how.
    Failed(String),
    /// The fixture declares that the store does not do this; what it declares.
    NotApplicable(&'static str),
}

impl Report {
    /// Whether no rule is broken.
    #[must_use]
    pub fn is_conformant(&self) -> bool {
        self.failed().next().is_none() && !self.findings.is_empty()
    }

    /// The names of the rules that are broken, with how.
    pub fn failed(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.findings.iter().filter_map(|finding| match &finding.outcome {
            Outcome::Failed(how) => Some((finding.name, how.as_str())),
            Outcome::Passed | Outcome::NotApplicable(_) => None,
        })
    }

    /// How many passed, failed, and did not apply.
    #[must_use]
    pub fn counts(&self) -> (usize, usize, usize) {
        let passed = self.findings.iter().filter(|f| f.outcome == Outcome::Passed).count();
        let failed = self.failed().count();
        (passed, failed, self.findings.len() - passed - failed)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        let (passed, failed, other) = self.counts();
        let store = self.store.unwrap_or("no store");
        write!(f, "{store}: {passed} passed, {failed} failed, {other} not applicable")
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, more) = match &self.outcome {
            Outcome::Passed => ("ok", ""),
            Outcome::Failed(how) => ("FAILED", how.as_str()),
            Outcome::NotApplicable(why) => ("n/a", *why),
        };
        let name = self.name;
        write!(f, "{name:<66} {word:<6} {:>6} ms  {more}", self.took.as_millis())
    }
}
