//! The conformance kit for stores of larder, and the test servers it needs.
//!
//! Whoever writes a store implements [`Fixture`](kit::Fixture) (how to open it, and what it claims to
//! do) and calls one macro. Each rule of the contract of [`Cache`](cache_api::Cache) becomes a test of
//! its own, with a name that says which rule is broken:
//!
//! ```
//! use integration_tests::{conformance, kit::{Declared, from_fn}};
//! # mod backend_mine {
//! #     #[derive(Debug)]
//! #     pub struct Mine;
//! #     impl Mine {
//! #         pub async fn open() -> Result<std::sync::Arc<dyn cache_api::Cache>, std::io::Error> {
//! #             Err(std::io::Error::other("not in this example"))
//! #         }
//! #     }
//! # }
//! use backend_mine::Mine;
//!
//! conformance!(mine, from_fn(Declared::new(512 << 10).scan(), || async { Ok(Mine::open().await?) }));
//! # fn main() {}
//! ```
//!
//! The kit is a library, so that a program can run it too: [`kit::run_all`] gives a
//! [`Report`](kit::Report). It is itself tested with stores that break one rule each.
//!
//! `tests/fourth_store.rs` is a whole store in a hundred lines that passes.
//!
//! Tests against real servers start their own with [`servers`]; [`faults`] makes any store fail as a test
//! wants it to, and [`steps`] lets it go step by step. [`fuzzed`] is a fuzzer of a second. [`examples`] runs what a crate shows to newcomers.

pub mod examples;
pub mod faults;
pub mod fuzzed;
pub mod kit;
pub mod servers;
pub mod steps;
