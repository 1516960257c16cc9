//! What all measurements share: two ways in turn, a report of the ratios, and our side where programs of
//! their own measure others beside it (`benchmarks/peers`).

pub mod measure;
mod plot;
pub mod record;
pub mod report;
pub mod warm;
pub mod zipf;
