//! What HTTP allows, as pure functions: no store, no clock of their own, nothing awaited.
//!
//! Headers in, decision out. Where RFC 9111 leaves a choice, the stricter one is taken.

pub(crate) mod cache_control;
pub(crate) mod freshness;
pub(crate) mod hop_by_hop;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod vary;
