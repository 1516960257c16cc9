//! HTTP/2 and TLS, on both sides.

use std::{path::PathBuf, sync::Arc};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsAcceptor, TlsConnector, client::TlsStream};

use crate::{
    client::{Raw, ask, body, exchange, values},
    origin::Origin,
    program::Serve,
};

/// A certificate for loopback and its key, in files. Made anew each time.
pub(crate) fn certificate() -> (PathBuf, PathBuf) {
    let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).expect("it is made");
    let directory = tempfile::tempdir().expect("there is room for a directory").keep();
    let (cert, key) = (directory.join("cert.pem"), directory.join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).expect("it is written");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("it is written");
    (cert, key)
}

async fn connect(serve: &Serve, cert: &PathBuf, alpn: &[&str]) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(cert).expect("it is one")).expect("it is trusted");
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("it has some")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(serve.address).await.expect("it listens");
    let name = ServerName::try_from("127.0.0.1").expect("it is one");
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("it is trusted")
}

async fn over_http2<T>(io: T, request: Request<Full<Bytes>>) -> (u16, String)
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let begun = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(io)).await;
    let (mut sender, connection) = begun.expect("it speaks HTTP/2");
    tokio::spawn(connection);
    let answer = sender.send_request(request).await.expect("it answers");
    let status = answer.status().as_u16();
    let all = answer.into_body().collect().await.expect("it is whole").to_bytes();
    (status, String::from_utf8(all.to_vec()).expect("it is text"))
}

fn post(uri: &str) -> Request<Full<Bytes>> {
    Request::post(uri).body(Full::from("sent over HTTP/2")).expect("it is a request")
}

#[tokio::test]
async fn http_2_by_prior_knowledge() {
    let origin = Origin::start().await;
    let serve = Serve::start(&origin.url(), &[]).await;
    let stream = TcpStream::connect(serve.address).await.expect("it listens");
    let (status, echo) = over_http2(stream, post("http://shop.example/echo")).await;
    assert_eq!(status, 200);
    assert!(echo.ends_with("\r\n\r\nsent over HTTP/2"), "{echo}");
    assert_eq!(values(&echo, "x-forwarded-host"), ["shop.example"]);
    assert_eq!(values(&echo, "via"), ["2.0 larder"]);
    // What one protocol stored the other one gets.
    ask(serve.address, "GET /fixed", "").await;
    let stream = TcpStream::connect(serve.address).await.expect("it listens");
    let fixed = Request::get("http://shop.example/fixed").body(Full::default());
    let (_, text) = over_http2(stream, fixed.expect("it is a request")).await;
    assert_eq!((&*text, origin.asked("/fixed")), ("fixed", 1));
}

#[tokio::test]
async fn two_names_over_http_2_are_one_too_many() {
    let origin = Origin::start().await;
    let serve = Serve::start(&origin.url(), &[]).await;
    for (host, status) in [("other.example", 400), ("shop.example", 200)] {
        let stream = TcpStream::connect(serve.address).await.expect("it listens");
        let mut request = post("http://shop.example/echo");
        request.headers_mut().insert("host", host.parse().expect("it is a value"));
        assert_eq!(over_http2(stream, request).await.0, status, "{host}");
    }
    assert_eq!(origin.asked("/echo"), 1);
}

#[tokio::test]
async fn tls_with_either_protocol() {
    let origin = Origin::start().await;
    let (cert, key) = certificate();
    let (c, k) = (cert.to_string_lossy().into_owned(), key.to_string_lossy().into_owned());
    let serve = Serve::start(&origin.url(), &["--tls-cert", &c, "--tls-key", &k]).await;

    let stream = connect(&serve, &cert, &["h2", "http/1.1"]).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (status, echo) = over_http2(stream, post("https://shop.example/echo")).await;
    assert_eq!(status, 200);
    assert_eq!(values(&echo, "x-forwarded-proto"), ["https"]);

    for alpn in [&["http/1.1"][..], &[]] {
        let mut stream = connect(&serve, &cert, alpn).await;
        let request = b"GET /echo HTTP/1.1\r\nhost: shop.example\r\nconnection: close\r\n\r\n";
        stream.write_all(request).await.expect("it is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("it answers");
        assert_eq!(values(body(&answer), "x-forwarded-proto"), ["https"], "{answer}");
    }
    // Plain text on this port is no request.
    let plain = ask(serve.address, "GET /echo", "").await;
    assert!(!plain.contains("200"), "{plain}");
}

#[tokio::test]
async fn an_https_origin_is_trusted_by_its_certificate_and_not_otherwise() {
    let (cert, key) = certificate();
    let chain = vec![CertificateDer::from_pem_file(&cert).expect("it is one")];
    let private = PrivateKeyDer::from_pem_file(&key).expect("it is one");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("it has some")
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .expect("they fit");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let origin = Origin::start_with(move |stream| {
        let accepted = acceptor.accept(stream);
        async move { accepted.await.ok() }
    })
    .await;
    let url = format!("https://{}", origin.address);

    let ca = cert.to_string_lossy().into_owned();
    let serve = Serve::start(&url, &["--origin-ca", &ca]).await;
    let echo = ask(serve.address, "GET /echo", "").await;
    assert!(body(&echo).starts_with("GET /echo"), "{echo}");

    let (other, _) = certificate();
    let ca = other.to_string_lossy().into_owned();
    let serve = Serve::start(&url, &["--origin-ca", &ca]).await;
    let refused = ask(serve.address, "GET /echo", "").await;
    assert!(refused.starts_with("HTTP/1.1 502"), "{refused}");
}

#[tokio::test]
async fn an_https_origin_is_asked_over_http_2_and_upgrades_over_http_1() {
    let origin = Origin::start().await;
    let (cert, key) = certificate();
    let (cert, key) = (cert.to_string_lossy(), key.to_string_lossy());
    let behind = Serve::start(&origin.url(), &["--tls-cert", &cert, "--tls-key", &key]).await;
    let url = format!("https://{}", behind.address);
    let front = Serve::start(&url, &["--origin-ca", &cert, "--via", "front"]).await;
    let echo = ask(front.address, "GET /echo", "").await;
    assert_eq!(values(body(&echo), "via"), ["1.1 front", "2.0 larder"], "{echo}");
    let (head, _) = echo.split_once("\r\n\r\n").expect("it has a head");
    assert_eq!(values(head, "via"), ["1.1 larder", "2.0 front"], "{echo}");
    let upload = "content-length: 4\r\n\r\nbody";
    let request = format!("POST /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{upload}");
    let echo = exchange(front.address, request).await;
    assert!(echo.ends_with("\r\n\r\nbody"), "{echo}");

    let mut client = Raw::connect(front.address).await;
    client
        .say("GET /switch HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: shout\r\n\r\n")
        .await;
    client.until("HELLO").await;
    client.say("through both").await;
    client.until("THROUGH BOTH").await;

    // Where the client's name is kept it is asked over HTTP/1.1, which has one place for it.
    let front = Serve::start(&url, &["--origin-ca", &cert, "--preserve-host"]).await;
    let echo = ask(front.address, "GET /echo", "").await;
    assert_eq!(values(body(&echo), "via"), ["1.1 larder", "1.1 larder"], "{echo}");
    assert_eq!(values(body(&echo), "x-forwarded-host"), ["shop.example"], "{echo}");
}
