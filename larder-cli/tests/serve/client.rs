//! A client of raw sockets.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::program::PATIENCE;

/// A connection that is spoken on byte by byte.
pub(crate) struct Raw {
    stream: TcpStream,
    /// All that has come so far.
    pub(crate) got: String,
}

impl Raw {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("it listens");
        Self { stream, got: String::new() }
    }

    pub(crate) async fn say(&mut self, text: impl AsRef<[u8]>) {
        // A server that has seen enough may have closed.
        let _ = self.stream.write_all(text.as_ref()).await;
    }

    /// Reads until this has come.
    pub(crate) async fn until(&mut self, part: &str) -> &str {
        while !self.got.contains(part) {
            assert!(self.more().await, "no {part:?} in {:?}", self.got);
        }
        &self.got
    }

    /// Reads until the server closes.
    pub(crate) async fn rest(mut self) -> String {
        while self.more().await {}
        self.got
    }

    async fn more(&mut self) -> bool {
        let mut piece = vec![0; 64 << 10];
        let read = timeout(PATIENCE, self.stream.read(&mut piece)).await.expect("it comes in time");
        let length = read.unwrap_or(0);
        self.got.push_str(&String::from_utf8_lossy(&piece[..length]));
        length > 0
    }
}

/// Says this, and reads until the server closes.
pub(crate) async fn exchange(address: SocketAddr, text: impl AsRef<[u8]>) -> String {
    let mut raw = Raw::connect(address).await;
    raw.say(text).await;
    raw.rest().await
}

/// Asks with these lines, the last request on its connection.
pub(crate) async fn ask(address: SocketAddr, what: &str, lines: &str) -> String {
    let request =
        format!("{what} HTTP/1.1\r\nhost: shop.example\r\nconnection: close\r\n{lines}\r\n");
    exchange(address, request).await
}

/// The values of a header, in a head or an echo of one.
pub(crate) fn values<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let value = |line: &'a str| {
        let (found, value) = line.split_once(": ")?;
        found.eq_ignore_ascii_case(name).then_some(value)
    };
    text.lines().filter_map(value).collect()
}

/// What stands behind the head.
pub(crate) fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}
