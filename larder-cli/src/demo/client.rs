//! The client: asks a server for a report, and notes when the first byte and the last one came.

use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, sync::watch, time::timeout};

use super::report::Format;

/// After this the answer is given up.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error("cannot connect to {0}")]
    Connect(SocketAddr, #[source] io::Error),
    #[error("the answer broke off")]
    Http(#[from] hyper::Error),
    #[error("no request can be made of that")]
    Request(#[from] http::Error),
    #[error("no end of the answer within {PATIENCE:?}")]
    Slow,
}

/// An answer, or what came of it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: Option<StatusCode>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) first_byte: Option<Duration>,
    pub(crate) total: Duration,
    pub(crate) error: Option<ClientError>,
}

/// Sends one request on a connection of its own.
pub(crate) async fn send(
    address: SocketAddr,
    path: &str,
    accept: Option<&str>,
) -> Result<Response<Incoming>, ClientError> {
    let socket =
        TcpStream::connect(address).await.map_err(|error| ClientError::Connect(address, error))?;
    socket.set_nodelay(true).map_err(|error| ClientError::Connect(address, error))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(socket)).await?;
    // Ends with the answer, or with whoever drops it.
    tokio::spawn(connection);
    let mut request = Request::get(path).header(header::HOST, address.to_string());
    if let Some(accept) = accept {
        request = request.header(header::ACCEPT, accept);
    }
    Ok(sender.send_request(request.body(Empty::<Bytes>::new())?).await?)
}

/// A client that asks for a report and waits for its end, or leaves after so many bytes.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    pub(crate) name: String,
    pub(crate) format: Format,
    pub(crate) leaves_after: Option<usize>,
    /// Tells how many bytes have come.
    pub(crate) progress: watch::Sender<usize>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr, name: &str, format: Format) -> Self {
        let progress = watch::Sender::new(0);
        Self { address, name: name.to_owned(), format, leaves_after: None, progress }
    }

    pub(crate) async fn ask(&self) -> Answer {
        let begin = Instant::now();
        let mut answer = Answer {
            status: None,
            headers: HeaderMap::new(),
            body: Vec::new(),
            first_byte: None,
            total: Duration::ZERO,
            error: None,
        };
        answer.error = match timeout(PATIENCE, self.receive(begin, &mut answer)).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error),
            Err(_) => Some(ClientError::Slow),
        };
        answer.total = begin.elapsed();
        answer
    }

    async fn receive(&self, begin: Instant, answer: &mut Answer) -> Result<(), ClientError> {
        let path = format!("/{}", self.name);
        let response = send(self.address, &path, Some(self.format.media_type())).await?;
        answer.status = Some(response.status());
        answer.headers = response.headers().clone();
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame?.into_data() else { continue };
            if data.is_empty() {
                continue;
            }
            answer.first_byte.get_or_insert_with(|| begin.elapsed());
            answer.body.extend_from_slice(&data);
            self.progress.send_replace(answer.body.len());
            if self.leaves_after.is_some_and(|enough| answer.body.len() >= enough) {
                break;
            }
        }
        Ok(())
    }
}
