//! The body of a client's request on its way to the origin.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::Request;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::Instant;

use super::expect::Gate;
use crate::{BoxError, silence::Silence};

/// What a client sends, or nothing.
#[derive(Debug, Default)]
pub(super) struct Upload {
    incoming: Option<Incoming>,
    silence: Silence,
    pace: Pace,
    pub(super) gate: Option<Gate>,
}

impl Upload {
    pub(super) fn none() -> Self {
        Self::default()
    }

    /// The body of this request, which may not fall silent for so long, and how it gets on.
    pub(super) fn of(request: Request<Incoming>, idle: Duration) -> (Request<Self>, Pace) {
        let pace = Pace::default();
        let upload = |incoming: Incoming| Self {
            incoming: (!incoming.is_end_stream()).then_some(incoming),
            silence: Silence::of(idle),
            pace: pace.clone(),
            gate: None,
        };
        (request.map(upload), pace.clone())
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        let Some(incoming) = &mut this.incoming else { return Poll::Ready(None) };
        if let Some(gate) = &mut this.gate {
            ready!(gate.poll_open(cx));
            this.gate = None;
            this.pace.step();
        }
        let frame = match Pin::new(incoming).poll_frame(cx) {
            Poll::Ready(frame) => frame.map(|frame| frame.map_err(Into::into)),
            Poll::Pending => Some(Err(ready!(this.silence.poll_too_long(cx)).into())),
        };
        this.silence.broken();
        this.pace.step();
        if matches!(frame, Some(Err(_))) {
            this.pace.0.failed.store(true, Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or(SizeHint::with_exact(0), Body::size_hint)
    }
}

/// How a request gets on: when its last part went out.
#[derive(Debug, Clone, Default)]
pub(super) struct Pace(Arc<Steps>);

#[derive(Debug)]
struct Steps {
    began: Instant,
    /// Milliseconds since.
    last: AtomicU64,
    failed: AtomicBool,
}

impl Default for Steps {
    fn default() -> Self {
        Self { began: Instant::now(), last: AtomicU64::new(0), failed: AtomicBool::new(false) }
    }
}

impl Pace {
    fn step(&self) {
        let since = u64::try_from(self.0.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.last.store(since, Relaxed);
    }

    pub(super) fn last(&self) -> Instant {
        self.0.began + Duration::from_millis(self.0.last.load(Relaxed))
    }

    /// Whether it was the client that failed.
    pub(super) fn has_failed(&self) -> bool {
        self.0.failed.load(Relaxed)
    }
}
