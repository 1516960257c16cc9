//! An origin of raw sockets, which answers by path, and remembers what it was asked.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufStream},
    net::TcpListener,
    time::sleep,
};

/// How long `/stream` takes, in pieces of a tenth.
pub(crate) const STREAM: Duration = Duration::from_millis(1500);

/// What every cacheable answer says.
const CACHEABLE: &str = "cache-control: public, max-age=60\r\n";

#[derive(Clone)]
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Origin {
    pub(crate) async fn start() -> Self {
        Self::start_with(|stream| async { Some(stream) }).await
    }

    /// One that does something with each connection first, TLS for example.
    pub(crate) async fn start_with<S, F>(
        begin: impl Fn(tokio::net::TcpStream) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = Option<S>> + Send + 'static,
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let origin = Self { address, seen };
        let serving = origin.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (begun, origin) = (begin(stream), serving.clone());
                tokio::spawn(async move {
                    let Some(stream) = begun.await else { return };
                    let mut stream = BufStream::new(stream);
                    while origin.answer(&mut stream).await.is_some() {}
                });
            }
        });
        origin
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The heads and bodies of all requests so far.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("nobody panicked").clone()
    }

    /// How many requests there were for this path.
    pub(crate) fn asked(&self, path: &str) -> usize {
        let is_it = |request: &&String| request.split(' ').nth(1) == Some(path);
        self.seen().iter().filter(is_it).count()
    }

    /// Answers one request; `None` ends the connection.
    async fn answer<S>(&self, stream: &mut BufStream<S>) -> Option<()>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        let head = read_head(stream).await?;
        let path = head.split(' ').nth(1)?.to_owned();
        let at = {
            let mut seen = self.seen.lock().expect("nobody panicked");
            seen.push(head.clone());
            seen.len() - 1
        };
        match path.split(['/', '?']).nth(1).unwrap_or_default() {
            "fixed" => {
                say(
                    stream,
                    &format!("HTTP/1.1 200 OK\r\n{CACHEABLE}content-length: 5\r\n\r\nfixed"),
                )
                .await
            }
            "tagged" => {
                let tags = "surrogate-key: prices tea\r\n";
                say(
                    stream,
                    &format!("HTTP/1.1 200 OK\r\n{CACHEABLE}{tags}content-length: 6\r\n\r\ntagged"),
                )
                .await
            }
            "stream" => self.stream(stream).await,
            "status" => {
                let status = path.rsplit('/').next()?;
                say(stream, &format!("HTTP/1.1 {status} Odd\r\ncontent-length: 0\r\n\r\n")).await
            }
            "hops" => {
                say(
                    stream,
                    "HTTP/1.1 200 OK\r\nconnection: x-hop\r\nx-hop: 1\r\nkeep-alive: timeout=5\r\n\
                     x-kept: 1\r\nset-cookie: a=1\r\nset-cookie: b=2\r\ncontent-length: 0\r\n\r\n",
                )
                .await
            }
            "trailers" => {
                say(
                    stream,
                    "HTTP/1.1 200 OK\r\ntrailer: x-sum\r\ntransfer-encoding: chunked\r\n\r\n\
                     3\r\nabc\r\n0\r\nx-sum: 6\r\n\r\n",
                )
                .await
            }
            "hints" => {
                say(
                    stream,
                    "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n\
                     HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone",
                )
                .await
            }
            "continue" => {
                say(stream, "HTTP/1.1 100 Continue\r\n\r\n").await?;
                self.echo(stream, &head, at).await
            }
            "refuse" => {
                say(stream, "HTTP/1.1 417 No\r\ncontent-length: 2\r\n\r\nno").await?;
                None
            }
            "silent" => {
                sleep(Duration::from_secs(30)).await;
                None
            }
            "stall" => {
                say(stream, "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbegin").await?;
                sleep(Duration::from_secs(30)).await;
                None
            }
            "cut" => {
                let head =
                    format!("HTTP/1.1 200 OK\r\n{CACHEABLE}content-length: 100\r\n\r\nbegin");
                say(stream, &head).await?;
                None
            }
            "garbage" => {
                say(stream, "this is no HTTP\r\n\r\n").await?;
                None
            }
            "close-once" if self.asked(&path) == 1 => None,
            "switch" => self.switch(stream, &head).await,
            _ => self.echo(stream, &head, at).await,
        }
    }

    /// The request itself as the answer.
    async fn echo<S>(&self, stream: &mut BufStream<S>, head: &str, at: usize) -> Option<()>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        let body = read_body(stream, head).await?;
        let whole = format!("{head}{body}");
        self.seen.lock().expect("nobody panicked")[at].clone_from(&whole);
        let length = whole.len();
        let head_only = head.starts_with("HEAD ");
        let answer = if head_only { "" } else { &*whole };
        say(stream, &format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{answer}")).await
    }

    async fn stream<S>(&self, stream: &mut BufStream<S>) -> Option<()>
    where
        S: AsyncWrite + AsyncRead + Send + Unpin,
    {
        let head = format!("HTTP/1.1 200 OK\r\n{CACHEABLE}transfer-encoding: chunked\r\n\r\n");
        say(stream, &head).await?;
        for piece in 0..10 {
            say(stream, &format!("6\r\npiece{piece}\r\n")).await?;
            sleep(STREAM / 10).await;
        }
        say(stream, "0\r\n\r\n").await
    }

    /// Another protocol: whatever comes goes back in upper case.
    async fn switch<S>(&self, stream: &mut BufStream<S>, head: &str) -> Option<()>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        if !head.to_lowercase().contains("upgrade: shout") {
            return say(stream, "HTTP/1.1 426 No\r\ncontent-length: 0\r\n\r\n").await;
        }
        say(
            stream,
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: shout\r\n\r\nHELLO",
        )
        .await?;
        let mut piece = [0; 1024];
        loop {
            let length = stream.read(&mut piece).await.ok().filter(|&length| length > 0)?;
            let shouted = piece[..length].to_ascii_uppercase();
            say(stream, std::str::from_utf8(&shouted).ok()?).await?;
        }
    }
}

/// What `/stream` gives.
pub(crate) fn streamed() -> String {
    (0..10).map(|piece| format!("piece{piece}")).collect()
}

async fn say<S>(stream: &mut BufStream<S>, text: &str) -> Option<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    stream.write_all(text.as_bytes()).await.ok()?;
    stream.flush().await.ok()
}

async fn read_head<S>(stream: &mut BufStream<S>) -> Option<String>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut head = String::new();
    loop {
        let length = stream.read_line(&mut head).await.ok()?;
        if length == 0 {
            return None;
        }
        if head.ends_with("\r\n\r\n") {
            return Some(head);
        }
    }
}

/// The body of a request, as it came: with its chunks and trailers.
async fn read_body<S>(stream: &mut BufStream<S>, head: &str) -> Option<String>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut body = String::new();
    if head.contains("transfer-encoding: chunked") {
        while !body.contains("\r\n0\r\n") && !body.starts_with("0\r\n")
            || !body.ends_with("\r\n\r\n")
        {
            if stream.read_line(&mut body).await.ok()? == 0 {
                return None;
            }
        }
        return Some(body);
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut bytes = vec![0; length.map_or(0, |length| length.parse().expect("a number"))];
    stream.read_exact(&mut bytes).await.ok()?;
    String::from_utf8(bytes).ok()
}
