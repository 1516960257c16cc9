//! What larder guarantees, tried on real processes and real servers.
//!
//! A proof does to a fleet what a bad day does to it, looks at everything that was read meanwhile, and
//! gives a [`Report`]: what was asked, what was seen. Each has its controls: the naive way, in the same
//! program, which must fail, or the proof proves nothing.
//!
//! There are two lengths: the short form is a part of `cargo xtask test`, the full one is run by
//! `cargo xtask soak`. What a proof draws by chance comes from a seed, which the report shows.

mod clocks;
pub mod fleet;
mod flights;
mod history;
mod leaks;
mod outages;
mod report;
mod source;
mod stale;
mod streaming;
mod time;

use std::{error, path::PathBuf};

pub use report::{Report, Row};

/// What a proof returns when it could not be run at all.
pub type Result<T, E = Box<dyn error::Error + Send + Sync>> = std::result::Result<T, E>;

/// How long a proof runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Some seconds.
    Short,
    /// As long as it takes.
    Full,
}

/// How a proof is run.
#[derive(Debug, Clone)]
pub struct Run {
    /// How long.
    pub scale: Scale,
    /// What chance is made of.
    pub seed: u64,
    /// This crate's own program, which is started as the servers of a fleet.
    pub program: PathBuf,
}

impl Run {
    /// One of two, by length.
    pub(crate) fn of<T>(&self, short: T, full: T) -> T {
        match self.scale {
            Scale::Short => short,
            Scale::Full => full,
        }
    }
}

/// A claim that can be tried.
#[derive(Debug)]
pub struct Proof {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What it shows, in a sentence.
    pub about: &'static str,
    /// Tries it.
    pub run: fn(&Run) -> Result<Report>,
}

/// All of them.
pub const PROOFS: &[Proof] = &[
    Proof {
        name: "stale",
        about: "Nobody reads what was invalidated: 4 processes, 8 hot keys, faults of all kinds.",
        run: stale::run,
    },
    Proof {
        name: "history",
        about: "Every read is legal, whatever fails; and without any of the rules some are not.",
        run: history::run,
    },
    Proof {
        name: "outages",
        about: "A Redis that is down, frozen or flapping, at 1,000 requests a second, troubles nobody.",
        run: outages::run,
    },
    Proof {
        name: "clocks",
        about: "Clocks an hour off, jumping, disagreeing: nothing is served past its time, nobody waits past his.",
        run: clocks::run,
    },
    Proof {
        name: "flights",
        about: "Of all who miss a key one asks its source, in a process, in a fleet, with the Redis killed.",
        run: flights::run,
    },
    Proof {
        name: "streaming",
        about: "Bodies are whole or visibly not, soon and fetched once, whatever fails: every byte is stamped.",
        run: streaming::run,
    },
    Proof {
        name: "leaks",
        about: "No user gets the answer of another, in each way in which caches were seen to give it, and in more.",
        run: leaks::run,
    },
];

/// What everything here runs on: as many threads as the smallest of machines has.
///
/// # Errors
///
/// The machine's.
pub fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}
