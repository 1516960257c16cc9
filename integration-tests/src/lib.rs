//! The conformance kit for stores of larder, and the test servers it needs.

pub mod servers;
