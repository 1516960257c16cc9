//! What is kept of a response beside its body.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

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
    /// For how long from then on it may be given out. The store's own lifetime counts from the end of
    /// the body, which may be much later. `None`: an earlier version wrote it, and only the store knows.
    #[serde(default)]
    lifetime_ms: Option<u64>,
}

impl Head {
    pub(crate) fn new(
        key: &RequestKey,
        status: StatusCode,
        headers: &HeaderMap,
        length: Option<u64>,
        received: SystemTime,
        lifetime: Duration,
    ) -> Self {
        Self {
            key: key.as_bytes().clone(),
            status: status.as_u16(),
            headers: header_block::encode(&hop_by_hop::stored(headers)),
            length,
            received_ms: since_1970(received),
            lifetime_ms: Some(millis(lifetime)),
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

    /// How long ago it came. Clocks of two servers differ: what came from the future is new.
    pub(crate) fn age(&self, now: SystemTime) -> Duration {
        Duration::from_millis(since_1970(now).saturating_sub(self.received_ms))
    }

    /// Whether it may still be given out.
    pub(crate) fn is_fresh(&self, now: SystemTime) -> bool {
        self.lifetime_ms.is_none_or(|lifetime| millis(self.age(now)) < lifetime)
    }
}

fn since_1970(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, millis)
}

fn millis(duration: Duration) -> u64 {
    duration.as_millis().try_into().unwrap_or(u64::MAX)
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
        let head = head(&headers, 0);
        assert_eq!(head.open(&key("/a")), Some((StatusCode::OK, headers)));
        // As if both had the same address.
        assert_eq!(head.open(&key("/b")), None);
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// One that is good for 2 s.
    fn head(headers: &HeaderMap, received: u64) -> Head {
        let lifetime = Duration::from_secs(2);
        Head::new(&key("/a"), StatusCode::OK, headers, None, at(received), lifetime)
    }

    #[test]
    fn a_head_from_the_future_is_new() {
        let head = head(&HeaderMap::new(), 5);
        assert_eq!([4, 5, 8].map(|now| head.age(at(now)).as_secs()), [0, 0, 3]);
    }

    #[test]
    fn it_is_fresh_while_its_age_is_below_its_lifetime() {
        let mut head = head(&HeaderMap::new(), 5);
        assert_eq!(
            [0, 5, 6, 7, 8].map(|now| head.is_fresh(at(now))),
            [true, true, true, false, false]
        );
        head.lifetime_ms = None;
        assert!(head.is_fresh(at(8)));
    }
}
