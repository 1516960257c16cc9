//! An answer that is made from what is stored.

use std::ops::Range;

use http::{
    HeaderMap, HeaderValue, Response, StatusCode,
    header::{AGE, CONTENT_LENGTH, CONTENT_RANGE, RANGE, TRAILER},
};
use larder::stream::{Edition, Reader};

use crate::{
    CacheBody,
    exchange::Answer,
    head::{Head, Opened},
    key::Place,
    look_up::Stored,
    rules::{
        range::{self, Part},
        request::Asked,
        update, validators,
    },
    shared::Shared,
    status::Outcome,
};

impl Shared {
    /// The answer to a request from a stored response: all of it, a part, or that the client has it
    /// already.
    pub(crate) async fn answer<B>(
        &self,
        asked: Asked,
        request: &HeaderMap,
        stored: Stored,
        opened: Opened,
        outcome: Outcome,
    ) -> Answer<B> {
        let Stored { reader, place } = stored;
        let resident = opened.resident(self.clock.system_time());
        let Opened { mut status, mut headers, freshness, received, length: announced, .. } = opened;
        // Without it every cache behind us would count the lifetime from now (RFC 9111, section 4).
        headers.insert(AGE, freshness.age(resident).as_secs().into());
        self.report(&mut headers, outcome);
        let body = if validators::is_not_modified(request, status, &headers, received) {
            status = StatusCode::NOT_MODIFIED;
            update::not_modified(&mut headers);
            CacheBody::empty()
        } else {
            let whole = Whole { place: &place, edition: reader.edition(), total: reader.total() };
            match self.part(asked, request, status, &headers, whole).await {
                Some(Served::Part(part, bytes, total)) => {
                    status = StatusCode::PARTIAL_CONTENT;
                    let range = format!("bytes {}-{}/{total}", bytes.start, bytes.end - 1);
                    headers.insert(CONTENT_RANGE, printable(range));
                    let length = bytes.end - bytes.start;
                    headers.insert(CONTENT_LENGTH, length.into());
                    CacheBody::recorded(part, Some(length))
                }
                Some(Served::Nothing(total)) => {
                    status = StatusCode::RANGE_NOT_SATISFIABLE;
                    update::not_modified(&mut headers);
                    headers.insert(CONTENT_RANGE, printable(format!("bytes */{total}")));
                    headers.insert(CONTENT_LENGTH, 0.into());
                    CacheBody::empty()
                }
                None => {
                    // Over HTTP/1 a response with a length has no trailers.
                    let length = match reader.total() {
                        Some(_) if headers.contains_key(TRAILER) => announced,
                        total => total.or(announced),
                    };
                    if let Some(length) = length.filter(|_| status != StatusCode::NO_CONTENT) {
                        headers.insert(CONTENT_LENGTH, length.into());
                    }
                    if asked.head {
                        CacheBody::empty()
                    } else {
                        CacheBody::recorded(reader, length)
                    }
                }
            }
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }

    /// The part that is asked for. `None`: all of it is to be given.
    async fn part(
        &self,
        asked: Asked,
        request: &HeaderMap,
        status: StatusCode,
        headers: &HeaderMap,
        whole: Whole<'_>,
    ) -> Option<Served> {
        // RFC 9110, section 14.2: of GET alone, and of a success.
        if asked.head || status != StatusCode::OK || !request.contains_key(RANGE) {
            return None;
        }
        let (edition, total) = (whole.edition?, whole.total?);
        if !validators::may_give_part(request, headers) {
            return None;
        }
        match range::of(request, total) {
            Part::All => None,
            Part::Unsatisfiable => Some(Served::Nothing(total)),
            Part::Bytes(bytes) => {
                let open = self.look_up.streams().open_range(&whole.place.key, bytes.clone());
                match self.look_up.within(self.look_up.deadline(), open).await {
                    // Another recording may stand there by now: all of the one we have is right.
                    Some(Ok(Some(part))) if part.edition() == Some(edition) => {
                        Some(Served::Part(part, bytes, total))
                    }
                    _ => None,
                }
            }
        }
    }
}

/// The whole of which a part is asked for.
struct Whole<'a> {
    place: &'a Place,
    edition: Option<Edition>,
    total: Option<u64>,
}

/// What is served to whoever asks for a part: the bytes, which they are, and how many there are in all.
enum Served {
    Part(Reader<Head>, Range<u64>, u64),
    Nothing(u64),
}

fn printable(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("printable ASCII makes a header")
}
