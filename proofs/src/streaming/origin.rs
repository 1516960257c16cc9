//! An origin of raw sockets, whose every answer is another generation and says so in each of its bytes.

use std::{
    collections::HashMap,
    fmt::Write as _,
    net::SocketAddr,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rand::RngExt;
use tokio::{
    io::{AsyncWriteExt, BufStream},
    net::{TcpListener, TcpStream},
};

use super::{
    plan::{End, Plan},
    request::{self, Request},
    stamp,
};
use crate::Result;

#[derive(Debug, Clone)]
pub(super) struct Origin {
    pub(super) address: SocketAddr,
    resources: Arc<Mutex<HashMap<String, Resource>>>,
}

/// What is known of a path.
#[derive(Debug, Clone, Copy, Default)]
struct Resource {
    /// The newest generation.
    generation: u64,
    /// How many bodies were begun.
    fetches: u64,
}

/// An answer, as it is decided on before its first byte.
#[derive(Debug)]
struct Answer {
    generation: u64,
    /// All that there is.
    size: u64,
    /// What is sent of it; a part if it is less.
    bytes: Range<u64>,
    chunked: bool,
    trailers: bool,
    /// Where the connection is closed too early.
    breaks: Option<u64>,
}

/// The client has this generation, which is the newest.
struct NotModified(u64);

impl Origin {
    pub(super) async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let origin = Self { address: listener.local_addr()?, resources: Arc::default() };
        let serving = origin.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let origin = serving.clone();
                tokio::spawn(async move {
                    let _ = stream.set_nodelay(true);
                    let mut stream = BufStream::new(stream);
                    while origin.answer(&mut stream).await.is_some() {}
                });
            }
        });
        Ok(origin)
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many bodies of this it was asked for.
    pub(super) fn fetches(&self, plan: &Plan) -> u64 {
        self.resources().get(&plan.path()).map_or(0, |resource| resource.fetches)
    }

    fn resources(&self) -> MutexGuard<'_, HashMap<String, Resource>> {
        self.resources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers one request. `None` ends the connection.
    async fn answer(&self, stream: &mut BufStream<TcpStream>) -> Option<()> {
        let request = Request::read(stream).await?;
        let Some(plan) = Plan::of(&request.path) else {
            return say(stream, b"HTTP/1.1 404 None\r\ncontent-length: 0\r\n\r\n").await;
        };
        match request.method.as_str() {
            "GET" => match self.decide(&plan, &request) {
                Ok(answer) => answer.send(stream, &plan).await,
                Err(NotModified(generation)) => {
                    let head = head(&plan, 304, generation, plan.size_of(generation));
                    say(stream, format!("{head}\r\n").as_bytes()).await
                }
            },
            "HEAD" => {
                let generation = self.resources().entry(plan.path()).or_default().generation;
                let size = plan.size_of(generation);
                let head = head(&plan, 200, generation, size);
                say(stream, format!("{head}content-length: {size}\r\n\r\n").as_bytes()).await
            }
            // It has changed something: what is given from now on is another generation, as it is anyway.
            _ => say(stream, b"HTTP/1.1 204 Done\r\n\r\n").await,
        }
    }

    fn decide(&self, plan: &Plan, request: &Request) -> Result<Answer, NotModified> {
        let mut rng = rand::rng();
        let mut resources = self.resources();
        let resource = resources.entry(plan.path()).or_default();
        let odds = plan.end == End::Odds;
        let is_newest =
            |field: Option<&String>| field.is_some_and(|f| *f == etag(resource.generation));
        if odds && is_newest(request.fields.get("if-none-match")) && rng.random_bool(0.5) {
            return Err(NotModified(resource.generation));
        }
        let if_range = request.fields.get("if-range");
        let part = request
            .fields
            .get("range")
            .filter(|_| resource.generation > 0 && (if_range.is_none() || is_newest(if_range)));
        let size = plan.size_of(resource.generation);
        let part = part.and_then(|range| request::range_of(range, size));
        resource.fetches += 1;
        if part.is_none() {
            resource.generation += 1;
        }
        let generation = resource.generation;
        let size = plan.size_of(generation);
        let first = resource.fetches == 1;
        let breaks = match plan.end {
            End::Cut | End::Short if first => Some(size / 2),
            End::Odds if rng.random_bool(0.06) => Some(rng.random_range(0..size.max(1))),
            _ => None,
        };
        let chunked = match plan.end {
            End::Length | End::Short => false,
            End::Odds => rng.random(),
            _ => true,
        };
        Ok(Answer {
            generation,
            size,
            bytes: part.unwrap_or(0..size),
            chunked,
            trailers: plan.end == End::Trailers,
            breaks,
        })
    }
}

impl Answer {
    async fn send(self, stream: &mut BufStream<TcpStream>, plan: &Plan) -> Option<()> {
        let Self { generation, size, bytes, .. } = &self;
        let (length, is_part) = (bytes.end - bytes.start, *bytes != (0..*size));
        let mut head = head(plan, if is_part { 206 } else { 200 }, *generation, *size);
        if is_part {
            let _ =
                write!(head, "content-range: bytes {}-{}/{size}\r\n", bytes.start, bytes.end - 1);
        }
        let framing = match self.chunked {
            true => "transfer-encoding: chunked\r\n".to_owned(),
            false => format!("content-length: {length}\r\n"),
        };
        let trailer = if self.trailers { "trailer: x-sum\r\n" } else { "" };
        say(stream, format!("{head}{framing}{trailer}\r\n").as_bytes()).await?;
        let pieces = plan.pieces.max(1);
        for piece in 0..pieces {
            let from = bytes.start + length * piece / pieces;
            let until = bytes.start + length * (piece + 1) / pieces;
            let cut = self.breaks.map_or(until, |at| at.clamp(from, until));
            self.piece(stream, plan, from..cut).await?;
            if self.breaks.is_some_and(|at| at < until) {
                return None;
            }
            if piece + 1 < pieces && !plan.pause.is_zero() {
                tokio::time::sleep(plan.pause).await;
            }
        }
        match (self.chunked, self.trailers) {
            (false, _) => Some(()),
            (true, false) => say(stream, b"0\r\n\r\n").await,
            (true, true) => {
                say(stream, format!("0\r\nx-sum: {generation}\r\n\r\n").as_bytes()).await
            }
        }
    }

    async fn piece(
        &self,
        stream: &mut BufStream<TcpStream>,
        plan: &Plan,
        bytes: Range<u64>,
    ) -> Option<()> {
        if bytes.is_empty() {
            return Some(());
        }
        let data = stamp::body(&plan.name, self.generation, bytes.start, bytes.end);
        if self.chunked {
            let mut chunk = format!("{:x}\r\n", data.len()).into_bytes();
            chunk.extend_from_slice(&data);
            chunk.extend_from_slice(b"\r\n");
            return say(stream, &chunk).await;
        }
        say(stream, &data).await
    }
}

/// The head of an answer, but for what says how long its body is.
fn head(plan: &Plan, status: u16, generation: u64, size: u64) -> String {
    let control = match plan.end {
        End::Odds => {
            let fresh = 1 + generation % 3;
            format!("public, max-age={fresh}, stale-while-revalidate=1, stale-if-error=2")
        }
        _ => "public, max-age=60".to_owned(),
    };
    let etag = etag(generation);
    format!(
        "HTTP/1.1 {status} Ok\r\ncache-control: {control}\r\netag: {etag}\r\n\
         x-generation: {generation}\r\nx-size: {size}\r\n"
    )
}

fn etag(generation: u64) -> String {
    format!("\"{generation}\"")
}

async fn say(stream: &mut BufStream<TcpStream>, bytes: &[u8]) -> Option<()> {
    stream.write_all(bytes).await.ok()?;
    stream.flush().await.ok()
}
