use std::sync::Arc;

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    codec::{Codec, MessagePack},
    stream::{StreamError, options::MAX_HEAD},
};

/// A head as it is stored: MessagePack with the names of the fields, so that fields may be added and
/// moved.
pub(crate) fn encode<H: Serialize>(head: &H) -> Result<Bytes, StreamError> {
    let bytes =
        rmp_serde::to_vec_named(head).map_err(|error| StreamError::Head(Arc::new(error)))?;
    if bytes.len() > MAX_HEAD {
        return Err(StreamError::Store(cache_api::Error::TooLarge {
            backend: "larder",
            size: bytes.len(),
            limit: MAX_HEAD,
        }));
    }
    Ok(bytes.into())
}

/// `None` where it is no `H`, or is nested so deep that decoding it would be a danger.
pub(crate) fn decode<H: Serialize + DeserializeOwned>(bytes: &Bytes) -> Option<Arc<H>> {
    Codec::<H>::decode(&MessagePack, bytes.clone()).ok().map(Arc::new)
}
