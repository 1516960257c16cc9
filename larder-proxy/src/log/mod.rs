//! The access log: one line for each request, once its answer has ended.

mod entry;
mod writer;

pub(crate) use entry::Entry;
pub(crate) use writer::Log;
