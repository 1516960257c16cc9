//! Tiers of stores: what is read from the front is what may be read, whatever takes its time or fails.
//!
//! The modules are marked as tests so that the lints know them for such.

#[cfg(test)]
mod bench;
#[cfg(test)]
mod copies;
#[cfg(test)]
mod failures;
#[cfg(test)]
mod loading;
#[cfg(test)]
mod naive;
#[cfg(test)]
mod own_writes;
#[cfg(test)]
mod races;
#[cfg(test)]
mod servers;
#[cfg(test)]
mod stress;
#[cfg(test)]
mod trust;
