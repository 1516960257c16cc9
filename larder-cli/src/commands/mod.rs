//! One file per command.

pub(crate) mod clear;
pub(crate) mod conform;
pub(crate) mod delete;
pub(crate) mod expire;
pub(crate) mod get;
pub(crate) mod increment;
mod key;
pub(crate) mod list;
pub(crate) mod record;
pub(crate) mod replay;
pub(crate) mod set;
mod stream;
pub(crate) mod ttl;
