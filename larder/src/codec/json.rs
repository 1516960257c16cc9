use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use super::{Codec, CodecError, Output};

/// JSON: longer and slower than [`MessagePack`](super::MessagePack), and readable by people.
///
/// It cannot write maps whose keys are no strings, and writes floats that are no numbers as `null`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Json;

impl<T: Serialize + DeserializeOwned> Codec<T> for Json {
    const ID: u8 = 2;

    fn encode(&self, value: &T, output: &mut Output) -> Result<(), CodecError> {
        Ok(serde_json::to_writer(output, value)?)
    }

    fn decode(&self, bytes: Bytes) -> Result<T, CodecError> {
        // Its own limit of 128 levels holds for every type, and it reads to the end.
        Ok(serde_json::from_slice(&bytes)?)
    }
}
