use std::io::Write as _;

use bytes::Bytes;

use super::{Codec, CodecError, Output};

/// Values that are bytes or text already. Reading [`Bytes`] copies nothing unless it was compressed.
///
/// They have the envelope around them, with its checksum and compression. For bytes that other
/// programs read and write, use [`Space::raw`](crate::Space::raw).
///
/// ```
/// # use larder::{Bytes, Larder, codec::RawBytes};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), larder::Error> {
/// # let larder = Larder::new(backend_memory::MemoryCache::builder().build());
/// let pages = larder.namespace("pages")?.typed_with::<Bytes, _>(RawBytes);
/// pages.set("/", &Bytes::from_static(b"<html>")).forever().await?;
/// assert_eq!(pages.get("/").await?.as_deref(), Some(&b"<html>"[..]));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RawBytes;

impl Codec<Bytes> for RawBytes {
    const ID: u8 = 3;

    fn encode(&self, value: &Bytes, output: &mut Output) -> Result<(), CodecError> {
        Ok(output.write_all(value)?)
    }

    fn decode(&self, bytes: Bytes) -> Result<Bytes, CodecError> {
        Ok(bytes)
    }
}

impl Codec<Vec<u8>> for RawBytes {
    const ID: u8 = 3;

    fn encode(&self, value: &Vec<u8>, output: &mut Output) -> Result<(), CodecError> {
        Ok(output.write_all(value)?)
    }

    fn decode(&self, bytes: Bytes) -> Result<Vec<u8>, CodecError> {
        Ok(bytes.into())
    }
}

impl Codec<String> for RawBytes {
    const ID: u8 = 3;

    fn encode(&self, value: &String, output: &mut Output) -> Result<(), CodecError> {
        Ok(output.write_all(value.as_bytes())?)
    }

    fn decode(&self, bytes: Bytes) -> Result<String, CodecError> {
        Ok(String::from_utf8(bytes.into())?)
    }
}
