//! `RedisCache` on real servers, healthy and not.

mod common;
mod operations;
mod refused;
mod replies;
mod unavailable;
mod watch;
