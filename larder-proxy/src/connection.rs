//! One connection of a client, from its first byte to its end.

use std::{
    fmt,
    future::pending,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use http::uri::Scheme;
use hyper::{
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::watch,
    time::{interval, timeout},
};
use tokio_rustls::TlsAcceptor;

use crate::{
    Config,
    client_io::ClientIo,
    front::{Front, Peer},
    live::Live,
    server::Phase,
};

/// How often a silent client of HTTP/2 is asked whether it is still there.
const PING: Duration = Duration::from_secs(30);

/// How connections are served. Made once.
pub(crate) struct Connections {
    front: Arc<Front>,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
    tls: Option<TlsAcceptor>,
    header: Duration,
    idle: Duration,
}

impl Connections {
    pub(crate) fn new(config: &Config, front: Arc<Front>, tls: Option<TlsAcceptor>) -> Self {
        let header_bytes = config.limits.header_bytes.max(8 << 10);
        let mut http1 = http1::Builder::new();
        http1
            .timer(TokioTimer::new())
            .header_read_timeout(config.timeouts.header)
            .max_header_size(header_bytes)
            .max_buf_size(header_bytes.max(64 << 10));
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_header_list_size(u32::try_from(header_bytes).unwrap_or(u32::MAX))
            .max_concurrent_streams(config.limits.streams)
            .keep_alive_interval(PING)
            .keep_alive_timeout(config.timeouts.header);
        let (header, idle) = (config.timeouts.header, config.timeouts.idle);
        Self { front, http1, http2, tls, header, idle }
    }

    /// Serves until the client is done, or the server is over. An error of a connection is its end.
    pub(crate) async fn serve(
        &self,
        stream: TcpStream,
        address: SocketAddr,
        mut phase: watch::Receiver<Phase>,
    ) {
        let mut over = phase.clone();
        let served = async {
            let Some(tls) = &self.tls else {
                let mut io = ClientIo::new(stream, self.idle);
                let Some(is_http2) = self.begun(&mut phase, io.is_http2()).await else { return };
                let peer = Peer::new(address, Scheme::HTTP);
                return self.speak(io, is_http2, peer, phase).await;
            };
            let Some(stream) = self.begun(&mut phase, tls.accept(stream)).await else { return };
            let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            let peer = Peer::new(address, Scheme::HTTPS);
            self.speak(ClientIo::new(stream, self.idle), is_http2, peer, phase).await;
        };
        tokio::select! {
            () = served => {}
            _ = over.wait_for(|phase| *phase == Phase::Over) => {}
        }
    }

    /// What a client begins with, if it does so in time. Who has not begun when the server is to end does
    /// not begin any more.
    async fn begun<T>(
        &self,
        phase: &mut watch::Receiver<Phase>,
        begin: impl Future<Output = io::Result<T>> + Send,
    ) -> Option<T> {
        tokio::select! {
            begun = timeout(self.header, begin) => begun.ok()?.ok(),
            _ = phase.wait_for(|phase| *phase != Phase::Serving) => None,
        }
    }

    async fn speak<T>(
        &self,
        io: ClientIo<T>,
        is_http2: bool,
        peer: Peer,
        phase: watch::Receiver<Phase>,
    ) where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let io = TokioIo::new(io);
        let requests = peer.requests.clone();
        let service = service_fn(|request| Arc::clone(&self.front).answer(peer.clone(), request));
        let ended = if is_http2 {
            let connection = self.http2.serve_connection(io, service);
            let idle = || unused(&requests, self.header);
            until_done(connection, phase, idle, |connection| connection.graceful_shutdown()).await
        } else {
            // Its wait for a next head has a bound of its own.
            let connection = self.http1.serve_connection(io, service).with_upgrades();
            let idle = pending::<()>;
            until_done(connection, phase, idle, |connection| connection.graceful_shutdown()).await
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended in an error");
        }
    }
}

/// Drives a connection to its end. Once the server drains, or nothing was asked for too long, that is when
/// the answers under way have ended.
async fn until_done<C, I>(
    connection: C,
    mut phase: watch::Receiver<Phase>,
    idle: impl Fn() -> I + Send,
    drain: impl Fn(Pin<&mut C>) + Send,
) -> hyper::Result<()>
where
    C: Future<Output = hyper::Result<()>> + Send,
    I: Future<Output = ()> + Send,
{
    let mut connection = pin!(connection);
    tokio::select! {
        ended = &mut connection => return ended,
        _ = phase.wait_for(|phase| *phase != Phase::Serving) => {}
        () = idle() => {}
    }
    drain(connection.as_mut());
    tokio::select! {
        ended = connection => ended,
        // Not even its part in the end was taken.
        () = idle() => Ok(()),
    }
}

/// Ready when there was no request at two beats in a row.
async fn unused(requests: &Live, limit: Duration) {
    let mut beat = interval(limit.max(Duration::from_millis(1)));
    beat.tick().await;
    let mut was_idle = false;
    loop {
        beat.tick().await;
        let is_idle = requests.count() == 0;
        if is_idle && was_idle {
            return;
        }
        was_idle = is_idle;
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").field("front", &self.front).finish_non_exhaustive()
    }
}
