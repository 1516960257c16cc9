//! What HTTP allows, as pure functions: no store, no clock of their own, nothing awaited.
//!
//! Headers in, decision out. Each rule names its section. Where RFC 9111 leaves a choice, the stricter one
//! is taken, and what [`Preset::Safe`](crate::Preset::Safe) refuses beyond that stands in [`response`].

#[cfg(test)]
mod any_bytes;
pub(crate) mod cache_control;
pub(crate) mod date;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod every_rule;
pub(crate) mod freshness;
pub(crate) mod hop_by_hop;
pub(crate) mod invalidation;
pub(crate) mod range;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod rest;
pub(crate) mod reuse;
pub(crate) mod tags;
pub(crate) mod targeted;
pub(crate) mod update;
pub(crate) mod validators;
pub(crate) mod vary;

/// Headers for the tables of tests.
#[cfg(test)]
fn headers(lines: &[(&'static str, &str)]) -> http::HeaderMap {
    let mut headers = http::HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, value.parse().unwrap());
    }
    headers
}
