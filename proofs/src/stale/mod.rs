//! Nobody reads what was invalidated.
//!
//! Four servers share a Redis. In each of them three readers read eight hot keys through the near tier
//! and a writer changes the source and invalidates. Every read is noted with the moment it began, and
//! every invalidation with the moment it returned: a read that began later than that and gave something
//! older is stale.

mod cases;
mod judge;
mod naive;
mod serve;

pub(crate) use cases::run;
pub(crate) use serve::{Order, serve};

/// How many keys there are.
const KEYS: u64 = 8;
/// How many servers.
const SERVERS: usize = 4;
/// How many readers each of them has.
const READERS: u64 = 3;
