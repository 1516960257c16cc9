//! What follows a `101 Switching Protocols`: bytes both ways, whatever they mean.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};

use http::{HeaderValue, Request, Version, header::UPGRADE};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional},
    time::{interval, timeout},
};

use crate::{headers::hop_by_hop, live::One};

/// How long the two sides may take to be ready for bytes.
const READY: Duration = Duration::from_secs(10);

/// The protocol that a request asks to change to, if it is one to be passed on.
///
/// Not `h2c`: what is asked over it would pass this proxy unseen.
pub(super) fn asked_for<B>(request: &Request<B>) -> Option<HeaderValue> {
    let headers = request.headers();
    if request.version() != Version::HTTP_11 || !hop_by_hop::nominates(headers, "upgrade") {
        return None;
    }
    let mut lines = headers.get_all(UPGRADE).iter();
    let protocol = lines.next()?;
    let mut members = protocol.as_bytes().split(|&b| b == b',');
    let is_http2 = members.any(|member| {
        let name = member.trim_ascii();
        name.len() >= 2 && name[..2].eq_ignore_ascii_case(b"h2")
    });
    (lines.next().is_none() && !is_http2).then(|| protocol.clone())
}

/// Two sides that are about to be connected.
#[derive(Debug)]
pub(super) struct Tunnel {
    pub(super) client: OnUpgrade,
    pub(super) origin: OnUpgrade,
    /// Nothing goes over it for so long, and it is closed.
    pub(super) idle: Duration,
    pub(super) counted: One,
}

impl Tunnel {
    /// Connects them, in a task of its own that ends with either side, or with the server.
    pub(super) fn open(self) {
        tokio::spawn(async move {
            let _counted = self.counted;
            let both = async { tokio::try_join!(self.client, self.origin) };
            let Ok(Ok((client, origin))) = timeout(READY, both).await else { return };
            let used = Arc::new(AtomicBool::new(true));
            let mut client = Watched { io: TokioIo::new(client), used: Arc::clone(&used) };
            let mut origin = TokioIo::new(origin);
            tokio::select! {
                // An error is an end like another: both sides are closed.
                _ = copy_bidirectional(&mut client, &mut origin) => {}
                () = unused(&used, self.idle) => {}
            }
        });
    }
}

/// Ready when nothing was seen for so long, or up to twice that.
async fn unused(used: &AtomicBool, idle: Duration) {
    let mut beat = interval(idle.max(Duration::from_millis(1)));
    beat.tick().await;
    while used.swap(false, Relaxed) {
        beat.tick().await;
    }
}

/// Notes that bytes came or went.
struct Watched<T> {
    io: T,
    used: Arc<AtomicBool>,
}

impl<T> Watched<T> {
    fn note<R>(&self, done: Poll<R>) -> Poll<R> {
        if done.is_ready() {
            self.used.store(true, Relaxed);
        }
        done
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        self.note(read)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, buf);
        self.note(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
