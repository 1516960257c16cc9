//! From a value to bytes and back.
//!
//! [`MessagePack`] is the default. [`Json`] can be read with `redis-cli`, and [`RawBytes`] is for
//! values that are bytes already. Compression and checksums are the envelope's, not a codec's.
//!
//! ```
//! use larder::{Larder, Typed, codec::Json};
//! use std::time::Duration;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), larder::Error> {
//! # let larder = Larder::new(backend_memory::MemoryCache::builder().build());
//! let ports: Typed<Vec<u16>, Json> = larder.namespace("ports")?.typed().codec(Json);
//! ports.set("web", &vec![80, 443]).ttl(Duration::from_secs(60)).await?;
//! assert_eq!(ports.get("web").await?, Some(vec![80, 443]));
//! # Ok(())
//! # }
//! ```

mod json;
mod message_pack;
mod nesting;
mod output;
mod raw_bytes;

pub use json::Json;
pub use message_pack::MessagePack;
pub use output::Output;
pub use raw_bytes::RawBytes;

use bytes::Bytes;

/// Why a value does not encode, or bytes do not decode.
pub type CodecError = Box<dyn std::error::Error + Send + Sync>;

/// From a value to bytes and back.
///
/// A codec of one's own takes an `ID` from 128 up. It is written into each record: an entry of another
/// codec is a miss, never a wrong value.
///
/// ```
/// use larder::{Bytes, codec::{Codec, CodecError, Output}};
/// use std::{io::Write as _, time::Duration};
///
/// #[derive(Debug, Clone, Copy)]
/// struct Millis;
///
/// impl Codec<Duration> for Millis {
///     const ID: u8 = 128;
///
///     fn encode(&self, value: &Duration, output: &mut Output) -> Result<(), CodecError> {
///         Ok(write!(output, "{}", value.as_millis())?)
///     }
///
///     fn decode(&self, bytes: Bytes) -> Result<Duration, CodecError> {
///         Ok(Duration::from_millis(std::str::from_utf8(&bytes)?.parse()?))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), larder::Error> {
/// # let larder = larder::Larder::new(backend_memory::MemoryCache::builder().build());
/// let waits = larder.namespace("waits")?.typed_with::<Duration, _>(Millis);
/// waits.set("x", &Duration::from_secs(2)).forever().await?;
/// assert_eq!(waits.get("x").await?, Some(Duration::from_secs(2)));
/// # Ok(())
/// # }
/// ```
pub trait Codec<T>: Clone + Send + Sync + 'static {
    /// Which codec it is, as it stands in records. Those below 128 are the library's.
    const ID: u8;

    /// Writes the value.
    ///
    /// # Errors
    ///
    /// Whatever makes this value impossible to write.
    fn encode(&self, value: &T, output: &mut Output) -> Result<(), CodecError>;

    /// Reads a value that takes up all of the bytes.
    ///
    /// What is read may come from anyone who can write to the store: it may be any bytes at all.
    ///
    /// # Errors
    ///
    /// The bytes are no such value, or more than one. To whoever asked, that is a miss.
    fn decode(&self, bytes: Bytes) -> Result<T, CodecError>;
}
