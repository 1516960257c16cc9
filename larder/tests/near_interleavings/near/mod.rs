//! The sources of larder themselves, with shuttle's locks in the place of the standard library's.

mod sync {
    pub(super) use std::sync::PoisonError;

    pub(super) use shuttle::sync::{
        Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    };
}
#[expect(dead_code, reason = "here keeping a copy takes no time")]
#[path = "../../../src/near/tokens.rs"]
pub(crate) mod tokens;
#[expect(dead_code, reason = "here nothing falls silent")]
#[path = "../../../src/near/trust.rs"]
pub(crate) mod trust;
