//! Clocks that are an hour off, that jump, and that disagree.
//!
//! What is promised, in real time since the store took an answer:
//!
//! | whose clock | until when an answer is served |
//! |---|---|
//! | servers', wrong by any amount, jumping | `ttl + stale_for`: the store was given a span of time, and ends it. Who is behind takes stale ones for fresh, who is ahead loads more often |
//! | the store's, set forward | it ends early |
//! | Redis', set back by `d` | `ttl + stale_for + min(d, 5 s + b)`, where `b` is how far the reader's clock is behind that of the server that loaded it |
//! | the machine's, under memory or sled | `ttl + stale_for`: neither goes back with it |
//!
//! So what is *not* promised is that two such faults at once do no harm: a server an hour behind, and a Redis
//! that was set back an hour while the answer stood.
//!
//! Waits, deadlines and the validity of leases go by monotonic clocks. A lease of a dead holder stands for
//! three seconds by the store's clock; if that is set back meanwhile it stands longer, and whoever comes loads
//! for himself when his time to wait is over.
//!
//! The clocks of servers are moved by giving each a [`Shifted`](clock::Shifted) one. That of Redis is moved by
//! moving the end of everything that stands there, at once: what it keeps is the wall time of each end, so
//! that setting its clock back by an hour is the same as putting every end off by an hour.

mod cases;
mod clock;
mod holders;
mod judge;
mod naive;
mod readers;
mod server_clock;

use std::time::Duration;

pub(crate) use cases::run;
pub(crate) use holders::{Order, serve};

const TTL: Duration = Duration::from_millis(300);
const STALE_FOR: Duration = Duration::from_millis(200);
const HOUR: Duration = Duration::from_secs(60 * 60);
/// Beyond this an answer is not served though the store still has it.
const TOLERANCE: Duration = Duration::from_secs(5);
/// How many keys there are.
const KEYS: u64 = 8;
