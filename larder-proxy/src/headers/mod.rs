//! Headers that a proxy takes away, adds or writes anew.

pub(crate) mod forwarded;
pub(crate) mod hop_by_hop;
pub(crate) mod via;
