//! `RedisCache` on real servers, healthy and not.
//!
//! The modules are marked as tests so that the lints know them for such.

#[cfg(test)]
mod common;
#[cfg(test)]
mod operations;
#[cfg(test)]
mod refused;
#[cfg(test)]
mod replies;
#[cfg(test)]
mod unavailable;
#[cfg(test)]
mod watch;
