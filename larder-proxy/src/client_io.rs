//! A client's connection: what was read ahead comes first, and whoever takes nothing for too long is cut
//! off.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use crate::silence::Silence;

/// How HTTP/2 begins where it was agreed on beforehand (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[derive(Debug)]
pub(crate) struct ClientIo<T> {
    io: T,
    ahead: Bytes,
    stall: Silence,
}

impl<T> ClientIo<T> {
    /// `patience`: so long bytes may wait to be taken.
    pub(crate) const fn new(io: T, patience: Duration) -> Self {
        Self { io, ahead: Bytes::new(), stall: Silence::of(patience) }
    }
}

impl<T: AsyncRead + Unpin> ClientIo<T> {
    /// Whether the client begins with HTTP/2. Reads no further than it takes to know.
    pub(crate) async fn is_http2(&mut self) -> io::Result<bool> {
        let mut begin = [0; PREFACE.len()];
        let mut length = 0;
        loop {
            let read = self.io.read(&mut begin[length..]).await?;
            length += read;
            let so_far = PREFACE.starts_with(&begin[..length]);
            if read == 0 || !so_far || length == PREFACE.len() {
                self.ahead = Bytes::copy_from_slice(&begin[..length]);
                return Ok(so_far && length == PREFACE.len());
            }
        }
    }
}

impl<T> ClientIo<T> {
    fn unless_stalled<R>(
        &mut self,
        cx: &mut Context<'_>,
        done: Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        match done {
            Poll::Ready(done) => {
                self.stall.broken();
                Poll::Ready(done)
            }
            Poll::Pending => self
                .stall
                .poll_too_long(cx)
                .map(|stall| Err(io::Error::new(io::ErrorKind::TimedOut, stall))),
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for ClientIo<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ahead.is_empty() {
            return Pin::new(&mut self.io).poll_read(cx, buf);
        }
        let length = self.ahead.len().min(buf.remaining());
        buf.put_slice(&self.ahead[..length]);
        self.ahead.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for ClientIo<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, buf);
        self.unless_stalled(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.unless_stalled(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        self.unless_stalled(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.io).poll_shutdown(cx);
        self.unless_stalled(cx, shut)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt, duplex};

    use super::*;

    async fn told(parts: &[&[u8]]) -> (bool, Vec<u8>) {
        let (mut client, server) = duplex(1024);
        let mut server = ClientIo::new(server, Duration::from_secs(60));
        let parts: Vec<Vec<u8>> = parts.iter().map(|part| part.to_vec()).collect();
        let client = tokio::spawn(async move {
            for part in parts {
                client.write_all(&part).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        let is_http2 = server.is_http2().await.unwrap();
        client.await.unwrap();
        let mut all = Vec::new();
        server.read_to_end(&mut all).await.unwrap();
        (is_http2, all)
    }

    #[tokio::test]
    async fn a_beginning_is_told_from_another_and_comes_back() {
        for (parts, is_http2) in [
            (&[&b"GET / HTTP/1.1\r\n\r\n"[..]][..], false),
            (&[b"PR", b"OPFIND / HTTP/1.1\r\n\r\n"], false),
            (&[b"PRI * HTTP/2.0\r\n", b"\r\nSM\r\n\r\nframes"], true),
            (&[b"PRI *"], false),
            (&[], false),
        ] {
            assert_eq!(told(parts).await, (is_http2, parts.concat()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_is_cut_off() {
        let (_client, server) = duplex(8);
        let mut server = ClientIo::new(server, Duration::from_secs(60));
        let error = server.write_all(&[0; 9]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
