//! One row of the table: what a client asked for, what it got, and what it should have got.

use std::time::Duration;

use super::{
    client::Answer,
    report::{self, Format},
};
use crate::output::{Fields, exact_millis};

/// What a client should see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The whole report.
    Whole,
    /// It leaves of its own accord.
    Leaves,
    /// An error, and no byte that the origin did not write.
    Breaks,
}

/// What a client should see, and how often the origin should be asked for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected {
    pub(crate) end: End,
    pub(crate) origin_calls: u64,
    /// It should take less than this.
    pub(crate) within: Option<Duration>,
}

/// A row of the table, as it is shown.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) what: &'static str,
    pub(crate) first_byte: Option<Duration>,
    pub(crate) total: Duration,
    pub(crate) origin_calls: u64,
    /// What the client got, in a word or two.
    pub(crate) got: String,
    pub(crate) is_right: bool,
}

/// What a client saw of a report.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) what: &'static str,
    pub(crate) server: &'static str,
    pub(crate) first_byte: Option<Duration>,
    pub(crate) total: Duration,
    pub(crate) bytes: u64,
    /// How long the whole report is.
    pub(crate) whole: u64,
    pub(crate) origin_calls: u64,
    pub(crate) expected: Expected,
    /// What the layer said of it (`Cache-Status`).
    pub(crate) cache_status: Option<String>,
    /// What was not as it should be.
    pub(crate) mistakes: Vec<String>,
}

impl Scene {
    /// Judges an answer.
    pub(crate) fn judge(
        what: &'static str,
        server: &'static str,
        (name, format): (&str, Format),
        answer: &Answer,
        origin_calls: u64,
        expected: Expected,
    ) -> Self {
        let mut mistakes = Vec::new();
        let whole = report::whole(name, format);
        if answer.status.is_none_or(|status| status != http::StatusCode::OK) {
            mistakes.push(format!("the status is {:?}", answer.status));
        }
        let header = |name| Some(answer.headers.get(name)?.to_str().ok()?.to_owned());
        let media_type = header("content-type");
        if media_type.as_deref() != Some(format.media_type()) {
            mistakes.push(format!("the content type is {media_type:?}"));
        }
        if !whole.starts_with(&answer.body) {
            mistakes.push("the body holds bytes that the origin did not write".to_owned());
        }
        let got = answer.body.len();
        match (expected.end, &answer.error) {
            (End::Whole, Some(error)) => mistakes.push(format!("the answer failed: {error}")),
            (End::Whole, None) if got != whole.len() => {
                mistakes.push(format!("a clean end after {got} of {} bytes", whole.len()));
            }
            (End::Breaks, None) => {
                mistakes.push(format!("a clean end after {got} bytes of an origin that died"));
            }
            (End::Leaves, Some(error)) => mistakes.push(format!("the answer failed: {error}")),
            (End::Whole | End::Leaves, None) | (End::Breaks, Some(_)) => {}
        }
        if origin_calls != expected.origin_calls {
            let should = expected.origin_calls;
            mistakes.push(format!("the origin was asked {origin_calls} times instead of {should}"));
        }
        if let Some(within) = expected.within
            && answer.total >= within
        {
            mistakes.push(format!("it took {:?}, as long as the origin", answer.total));
        }
        Self {
            what,
            server,
            first_byte: answer.first_byte,
            total: answer.total,
            bytes: got as u64,
            whole: whole.len() as u64,
            origin_calls,
            expected,
            cache_status: header("cache-status"),
            mistakes,
        }
    }

    pub(crate) fn row(&self) -> Row {
        let percent = self.bytes * 100 / self.whole.max(1);
        Row {
            what: self.what,
            first_byte: self.first_byte,
            total: self.total,
            origin_calls: self.origin_calls,
            got: match self.got() {
                "whole" => "whole".to_owned(),
                word => format!("{word} at {percent}%"),
            },
            is_right: self.mistakes.is_empty(),
        }
    }

    /// What the client got, in a word.
    pub(crate) const fn got(&self) -> &'static str {
        match self.expected.end {
            _ if !self.mistakes.is_empty() => "WRONG",
            End::Whole => "whole",
            End::Leaves => "left",
            End::Breaks => "error",
        }
    }

    pub(crate) fn fields(&self) -> Fields {
        Fields::new()
            .put("what", self.what)
            .put("server", self.server)
            .put("first_byte_ms", self.first_byte.map(exact_millis))
            .put("total_ms", exact_millis(self.total))
            .put("bytes", self.bytes)
            .put("origin_calls", self.origin_calls)
            .put("expected_origin_calls", self.expected.origin_calls)
            .put("cache_status", self.cache_status.as_deref())
            .put("got", self.got())
            .put("mistakes", self.mistakes.clone())
    }
}
