//! What is told of a request once its answer has ended, however it ended.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use http::{Response, StatusCode, header::CONTENT_LENGTH};
use http_body::Body;
use larder_http::CacheBody;

use super::{Cached, ClientBody, Front, guard::Refusal, plain::plain};
use crate::{
    live::One,
    log::Entry,
    origin::{OriginBody, OriginError},
    watch::{Following, Watched},
};

/// Counts and logs when it is dropped.
pub(crate) struct Finish {
    front: Arc<Front>,
    began: Instant,
    first_byte: Duration,
    cached: Cached,
    watched: Option<Watched>,
    following: Option<Following>,
    entry: Option<Entry>,
    /// How much is to be sent, where it is known.
    length: Option<u64>,
    bytes: u64,
    ended: bool,
    _under_way: [One; 2],
}

impl Finish {
    pub(super) const fn new(
        front: Arc<Front>,
        began: Instant,
        entry: Option<Entry>,
        under_way: [One; 2],
    ) -> Self {
        Self {
            front,
            began,
            first_byte: Duration::ZERO,
            cached: Cached::Own,
            watched: None,
            following: None,
            entry,
            length: None,
            bytes: 0,
            ended: false,
            _under_way: under_way,
        }
    }

    /// The page is to tell of it.
    pub(super) fn watch(&mut self, watched: Option<Watched>) {
        self.watched = watched;
    }

    /// The answer to a request that goes no further.
    pub(super) fn refuse(self, refusal: &Refusal) -> Response<ClientBody> {
        self.front.metrics.refused();
        self.own(refusal.status, refusal.why, true)
    }

    /// The answer where the origin has none.
    pub(super) fn failed(mut self, error: &OriginError) -> Response<ClientBody> {
        if let Some(entry) = &mut self.entry {
            entry.error = Some(error.word());
            entry.reason = error.reason();
        }
        // What the client did not finish is still to come on its connection.
        let close = matches!(error, OriginError::Client);
        self.own(error.status(), &error.to_string(), close)
    }

    fn own(mut self, status: StatusCode, why: &str, close: bool) -> Response<ClientBody> {
        self.head(Cached::Own, status);
        let answer = plain(status, why, close);
        self.length = answer.body().size_hint().exact();
        answer.map(|body| ClientBody::plain(body, self))
    }

    /// The answer of the cache or the origin.
    pub(super) fn pass(
        mut self,
        cached: Cached,
        has_body: bool,
        answer: Response<CacheBody<OriginBody>>,
    ) -> Response<ClientBody> {
        self.head(cached, answer.status());
        let declared = answer.headers().get(CONTENT_LENGTH);
        let declared = declared.and_then(|length| length.to_str().ok()?.parse().ok());
        self.length = answer.body().size_hint().exact().or(declared);
        self.ended = !has_body || answer.body().is_end_stream() || has_none(answer.status());
        answer.map(|body| ClientBody::passed(body, self))
    }

    fn head(&mut self, cached: Cached, status: StatusCode) {
        self.first_byte = self.began.elapsed();
        self.cached = cached;
        if let Some(watched) = &self.watched {
            self.following = watched.answered(cached, self.first_byte);
        }
        self.front.metrics.answered(cached, status, self.first_byte);
        if let Some(entry) = &mut self.entry {
            entry.status = status.as_u16();
            entry.cache = cached.word();
        }
    }

    pub(super) const fn sent(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    pub(super) const fn ended(&mut self) {
        self.ended = true;
    }
}

/// Statuses that never have a body.
fn has_none(status: StatusCode) -> bool {
    status.is_informational() || matches!(status.as_u16(), 204 | 205 | 304)
}

impl Drop for Finish {
    fn drop(&mut self) {
        // A body of a known length is not read beyond its last byte.
        let whole = self.ended || self.length == Some(self.bytes);
        self.front.metrics.finished(self.cached, self.bytes, whole);
        if let Some(mut entry) = self.entry.take() {
            entry.bytes = self.bytes;
            entry.whole = whole;
            entry.first_byte_ms = millis(self.first_byte);
            entry.total_ms = millis(self.began.elapsed());
            self.front.log.tell(&entry);
        }
    }
}

fn millis(time: Duration) -> f64 {
    time.as_micros() as f64 / 1e3
}
