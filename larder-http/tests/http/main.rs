//! The layer as its users see it: over bare services, axum, hyper, and real servers.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]
#![expect(clippy::needless_pass_by_value, reason = "helpers take what reads best at the call")]

mod common;

mod conditions;
mod contract;
mod faults;
mod freshness;
mod invalidation;
mod privacy;
mod purge;
mod repair;
mod replay;
mod stamped;
mod streaming;
mod two_servers;
mod validation;
mod variants;
mod wire;
