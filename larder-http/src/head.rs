//! What is kept of a response beside its body.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};

use crate::{
    header_block,
    key::{Index, Place},
    rules::{
        freshness, hop_by_hop,
        response::Storable,
        reuse::{Freshness, millis},
    },
};

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
    /// For how long from then on it may be given out as it is, to versions that know no more. `None`: an
    /// earlier version wrote it, and only the store knows.
    #[serde(default)]
    lifetime_ms: Option<u64>,
    #[serde(default)]
    freshness: Option<Freshness>,
    /// This is no response, but stands in the place of several.
    #[serde(default)]
    index: Option<Index>,
    /// Its tags, as they were before the origin was asked. Empty: it has none.
    #[serde(default)]
    tags: Bytes,
}

/// A stored head that was read.
#[derive(Debug, Clone)]
pub(crate) struct Opened {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) freshness: Freshness,
    /// When it came.
    pub(crate) received: SystemTime,
    /// The length that the origin announced.
    pub(crate) length: Option<u64>,
    /// Its tags, as they were before the origin was asked.
    pub(crate) tags: Bytes,
}

impl Head {
    pub(crate) fn new(
        place: &Place,
        status: StatusCode,
        headers: &HeaderMap,
        length: Option<u64>,
        received: SystemTime,
        storable: &Storable,
    ) -> Self {
        let mut headers = hop_by_hop::stored(headers);
        for name in &storable.without {
            headers.remove(name);
        }
        let Freshness { left_ms, always_validate, .. } = storable.freshness;
        Self {
            key: place.key.clone(),
            status: status.as_u16(),
            headers: header_block::encode(&headers),
            length,
            received_ms: since_1970(received),
            lifetime_ms: Some(if always_validate { 0 } else { left_ms }),
            freshness: Some(storable.freshness),
            index: None,
            tags: Bytes::new(),
        }
    }

    /// The same with tags.
    pub(crate) fn tagged(self, tags: Bytes) -> Self {
        Self { tags, ..self }
    }

    /// Its tags.
    pub(crate) const fn tags(&self) -> &Bytes {
        &self.tags
    }

    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) const fn key(&self) -> &Bytes {
        &self.key
    }

    /// When it came, in milliseconds since 1970.
    pub(crate) const fn received(&self) -> u64 {
        self.received_ms
    }

    /// One that stands in the place of several.
    pub(crate) fn of_index(place: &Place, index: Index) -> Self {
        Self {
            key: place.key.clone(),
            // No response has it: an earlier version takes this for nothing.
            status: 0,
            headers: Bytes::new(),
            length: None,
            received_ms: 0,
            lifetime_ms: None,
            freshness: None,
            index: Some(index),
            tags: Bytes::new(),
        }
    }

    /// Status and headers, if this was recorded for that place and can be read.
    pub(crate) fn open(&self, place: &Place) -> Option<Opened> {
        if self.key != place.key || self.index.is_some() {
            return None;
        }
        let headers = header_block::decode(&self.headers)?;
        let freshness = self.freshness.unwrap_or_else(|| Freshness {
            left_ms: self.lifetime_ms.unwrap_or(u64::MAX),
            age_ms: millis(freshness::age(&headers)),
            ..Freshness::default()
        });
        Some(Opened {
            status: StatusCode::from_u16(self.status).ok()?,
            headers,
            freshness,
            received: UNIX_EPOCH.checked_add(Duration::from_millis(self.received_ms))?,
            length: self.length,
            tags: self.tags.clone(),
        })
    }

    /// The index that stands there, if it is one of that place.
    pub(crate) fn index(&self, place: &Place) -> Option<&Index> {
        self.index.as_ref().filter(|_| self.key == place.key)
    }

    /// How long ago it came. Clocks of two servers differ: what came from the future is new.
    fn resident(&self, now: SystemTime) -> Duration {
        Duration::from_millis(since_1970(now).saturating_sub(self.received_ms))
    }

    /// Whether it is past its time, and nothing is gained by asking about it.
    pub(crate) fn is_useless(&self, now: SystemTime) -> bool {
        let resident = millis(self.resident(now));
        match self.freshness {
            Some(Freshness { left_ms, kept_ms, .. }) => resident >= left_ms.max(kept_ms),
            None => self.lifetime_ms.is_some_and(|lifetime| resident >= lifetime),
        }
    }
}

impl Opened {
    /// How long ago it came.
    pub(crate) fn resident(&self, now: SystemTime) -> Duration {
        now.duration_since(self.received).unwrap_or_default()
    }
}

pub(crate) fn since_1970(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, millis)
}

/// Headers may hold what is no one else's business.
impl std::fmt::Debug for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Head").field("status", &self.status).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::{
        HeaderValue, Request,
        header::{AGE, ETAG},
    };

    use super::*;
    use crate::key::Address;

    fn place(path: &str) -> Place {
        let request = Request::get(path).header("host", "a").body(()).unwrap();
        Address::new(&request.into_parts().0, None, &[], false).unwrap().root()
    }

    /// One that came after five seconds, is good for two, and of use for four.
    fn head(headers: &HeaderMap) -> Head {
        let freshness = Freshness { left_ms: 2000, kept_ms: 4000, ..Freshness::default() };
        let storable =
            Storable { freshness, kept: Duration::ZERO, without: vec![AGE], vary: Vec::new() };
        Head::new(&place("/a"), StatusCode::OK, headers, None, at(5), &storable)
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn what_was_recorded_for_another_request_is_not_opened() {
        let mut headers = HeaderMap::from_iter([(ETAG, HeaderValue::from_static("\"a\""))]);
        let expected = headers.clone();
        headers.insert(AGE, HeaderValue::from_static("5"));
        let head = head(&headers);
        assert_eq!(head.open(&place("/a")).unwrap().headers, expected);
        // As if both had the same address.
        assert!(head.open(&place("/b")).is_none());
    }

    #[test]
    fn an_index_is_no_response() {
        let index = Index::new(&[ETAG], 0);
        let head = Head::of_index(&place("/a"), index.clone());
        assert!(head.open(&place("/a")).is_none());
        assert_eq!(head.index(&place("/a")), Some(&index));
        assert_eq!(head.index(&place("/b")), None);
    }

    #[test]
    fn a_head_from_the_future_is_new() {
        let opened = head(&HeaderMap::new()).open(&place("/a")).unwrap();
        assert_eq!([4, 5, 8].map(|now| opened.resident(at(now)).as_secs()), [0, 0, 3]);
    }

    #[test]
    fn it_is_of_no_use_once_nothing_comes_of_asking_about_it() {
        let mut head = head(&HeaderMap::new());
        assert_eq!([5, 8, 9].map(|now| head.is_useless(at(now))), [false, false, true]);
        // As an earlier version wrote it.
        head.freshness = None;
        assert_eq!([6, 7].map(|now| head.is_useless(at(now))), [false, true]);
    }
}
