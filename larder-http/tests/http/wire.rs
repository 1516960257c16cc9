//! What a client sees on the wire, from a real HTTP/1 server.

use std::{net::SocketAddr, sync::Mutex};

use crate::common::*;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::Empty;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use larder_http::CacheService;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tower::{Layer, ServiceExt};

/// Serves an origin behind the cache, and gives its address.
async fn serve(origin: Origin, cache: larder_http::CacheLayer) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // The origin of the tests takes a request without a body.
    let inner = tower::service_fn(move |request: Request<Incoming>| {
        origin.clone().oneshot(request.map(|_| Empty::new()))
    });
    let service: CacheService<_> = cache.layer(inner);
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let service = service.clone();
            let service = service_fn(move |request| service.clone().oneshot(request));
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), service));
        }
    });
    address
}

struct Client(TcpStream);

impl Client {
    async fn ask(server: SocketAddr, method: &str) -> Self {
        let mut socket = TcpStream::connect(server).await.unwrap();
        let request = format!(
            "{method} /r HTTP/1.1\r\nHost: shop.example\r\nTE: trailers\r\nConnection: close\r\n\r\n"
        );
        socket.write_all(request.as_bytes()).await.unwrap();
        Self(socket)
    }

    /// Reads until this has come.
    async fn until(&mut self, end: &str) -> String {
        let mut seen = Vec::new();
        while !seen.ends_with(end.as_bytes()) {
            let byte = self.0.read_u8().await;
            assert!(byte.is_ok(), "no {end:?} after {}", seen.escape_ascii());
            seen.extend(byte.ok());
        }
        String::from_utf8(seen).unwrap()
    }

    async fn rest(mut self) -> String {
        let mut seen = String::new();
        let _ = self.0.read_to_string(&mut seen).await;
        seen
    }
}

fn written_by_hand(headers: &'static [(&'static str, &'static str)]) -> (Origin, Hand) {
    let (hand, body) = by_hand();
    let body = Mutex::new(Some(body));
    let origin = Origin::new(move |_, _| {
        let body = body.lock().unwrap().take().unwrap_or_else(|| full("asked again"));
        headers.iter().fold(Response::builder(), |r, (n, v)| r.header(*n, *v)).body(body).unwrap()
    });
    (origin, hand)
}

async fn until_stored(server: SocketAddr) {
    while !Client::ask(server, "HEAD").await.rest().await.contains("larder; hit") {}
}

#[tokio::test]
async fn pieces_arrive_as_they_are_made_and_a_hit_has_a_length() {
    let (origin, hand) = written_by_hand(&[]);
    let server = serve(origin.clone(), layer(&memory())).await;
    let mut client = Client::ask(server, "GET").await;
    hand.data("one");
    client.until("3\r\none\r\n").await;
    hand.data("four");
    client.until("4\r\nfour\r\n").await;
    drop(hand);
    assert_eq!(client.rest().await, "0\r\n\r\n");

    until_stored(server).await;
    let again = Client::ask(server, "GET").await.rest().await;
    assert!(
        again.contains("content-length: 7\r\n") && again.ends_with("\r\n\r\nonefour"),
        "{again}"
    );
    let head = Client::ask(server, "HEAD").await.rest().await;
    assert!(head.contains("content-length: 7\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    assert_eq!(origin.calls(), 1);
}

#[tokio::test]
async fn an_origin_that_is_cut_shows_as_a_body_without_an_end() {
    let (origin, hand) = written_by_hand(&[]);
    let server = serve(origin.clone(), layer(&memory())).await;
    let mut client = Client::ask(server, "GET").await;
    hand.data("one");
    client.until("one\r\n").await;
    let mut follower = Client::ask(server, "GET").await;
    follower.until("one\r\n").await;
    hand.cut();
    // No last chunk: the client knows that it has not got everything.
    assert_eq!(client.rest().await, "");
    assert_eq!(follower.rest().await, "");
    assert!(Client::ask(server, "GET").await.rest().await.ends_with("asked again"));
}

#[tokio::test]
async fn a_body_shorter_than_announced_shows_as_too_short() {
    let (origin, hand) = written_by_hand(&[("content-length", "5")]);
    let server = serve(origin.clone(), layer(&memory())).await;
    hand.data("123");
    let mut client = Client::ask(server, "GET").await;
    let short = client.until("\r\n\r\n123").await;
    assert!(short.contains("content-length: 5\r\n"), "{short}");
    drop(hand);
    assert_eq!(client.rest().await, "");
    let again = Client::ask(server, "GET").await.rest().await;
    assert!(!again.contains("larder; hit"), "{again}");
    assert_eq!(origin.calls(), 2);
}

#[tokio::test]
async fn trailers_arrive_on_a_miss_and_on_a_hit() {
    let (origin, hand) = written_by_hand(&[("trailer", "x-sum")]);
    let server = serve(origin.clone(), layer(&memory())).await;
    hand.data("body").trailers(HeaderMap::from_iter([(
        "x-sum".parse().unwrap(),
        HeaderValue::from_static("9"),
    )]));
    drop(hand);
    let first = Client::ask(server, "GET").await.rest().await;
    assert!(first.ends_with("4\r\nbody\r\n0\r\nx-sum: 9\r\n\r\n"), "{first}");
    until_stored(server).await;
    let again = Client::ask(server, "GET").await.rest().await;
    assert!(again.ends_with("4\r\nbody\r\n0\r\nx-sum: 9\r\n\r\n"), "{again}");
    assert_eq!(origin.calls(), 1);
}

#[tokio::test]
async fn answers_without_a_body_stay_without_one() {
    let origin = Origin::new(|_, _| Response::builder().status(204).body(full("")).unwrap());
    let server = serve(origin.clone(), layer(&memory())).await;
    Client::ask(server, "GET").await.rest().await;
    until_stored(server).await;
    let again = Client::ask(server, "GET").await.rest().await;
    assert!(again.starts_with("HTTP/1.1 204 ") && !again.contains("content-length"), "{again}");
    assert_eq!(origin.calls(), 1);
}
