//! The access log: one line for each request, once its answer has ended.

mod entry;
mod writer;

pub(crate) use entry::{Entry, one_word};
pub(crate) use writer::Log;
