use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use super::{Codec, CodecError, Output, nesting};

/// MessagePack with the names of fields, so that fields may be added, removed and reordered.
///
/// The compact form would be shorter by the names, and silently swaps two fields of one type when
/// their order changes between two releases that share a store.
///
/// Two values do not come back as they were, since MessagePack has one `nil`: `Some(None)` and
/// `Some(())` come back as `None`. A `Vec<u8>` is written number by number: give such fields the type
/// of a crate like `serde_bytes`, or store them with [`RawBytes`](super::RawBytes).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MessagePack;

impl<T: Serialize + DeserializeOwned> Codec<T> for MessagePack {
    const ID: u8 = 1;

    fn encode(&self, value: &T, output: &mut Output) -> Result<(), CodecError> {
        Ok(rmp_serde::encode::write_named(output, value)?)
    }

    fn decode(&self, bytes: Bytes) -> Result<T, CodecError> {
        nesting::check(&bytes)?;
        Ok(rmp_serde::from_slice(&bytes)?)
    }
}
