//! A cache for fleets of servers: typed values and streams over memory, Redis or sled.

pub mod codec;
pub mod envelope;
mod handle;
mod lease;
mod open;
pub mod prelude;
mod raw;
pub mod stream;
mod to_key;
mod typed;

pub use bytes::Bytes;
pub use cache_api::{
    Cache, Capabilities, Change, Clock, Condition, Error, Key, Namespace, Remaining, Result,
    SystemClock, TestClock, Ttl,
};
pub use handle::{Damaged, Larder, LarderBuilder, Space, Stats};
pub use open::{Opening, open};
pub use raw::{Raw, RawSet};
pub use to_key::{KeyWriter, ToKey};
pub use typed::{Set, SetMany, Typed, Value};
