//! The test servers themselves: that they come up, and that each fault strikes.

use std::{io::ErrorKind, time::Duration};

use integration_tests::servers::{Proxy, RedisServer, Reply};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    time::timeout,
};

const SHORT: Duration = Duration::from_millis(150);

#[tokio::test]
async fn a_server_comes_up_as_it_was_asked_for() {
    let server = RedisServer::builder()
        .password("s e:cret")
        .user("ada", "pw", "~users* +@all -flushall")
        .config("maxmemory 8mb")
        .unix_socket()
        .start()
        .await
        .unwrap();
    assert_eq!(server.url(), format!("redis://:s%20e%3Acret@127.0.0.1:{}", server.port()));
    assert!(!format!("{server:?}").contains("cret"));
    let memory = server.cli(&["CONFIG", "GET", "maxmemory"]).await.unwrap();
    let value = |text: &str| Reply::Value(Some(text.into()));
    assert_eq!(memory, Reply::List(Some(vec![value("maxmemory"), value("8388608")])));

    let mut socket = UnixStream::connect(server.unix_socket().unwrap()).await.unwrap();
    socket.write_all(b"AUTH ada pw\r\nFLUSHALL\r\n").await.unwrap();
    assert!(answer(&mut socket, "NOPERM").await.starts_with("+OK\r\n-NOPERM"));
}

#[tokio::test]
async fn a_restarted_server_is_empty_and_has_its_port_again() {
    let mut server = RedisServer::start().await.unwrap();
    let (port, pid) = (server.port(), server.pid());
    server.cli(&["SET", "k", "v"]).await.unwrap();
    server.restart().await.unwrap();
    assert_eq!(server.port(), port);
    assert_ne!(server.pid(), pid);
    assert_eq!(server.cli(&["GET", "k"]).await.unwrap().value(), None);
}

#[tokio::test]
async fn a_server_is_killed_and_frozen() {
    let mut server = RedisServer::start().await.unwrap();
    let mut client = TcpStream::connect(server.address()).await.unwrap();
    server.stop().unwrap();
    client.write_all(b"PING\r\n").await.unwrap();
    assert!(timeout(SHORT, client.read_u8()).await.is_err(), "a frozen server answers nothing");
    server.cont().unwrap();
    assert_eq!(answer(&mut client, "PONG").await, "+PONG\r\n");

    server.kill().unwrap();
    let refused = TcpStream::connect(server.address()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn a_server_that_does_not_start_says_why() {
    let error = RedisServer::builder().config("nonsense yes").start().await.unwrap_err();
    assert!(error.to_string().contains("nonsense yes"), "{error}");
}

#[tokio::test]
async fn the_proxy_loses_exactly_the_reply_it_is_told_to() {
    let server = RedisServer::start().await.unwrap();
    let proxy = Proxy::start(server.address()).await.unwrap();

    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    proxy.drop_reply_to("SET k");
    client.write_all(b"PING\r\n").await.unwrap();
    assert_eq!(answer(&mut client, "PONG").await, "+PONG\r\n");
    client.write_all(b"*1\r\n$4\r\nPING\r\n").await.unwrap();
    assert_eq!(answer(&mut client, "PONG").await, "+PONG\r\n");
    assert_eq!(proxy.lost(), 0);
    client.write_all(b"*3\r\n$3\r\nSET\r\n$5\r\nSET k\r\n$1\r\nv\r\n").await.unwrap();
    assert!(closed(&mut client).await);
    assert_eq!(proxy.lost(), 1);
    let applied = server.cli(&["GET", "SET k"]).await.unwrap();
    assert_eq!(applied.value(), Some(b"v".as_slice()));

    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    proxy.drop_next_reply();
    client.write_all(b"PING\r\n").await.unwrap();
    assert!(closed(&mut client).await);

    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    proxy.swallow_replies_after(2);
    for _ in 0..3 {
        client.write_all(b"*1\r\n$4\r\nPING\r\n").await.unwrap();
    }
    assert_eq!(answer(&mut client, "PONG\r\n+PONG\r\n").await, "+PONG\r\n+PONG\r\n");
    assert!(timeout(SHORT, client.read_u8()).await.is_err(), "the third is swallowed");
    assert_eq!((proxy.lost(), proxy.accepted()), (3, 3));
}

#[tokio::test]
async fn the_proxy_swallows_delays_cuts_and_refuses() {
    let server = RedisServer::start().await.unwrap();
    let proxy = Proxy::start(server.address()).await.unwrap();
    let mut first = TcpStream::connect(proxy.address()).await.unwrap();
    first.write_all(b"PING\r\n").await.unwrap();
    assert_eq!(answer(&mut first, "PONG").await, "+PONG\r\n");

    proxy.black_hole();
    first.write_all(b"PING\r\n").await.unwrap();
    assert!(timeout(SHORT, first.read_u8()).await.is_err());
    proxy.pass();
    first.write_all(b"PING\r\n").await.unwrap();
    assert!(timeout(SHORT, first.read_u8()).await.is_err(), "what lost bytes stays silent");

    proxy.delay(SHORT);
    let mut second = TcpStream::connect(proxy.address()).await.unwrap();
    let asked = tokio::time::Instant::now();
    second.write_all(b"PING\r\n").await.unwrap();
    assert_eq!(answer(&mut second, "PONG").await, "+PONG\r\n");
    assert!(asked.elapsed() >= 2 * SHORT, "both directions are held back");

    proxy.pass();
    proxy.cut();
    assert!(closed(&mut first).await && closed(&mut second).await);
    let mut third = TcpStream::connect(proxy.address()).await.unwrap();
    third.write_all(b"PING\r\n").await.unwrap();
    assert_eq!(answer(&mut third, "PONG").await, "+PONG\r\n");

    proxy.refuse();
    assert!(closed(&mut third).await);
    let mut fourth = TcpStream::connect(proxy.address()).await.unwrap();
    assert!(closed(&mut fourth).await);
}

/// Everything up to this text, or the test's failure within a bound.
async fn answer(stream: &mut (impl AsyncReadExt + Unpin), end: &str) -> String {
    let mut read = Vec::new();
    let reading = async {
        while !String::from_utf8_lossy(&read).contains(end) || !read.ends_with(b"\n") {
            read.push(stream.read_u8().await.expect("the stream goes on"));
        }
    };
    timeout(Duration::from_secs(5), reading).await.expect("an answer within five seconds");
    String::from_utf8(read).expect("an answer in ASCII")
}

/// Whether the other side closes without a byte.
async fn closed(stream: &mut TcpStream) -> bool {
    let read = timeout(Duration::from_secs(5), stream.read_u8()).await;
    read.is_ok_and(|read| read.is_err())
}
