use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};

use super::{
    Ending, Live,
    state::{Next, State},
};
use crate::stream::{
    StreamError,
    body::{Body, Finish},
    format::Span,
};

/// How much a reader that fell behind takes from the store at a time, in bytes.
const FETCH: u64 = 1 << 20;

/// A reader in the process that records.
pub(crate) struct LiveReader {
    live: Arc<Live>,
    id: u64,
    /// What was read from the store and not handed on yet.
    fetched: VecDeque<Bytes>,
    fetching: Option<Fetching>,
    /// Where it stands in the first chunk that is being fetched.
    within: usize,
    finish: Option<Finish>,
}

type Fetching = Pin<Box<dyn Future<Output = Result<Vec<Bytes>, StreamError>> + Send>>;

impl LiveReader {
    pub(super) const fn new(live: Arc<Live>, id: u64) -> Self {
        Self { live, id, fetched: VecDeque::new(), fetching: None, within: 0, finish: None }
    }

    fn fetch(&self, spans: Vec<Span>) -> Fetching {
        let chunks = self.live.chunks.clone();
        Box::pin(async move {
            // Without chunks there was none in the table, and this is never asked for.
            let chunks = chunks.ok_or(StreamError::Lagged)?;
            chunks.fetch(&spans).await
        })
    }
}

impl Body for LiveReader {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, StreamError>>> {
        loop {
            if let Some(bytes) = self.fetched.pop_front() {
                self.live.read(|state| state.advance(self.id, bytes.len() as u64));
                return Poll::Ready(Some(Ok(bytes)));
            }
            if let Some(fetching) = &mut self.fetching {
                let fetched = ready!(fetching.as_mut().poll(cx));
                self.fetching = None;
                self.fetched = fetched?.into();
                if let Some(first) = self.fetched.front_mut() {
                    first.advance(self.within.min(first.len()));
                }
                continue;
            }
            match self.live.read(|state: &mut State| state.next(self.id, FETCH, cx.waker())) {
                Next::Piece(bytes) => return Poll::Ready(Some(Ok(bytes))),
                Next::NotYet => return Poll::Pending,
                Next::Stored { spans, within } => {
                    self.within = within;
                    self.fetching = Some(self.fetch(spans));
                }
                Next::Ended(Ending::Failed(error)) => return Poll::Ready(Some(Err(error))),
                Next::Ended(Ending::Complete { trailers }) => {
                    self.finish = Some(Finish { length: self.live.produced(), trailers });
                    return Poll::Ready(None);
                }
            }
        }
    }

    fn finish(&self) -> Option<&Finish> {
        self.finish.as_ref()
    }

    fn is_live(&self) -> bool {
        self.finish.is_none()
    }
}

/// It takes no more, and no longer holds up anyone.
impl Drop for LiveReader {
    fn drop(&mut self) {
        self.live.detach(self.id);
    }
}

impl fmt::Debug for LiveReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveReader").field("id", &self.id).finish_non_exhaustive()
    }
}
