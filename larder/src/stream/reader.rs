use std::{
    fmt,
    ops::Range,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use futures_util::StreamExt;

use crate::{
    Larder,
    stream::{StreamError, body::Body, format::Generation, shared::count},
};

/// A recorded stream, or one that is being recorded: its head, and its body as a stream of bytes.
///
/// The body ends either cleanly, and then it is whole, byte for byte what was recorded; or with an
/// error, which is the last item. It never ends cleanly too early. What was given out before an error
/// was right, as far as it goes.
///
/// It holds at most a few MiB of what it reads ahead. Dropping it stops its reading; it never stops the
/// recording that it follows (but a fill without any reader may be given up).
pub struct Reader<H> {
    head: Arc<H>,
    body: Option<Box<dyn Body>>,
    range: Option<Range<u64>>,
    total: Option<u64>,
    trailers: Option<Bytes>,
    live: bool,
    larder: Larder,
    /// What stands in the store, if it was committed when it was opened.
    edition: Option<Edition>,
}

/// Which recording stood at a key when it was opened: for whoever does something about that one, and no
/// other. See [`Streams::renew`](crate::stream::Streams::renew).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edition {
    pub(crate) generation: Generation,
    pub(crate) chunks: u32,
}

impl<H> Reader<H> {
    pub(crate) fn new(larder: Larder, head: Arc<H>, body: Box<dyn Body>) -> Self {
        let total = body.finish().map(|finish| finish.length);
        let live = body.is_live();
        Self {
            head,
            body: Some(body),
            range: None,
            total,
            trailers: None,
            live,
            larder,
            edition: None,
        }
    }

    pub(crate) fn with_range(mut self, range: Range<u64>) -> Self {
        self.range = Some(range);
        self
    }

    pub(crate) const fn with_edition(mut self, generation: Generation, chunks: u32) -> Self {
        self.edition = Some(Edition { generation, chunks });
        self
    }

    /// Which committed recording this reads. `None`: it was not committed yet when it was opened.
    pub const fn edition(&self) -> Option<Edition> {
        self.edition
    }

    /// What was recorded with the stream.
    pub fn head(&self) -> &H {
        &self.head
    }

    /// How long the whole body is, in bytes: known of a committed recording, and at the end of any
    /// other. With [`range`](Self::range), it is still the length of the whole.
    pub const fn total(&self) -> Option<u64> {
        self.total
    }

    /// Which bytes of the whole this reader gives, if not all. An empty one lies at the end.
    pub fn range(&self) -> Option<Range<u64>> {
        self.range.clone()
    }

    /// Whether it follows a recording whose end it has not seen yet.
    pub const fn is_live(&self) -> bool {
        self.live
    }

    /// Whether all that is to come has been read from the store and verified. What is not may turn out to be
    /// gone. Of a short body that is so from the beginning.
    pub fn is_at_hand(&self) -> bool {
        self.body.as_ref().is_none_or(|body| body.is_at_hand())
    }

    /// What was recorded behind the body. Known once the stream has ended cleanly.
    pub const fn trailers(&self) -> Option<&Bytes> {
        self.trailers.as_ref()
    }

    /// The whole body (or the range) in one piece, for what is known to be small.
    ///
    /// # Errors
    ///
    /// That of the stream. Nothing of it is returned then.
    pub async fn collect(mut self) -> Result<Bytes, StreamError>
    where
        H: Send + Sync,
    {
        let Some(first) = self.next().await.transpose()? else { return Ok(Bytes::new()) };
        let Some(second) = self.next().await.transpose()? else { return Ok(first) };
        let mut whole = BytesMut::from(first);
        whole.extend_from_slice(&second);
        while let Some(piece) = self.next().await.transpose()? {
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    }
}

impl<H> Stream for Reader<H> {
    type Item = Result<Bytes, StreamError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        let next = ready!(body.poll(cx));
        match &next {
            Some(Ok(_)) => return Poll::Ready(next),
            Some(Err(error)) => {
                tracing::debug!(%error, "a stream ended in an error");
                count(&this.larder.inner.streams.counters.cut);
            }
            None => {
                if let Some(finish) = body.finish() {
                    this.total = Some(finish.length);
                    this.trailers = finish.trailers.clone();
                }
            }
        }
        this.live = false;
        this.body = None;
        Poll::Ready(next)
    }
}

impl<H> fmt::Debug for Reader<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("live", &self.live)
            .field("total", &self.total)
            .field("range", &self.range)
            .finish_non_exhaustive()
    }
}
