use std::fmt;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};

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
    /// One more line.
    pub(crate) fn row(
        &mut self,
        what: impl Into<String>,
        asked: impl Into<String>,
        seen: impl Into<String>,
        holds: bool,
    ) {
        let row = Row { what: what.into(), asked: asked.into(), seen: seen.into(), holds };
        // Long runs are watched.
        eprintln!("{row}");
        self.rows.push(row);
    }

    /// The lines of another report behind these.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.rows.append(&mut other.rows);
    }

    /// Whether all was seen that was asked.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.rows.iter().all(|row| row.holds)
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.holds { "ok" } else { "VIOLATED" };
        write!(f, "{verdict}: {}: asked {}, seen {}", self.what, self.asked, self.seen)
    }
}

/// A table.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table
            .load_style(UTF8_FULL_CONDENSED.with_rounded_corners())
            .set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header(["what", "asked", "seen", ""]);
        for Row { what, asked, seen, holds } in &self.rows {
            let verdict = if *holds { "ok" } else { "VIOLATED" };
            table.add_row([what.as_str(), asked, seen, verdict]);
        }
        for column in table.column_iter_mut().skip(1).take(2) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        write!(f, "{table}")
    }
}
