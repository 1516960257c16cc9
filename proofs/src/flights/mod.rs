//! Of all who miss a key, one asks its source.
//!
//! Many tasks are released at the same moment and ask for the same key, which nobody has ever asked for:
//! in one process on every kind of store, in a fleet of four on one Redis, and there while the Redis is
//! killed or whoever loads takes too long. What their loaders do is counted, and how long everyone waits.

mod fleet;
mod one;
mod reader;
mod round;
mod serve;

pub(crate) use serve::{Order, serve};

use crate::{Report, Result, Run};

pub(crate) fn run(run: &Run) -> Result<Report> {
    let runtime = crate::runtime()?;
    let mut report = Report::default();
    runtime.block_on(one::run(run, &mut report))?;
    runtime.block_on(fleet::run(run, &mut report))?;
    Ok(report)
}
