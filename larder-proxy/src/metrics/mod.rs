//! What is counted, by plain atomic numbers: a recorder behind a facade would cost each request some
//! look-ups of names, and keep samples until someone asks for them.

mod histogram;
mod text;

pub(crate) use text::CONTENT_TYPE;

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use http::StatusCode;

use self::histogram::Histogram;
use crate::{front::Cached, live::Live, origin::OriginError};

/// Everything that a proxy counts.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// By what the cache had to do with it, and by the first digit of the status.
    requests: [[AtomicU64; 10]; Cached::ALL.len()],
    first_byte: [Histogram; Cached::ALL.len()],
    body_bytes: AtomicU64,
    /// Those of them that the origin did not send for this answer.
    saved_bytes: AtomicU64,
    aborted: AtomicU64,
    refused: AtomicU64,
    lines_lost: AtomicU64,
    origin_requests: AtomicU64,
    origin_errors: [AtomicU64; ERRORS.len()],
    origin_first_byte: Histogram,
    pub(crate) connections: Live,
    pub(crate) in_flight: Live,
    pub(crate) tunnels: Live,
    /// Bodies that come from the origin, read by a client or recorded without one.
    pub(crate) origin_bodies: Live,
}

/// The words of [`OriginError::word`].
const ERRORS: [&str; 7] =
    ["connect", "connect-timeout", "timeout", "broken", "protocol", "full", "client"];

impl Metrics {
    /// An answer is on its way.
    pub(crate) fn answered(&self, cached: Cached, status: StatusCode, took: Duration) {
        let digit = usize::from(status.as_u16() / 100 % 10);
        count(&self.requests[cached as usize][digit]);
        self.first_byte[cached as usize].record(took);
    }

    /// The body of an answer came to its end, or did not.
    pub(crate) fn finished(&self, cached: Cached, bytes: u64, whole: bool) {
        self.body_bytes.fetch_add(bytes, Relaxed);
        if cached.is_kept() || cached == Cached::Validated {
            self.saved_bytes.fetch_add(bytes, Relaxed);
        }
        if !whole {
            count(&self.aborted);
        }
    }

    /// A request that is none.
    pub(crate) fn refused(&self) {
        count(&self.refused);
    }

    /// A line of the log that nobody took.
    pub(crate) fn line_lost(&self) {
        count(&self.lines_lost);
    }

    /// The origin was asked, and gave an answer or this error.
    pub(crate) fn origin_answered(&self, error: Option<&OriginError>, took: Duration) {
        count(&self.origin_requests);
        let Some(error) = error else { return self.origin_first_byte.record(took) };
        if let Some(which) = ERRORS.iter().position(|word| *word == error.word()) {
            count(&self.origin_errors[which]);
        }
    }

    /// How many answers were recorded by way of this proxy.
    pub(crate) fn recorded(&self) -> u64 {
        self.answers(Cached::Recorded)
    }

    /// How many answers the cache had this part in.
    pub(crate) fn answers(&self, cached: Cached) -> u64 {
        self.requests[cached as usize].iter().map(|count| count.load(Relaxed)).sum()
    }

    /// How many answers had a status with this first digit.
    pub(crate) fn statuses(&self, digit: usize) -> u64 {
        self.requests.iter().filter_map(|by| by.get(digit)).map(|count| count.load(Relaxed)).sum()
    }

    pub(crate) fn body_bytes(&self) -> u64 {
        self.body_bytes.load(Relaxed)
    }

    pub(crate) fn saved_bytes(&self) -> u64 {
        self.saved_bytes.load(Relaxed)
    }

    pub(crate) fn origin_requests(&self) -> u64 {
        self.origin_requests.load(Relaxed)
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}
