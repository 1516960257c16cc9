//! One file per command.

pub(crate) mod clear;
pub(crate) mod completions;
pub(crate) mod conform;
pub(crate) mod delete;
pub(crate) mod expire;
pub(crate) mod explain;
pub(crate) mod get;
pub(crate) mod increment;
pub(crate) mod invalidate;
mod key;
pub(crate) mod list;
pub(crate) mod man;
pub(crate) mod record;
pub(crate) mod replay;
pub(crate) mod set;
pub(crate) mod stats;
mod stream;
pub(crate) mod ttl;
mod words;
