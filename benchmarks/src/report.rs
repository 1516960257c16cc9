//! Rows on the terminal, as JSON, and as a plot.

use std::{fs, io, path::Path};

use serde::{Deserialize, Serialize};

use crate::{measure::Paired, plot};

/// The file that holds all rows.
const RESULTS: &str = "results.json";

/// One figure, beside a peer's or alone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Row {
    /// What was measured.
    pub(crate) name: String,
    /// What `ours` and `peer` count.
    pub(crate) unit: String,
    /// Ours: a median, or a percentile where the name says so.
    pub(crate) ours: f64,
    /// The peer's median.
    pub(crate) peer: Option<f64>,
    /// Median of the ratios ours / peer, pair by pair.
    pub(crate) ratio: Option<f64>,
    /// Least and greatest of those ratios.
    pub(crate) spread: Option<(f64, f64)>,
    /// What it should be.
    pub(crate) goal: Option<Goal>,
    /// Whether it is.
    pub(crate) reached: Option<bool>,
}

/// A bound on the ratio, or on the figure itself where there is no peer.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
}

impl Goal {
    fn reached(self, figure: f64) -> bool {
        match self {
            Self::AtMost(bound) => figure <= bound,
            Self::AtLeast(bound) => figure >= bound,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtMost(bound) => format!("≤ {bound}"),
            Self::AtLeast(bound) => format!("≥ {bound}"),
        }
    }
}

/// All rows of a run, printed as they come.
#[derive(Debug, Default)]
pub struct Report {
    rows: Vec<Row>,
}

impl Report {
    /// A section of the table.
    pub fn section(&self, title: &str) {
        println!("\n{title}");
        println!(
            "  {:<52} {:>11} {:>11} {:>6}  {:<13} goal",
            "", "ours", "peer", "ratio", "min–max"
        );
    }

    /// Ours beside a peer's.
    pub fn pair(
        &mut self,
        name: impl Into<String>,
        unit: &str,
        paired: Paired,
        goal: Option<Goal>,
    ) {
        self.add(Row {
            name: name.into(),
            unit: unit.to_owned(),
            ours: paired.ours,
            peer: Some(paired.peer),
            ratio: Some(paired.ratio),
            spread: Some(paired.spread),
            goal,
            reached: goal.map(|goal| goal.reached(paired.ratio)),
        });
    }

    /// A figure that has no peer.
    pub fn single(&mut self, name: impl Into<String>, unit: &str, figure: f64, goal: Option<Goal>) {
        self.add(Row {
            name: name.into(),
            unit: unit.to_owned(),
            ours: figure,
            peer: None,
            ratio: None,
            spread: None,
            goal,
            reached: goal.map(|goal| goal.reached(figure)),
        });
    }

    /// Writes `results.json` and `ratios.svg` into a folder.
    ///
    /// # Errors
    ///
    /// The machine's.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let mut json = serde_json::to_string_pretty(&self.rows)?;
        json.push('\n');
        fs::write(folder.join(RESULTS), json)?;
        fs::write(folder.join("ratios.svg"), plot::ratios(&self.rows))
    }

    /// Takes over what another program [wrote](Self::write) into a folder, and printed when it measured.
    ///
    /// # Errors
    ///
    /// There is nothing, or something else.
    pub fn adopt(&mut self, folder: &Path) -> io::Result<()> {
        let rows: Vec<Row> = serde_json::from_slice(&fs::read(folder.join(RESULTS))?)?;
        self.rows.extend(rows);
        Ok(())
    }

    /// One line on how many goals were reached.
    pub fn close(&self) {
        let judged: Vec<_> = self.rows.iter().filter_map(|row| row.reached).collect();
        let reached = judged.iter().filter(|reached| **reached).count();
        println!("\n{reached} of {} goals reached", judged.len());
    }

    fn add(&mut self, row: Row) {
        let number = |figure: f64| match figure {
            f if f >= 1000.0 => format!("{f:.0}"),
            f if f >= 10.0 => format!("{f:.1}"),
            f => format!("{f:.2}"),
        };
        println!(
            "  {:<52} {:>11} {:>11} {:>6}  {:<13} {}",
            format!("{} [{}]", row.name, row.unit),
            number(row.ours),
            row.peer.map(number).unwrap_or_default(),
            row.ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
            row.spread.map(|(least, most)| format!("{least:.2}–{most:.2}")).unwrap_or_default(),
            match (row.goal, row.reached) {
                (Some(goal), Some(true)) => format!("{} reached", goal.text()),
                (Some(goal), _) => format!("{} MISSED", goal.text()),
                (None, _) => String::new(),
            },
        );
        self.rows.push(row);
    }
}
