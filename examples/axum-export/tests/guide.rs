//! What `docs/guides/axum.md` promises, with two instances of the service on one Redis.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::{fs, path::Path, process::Stdio, time::Duration};

use axum::http::{Request, Response, header};
use http_body_util::BodyExt;
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use integration_tests::servers::RedisServer;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
    time::timeout,
};

#[tokio::test]
async fn two_instances_make_one_export_until_it_changes() {
    timeout(Duration::from_secs(60), async {
        let redis = RedisServer::start().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let items = folder.path().join("items.txt");
        fs::write(&items, "Assam\nCeylon\nKeemun\nSencha\n").unwrap();
        let one = Instance::start(&redis.url(), &items).await;
        let other = Instance::start(&redis.url(), &items).await;

        let mut first = one.export("text/csv").await;
        assert_eq!(said(&first), "larder; fwd=uri-miss; stored");
        // One row is there, the others are yet to be made.
        let begin = first.frame().await.unwrap().unwrap().into_data().unwrap();
        let follower = other.export("text/csv").await;
        assert_eq!(said(&follower), "larder; fwd=uri-miss; collapsed");
        let rest = text(first).await;
        let whole = String::from_utf8(begin.to_vec()).unwrap() + &rest;
        let made_by = format!(",{}\n", one.child.id().unwrap());
        assert_eq!(whole.matches(&made_by).count(), 4, "{whole}");
        assert_eq!(text(follower).await, whole);

        let again = other.until_hit("text/csv").await;
        assert!(again.headers().contains_key(header::AGE));
        assert_eq!(text(again).await, whole);
        let json = other.export("application/json").await;
        assert!(text(json).await.starts_with("{\"name\":\"Assam\",\"made_by\":"));

        let added = other.send(Request::post("/items"), "Yunnan").await;
        assert_eq!(added.status(), 201);
        let changed = text(one.export("text/csv").await).await;
        assert!(changed.ends_with(&format!("Yunnan{made_by}")), "{changed}");
    })
    .await
    .expect("all of it ends within a minute");
}

#[test]
fn the_guide_shows_the_code_that_runs() {
    let guide = include_str!("../../../docs/guides/axum.md");
    let code = include_str!("../src/main.rs");
    let shown: Vec<_> = guide.split("```rust\n").skip(1).collect();
    assert!(!shown.is_empty());
    for shown in shown {
        let block = shown.split("```").next().unwrap();
        let missing = block.lines().find(|line| !code.contains(line.trim()));
        assert_eq!(missing, None, "the guide has code that the example has not");
    }
}

struct Instance {
    child: Child,
    address: String,
}

impl Instance {
    async fn start(redis: &str, items: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_axum-export"))
            .args(["0", redis])
            .arg(items)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap().unwrap();
        let address = line.strip_prefix("serving on http://").unwrap().to_owned();
        Self { child, address }
    }

    async fn send(&self, request: axum::http::request::Builder, body: &str) -> Response<Incoming> {
        let socket = TcpStream::connect(&self.address).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await.unwrap();
        tokio::spawn(connection);
        let request = request.header(header::HOST, &self.address).body(body.to_owned()).unwrap();
        sender.send_request(request).await.unwrap()
    }

    async fn export(&self, accept: &str) -> Response<Incoming> {
        self.send(Request::get("/export").header(header::ACCEPT, accept), "").await
    }

    /// What was recorded stands a moment after its last byte went out.
    async fn until_hit(&self, accept: &str) -> Response<Incoming> {
        loop {
            let answer = self.export(accept).await;
            if said(&answer) == "larder; hit" {
                return answer;
            }
            text(answer).await;
        }
    }
}

fn said(answer: &Response<Incoming>) -> &str {
    answer.headers()["cache-status"].to_str().unwrap()
}

async fn text(answer: Response<Incoming>) -> String {
    let body = answer.into_body().collect().await.unwrap();
    String::from_utf8(body.to_bytes().to_vec()).unwrap()
}
