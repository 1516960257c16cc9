//! A client that looks at every byte.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    time::{Instant, timeout},
};

use super::{plan::Plan, stamp};
use crate::Result;

/// Nobody waits for longer. Above all that larder may wait for, and what a busy machine adds.
const PATIENCE: Duration = Duration::from_secs(20);

/// A question.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    server: SocketAddr,
    plan: Plan,
    method: &'static str,
    range: Option<String>,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It ended cleanly, and each byte is what it should be.
    Right,
    /// It ended cleanly, and is not what it says it is.
    Wrong,
    /// The client was shown that something failed.
    Failed,
    /// Nothing came for longer than anybody waits.
    Hung,
}

/// An answer of which the head is there.
#[derive(Debug)]
pub(super) struct Opened {
    ask: Ask,
    begun: Instant,
    response: Response<Incoming>,
    body: Vec<u8>,
    first: Option<Duration>,
    trailers: Option<HeaderMap>,
    /// It has ended with an error.
    failed: bool,
}

/// An answer to its end.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) verdict: Verdict,
    pub(super) status: u16,
    /// What the cache says of it.
    pub(super) cache: String,
    /// Until the first byte of the body.
    pub(super) first: Duration,
    /// Until its end.
    pub(super) took: Duration,
    pub(super) trailers: Option<HeaderMap>,
    /// All that is known of what is wrong.
    pub(super) wrong: Option<String>,
}

impl Ask {
    pub(super) fn get(server: SocketAddr, plan: &Plan) -> Self {
        Self { server, plan: plan.clone(), method: "GET", range: None }
    }

    pub(super) const fn method(mut self, method: &'static str) -> Self {
        self.method = method;
        self
    }

    pub(super) fn range(self, first: u64, last: u64) -> Self {
        Self { range: Some(format!("bytes={first}-{last}")), ..self }
    }

    /// The whole answer.
    pub(super) async fn whole(self) -> Seen {
        match self.open().await {
            Ok(opened) => opened.rest().await,
            Err(seen) => seen,
        }
    }

    /// Until the head is there.
    pub(super) async fn open(self) -> Result<Opened, Seen> {
        let begun = Instant::now();
        match timeout(PATIENCE, self.send()).await {
            Ok(Ok(response)) => {
                let (body, first, trailers, failed) = (Vec::new(), None, None, false);
                Ok(Opened { ask: self, begun, response, body, first, trailers, failed })
            }
            Ok(Err(_)) => Err(Seen::nothing(Verdict::Failed, begun)),
            Err(_) => Err(Seen::nothing(Verdict::Hung, begun)),
        }
    }

    async fn send(&self) -> Result<Response<Incoming>> {
        let stream = TcpStream::connect(self.server).await?;
        stream.set_nodelay(true)?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let mut request = Request::builder()
            .method(self.method)
            .uri(self.plan.path())
            // The same for all servers, whatever their ports.
            .header("host", "shop.example")
            .header("te", "trailers");
        if let Some(range) = &self.range {
            request = request.header("range", range);
        }
        Ok(sender.send_request(request.body(Empty::<Bytes>::new())?).await?)
    }
}

impl Opened {
    /// Reads on until so much of the body has come. Whether it has.
    pub(super) async fn until(&mut self, length: usize) -> bool {
        while self.body.len() < length {
            if !timeout(PATIENCE, self.frame()).await.unwrap_or(false) {
                return false;
            }
        }
        true
    }

    /// Reads to the end.
    pub(super) async fn rest(mut self) -> Seen {
        let ended = timeout(PATIENCE, async { while self.frame().await {} }).await;
        let verdict = match ended {
            Ok(()) if self.failed => Verdict::Failed,
            Ok(()) => self.judge(),
            Err(_) => Verdict::Hung,
        };
        let wrong = (verdict == Verdict::Wrong).then(|| self.shown());
        let cache = self.response.headers().get("cache-status");
        Seen {
            verdict,
            status: self.response.status().as_u16(),
            cache: cache.and_then(|line| line.to_str().ok()).unwrap_or_default().to_owned(),
            first: self.first.unwrap_or_else(|| self.begun.elapsed()),
            took: self.begun.elapsed(),
            trailers: self.trailers,
            wrong,
        }
    }

    /// Reads on. `false`: there is no more, or it has failed.
    async fn frame(&mut self) -> bool {
        if self.failed {
            return false;
        }
        match self.response.body_mut().frame().await {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => {
                    self.first.get_or_insert_with(|| self.begun.elapsed());
                    self.body.extend_from_slice(&data);
                }
                Err(frame) => self.trailers = frame.into_trailers().ok(),
            },
            Some(Err(_)) => self.failed = true,
            None => return false,
        }
        !self.failed
    }

    /// What has ended cleanly.
    fn judge(&self) -> Verdict {
        let right = match self.response.status() {
            status if status.is_server_error() => return Verdict::Failed,
            StatusCode::NO_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
                Some(self.body.is_empty())
            }
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => self.is_right(),
            _ => None,
        };
        if right == Some(true) { Verdict::Right } else { Verdict::Wrong }
    }

    fn is_right(&self) -> Option<bool> {
        let number = |name| self.text(name)?.parse::<u64>().ok();
        let (generation, size) = (number("x-generation")?, number("x-size")?);
        if self.ask.method == "HEAD" {
            return Some(self.body.is_empty());
        }
        let (from, until) = match self.response.status() {
            StatusCode::PARTIAL_CONTENT => {
                let (range, total) = self.text("content-range")?.split_once('/')?;
                let (first, last) = range.strip_prefix("bytes ")?.split_once('-')?;
                let part = (first.parse().ok()?, last.parse::<u64>().ok()? + 1);
                // Another part than was asked for is none.
                let asked = self.ask.range.as_deref()?.strip_prefix("bytes=")?.split_once('-')?;
                let last = asked.1.parse::<u64>().ok()?.min(size.checked_sub(1)?);
                let is_asked = asked.0 == first && last + 1 == part.1;
                if total != size.to_string() || !is_asked {
                    return Some(false);
                }
                part
            }
            _ => (0, size),
        };
        Some(self.body == stamp::body(&self.ask.plan.name, generation, from, until))
    }

    /// What was asked, what was said, and which bytes came.
    fn shown(&self) -> String {
        let Ask { plan, method, range, .. } = &self.ask;
        let (status, headers) = (self.response.status(), self.response.headers());
        let length = self.body.len() as u64;
        let (generation, from) = stamp::find(&plan.name, &self.body)
            .map_or((None, None), |(generation, from)| (Some(generation), Some(from)));
        format!(
            "{method} {} {range:?}: {status} {headers:?}; {length} bytes, which begin as those of \
             generation {generation:?} from {from:?}",
            plan.path()
        )
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }
}

impl Seen {
    fn nothing(verdict: Verdict, begun: Instant) -> Self {
        let took = begun.elapsed();
        Self {
            verdict,
            status: 0,
            cache: String::new(),
            first: took,
            took,
            trailers: None,
            wrong: None,
        }
    }

    /// A whole answer, and the right one.
    pub(super) fn is_whole(&self) -> bool {
        self.verdict == Verdict::Right && self.status == 200
    }
}
