//! What is kept of a response beside its body.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};

use crate::{header_block, key::RequestKey, rules::hop_by_hop};

/// The head of a stored response, as it lies in the stream's manifest.
///
/// Named fields: later versions add some, with defaults.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Head {
    /// What it was recorded for, in full. Compared before it is used: the address may be a hash.
    key: Bytes,
    status: u16,
    /// See [`header_block`].
    headers: Bytes,
    /// The length that the origin announced, before all of the body was there.
    length: Option<u64>,
    /// When it came, in milliseconds since 1970: its age.
    received_ms: u64,
}

impl Head {
    pub(crate) fn new(
        key: &RequestKey,
        status: StatusCode,
        headers: &HeaderMap,
        length: Option<u64>,
        received_ms: u64,
    ) -> Self {
        Self {
            key: key.as_bytes().clone(),
            status: status.as_u16(),
            headers: header_block::encode(&hop_by_hop::stored(headers)),
            length,
            received_ms,
        }
    }

    /// Status and headers, if this was recorded for that key and can be read.
    pub(crate) fn open(&self, key: &RequestKey) -> Option<(StatusCode, HeaderMap)> {
        if self.key != *key.as_bytes() {
            return None;
        }
        Some((StatusCode::from_u16(self.status).ok()?, header_block::decode(&self.headers)?))
    }

    pub(crate) fn length(&self) -> Option<u64> {
        self.length
    }

    /// In whole seconds. Clocks of two servers differ: what came from the future is new.
    pub(crate) fn age(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.received_ms) / 1000
    }
}

/// Headers may hold what is no one else's business.
impl std::fmt::Debug for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Head").field("status", &self.status).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Request, header::ETAG};

    use super::*;

    fn key(path: &str) -> RequestKey {
        let request = Request::get(path).header("host", "a").body(()).unwrap();
        RequestKey::new(&request.into_parts().0, None, &[], false).unwrap()
    }

    #[test]
    fn what_was_recorded_for_another_request_is_not_opened() {
        let headers = HeaderMap::from_iter([(ETAG, HeaderValue::from_static("\"a\""))]);
        let head = Head::new(&key("/a"), StatusCode::OK, &headers, None, 0);
        assert_eq!(head.open(&key("/a")), Some((StatusCode::OK, headers)));
        // As if both had the same address.
        assert_eq!(head.open(&key("/b")), None);
    }

    #[test]
    fn a_head_from_the_future_is_new() {
        let head = Head::new(&key("/a"), StatusCode::OK, &HeaderMap::new(), None, 5000);
        assert_eq!((head.age(4000), head.age(5999), head.age(8000)), (0, 0, 3));
    }
}
