use std::fmt;

/// What a proof found.
#[derive(Debug, Default)]
pub struct Report {
    /// What was asked and what was seen, line by line.
    pub rows: Vec<Row>,
}

/// A claim, and what was seen of it.
#[derive(Debug)]
pub struct Row {
    /// What was done.
    pub what: String,
    /// What must be seen.
    pub asked: String,
    /// What was seen.
    pub seen: String,
    /// Whether that is what was asked.
    pub holds: bool,
}

impl Report {
    /// One more line, which is shown at once: long runs are watched.
    pub(crate) fn row(
        &mut self,
        what: impl Into<String>,
        asked: impl Into<String>,
        seen: impl Into<String>,
        holds: bool,
    ) {
        let row = Row { what: what.into(), asked: asked.into(), seen: seen.into(), holds };
        println!("{row}");
        self.rows.push(row);
    }

    /// Whether all was seen that was asked.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.rows.iter().all(|row| row.holds)
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, asked, seen, holds } = self;
        let verdict = if *holds { "ok  " } else { "FAIL" };
        write!(f, "{verdict} {what}: asked {asked}; seen {seen}")
    }
}

/// How many of the lines hold, and those that do not.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (held, failed): (Vec<_>, Vec<_>) = self.rows.iter().partition(|row| row.holds);
        write!(f, "{} of {} hold", held.len(), self.rows.len())?;
        failed.iter().try_for_each(|row| write!(f, "\n{row}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_hold_is_shown_and_fails_the_whole() {
        let mut report = Report::default();
        report.row("reads", "0 stale", "0", true);
        assert!(report.holds());
        report.row("writes", "0 lost", "2", false);
        assert!(!report.holds());
        let shown = "1 of 2 hold\nFAIL writes: asked 0 lost; seen 2";
        assert_eq!(report.to_string(), shown);
    }
}
