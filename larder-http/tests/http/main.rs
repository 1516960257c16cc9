//! The layer as its users see it: over bare services, axum, hyper, and real servers.

mod common;

mod contract;
mod faults;
mod privacy;
mod replay;
mod streaming;
mod two_servers;
mod wire;
