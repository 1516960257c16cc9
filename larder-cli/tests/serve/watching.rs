//! The log and the admin pages.

use integration_tests::servers::RedisServer;

use crate::{
    client::{ask, body, exchange},
    origin::Origin,
    program::Serve,
};

#[tokio::test]
async fn each_request_is_a_line_without_its_secrets() {
    let origin = Origin::start().await;
    let mut serve = Serve::start(&origin.url(), &[]).await;
    ask(serve.address, "GET /fixed?token=s3cret", "authorization: s3cret\r\ncookie: s3cret\r\n")
        .await;
    let line = serve.line().await;
    let words: Vec<_> = line.split(' ').collect();
    assert_eq!(
        words[1..9],
        ["127.0.0.1", "GET", "shop.example", "/fixed", "HTTP/1.1", "200", "pass", "5"]
    );
    assert!(!line.contains("s3cret"), "{line}");
    ask(serve.address, "GET /fixed", "").await;
    serve.counts(&["larder_streams_committed_total 1"]).await;
    ask(serve.address, "GET /fixed", "").await;
    assert!(serve.line().await.contains(" 200 miss 5 "));
    assert!(serve.line().await.contains(" 200 hit 5 "));
}

#[tokio::test]
async fn lines_are_objects_for_machines() {
    let origin = Origin::start().await;
    let mut serve = Serve::start(&origin.url(), &["--access-log", "json", "--log-query"]).await;
    ask(serve.address, "GET /fixed?page=2", "").await;
    let line: serde_json::Value = serde_json::from_str(&serve.line().await).expect("it is JSON");
    assert_eq!(line["path"], "/fixed?page=2");
    assert_eq!(
        (&line["status"], &line["cache"], &line["bytes"]),
        (&200.into(), &"miss".into(), &5.into())
    );
    assert_eq!(line["whole"], true);
    assert!(line["first_byte_ms"].as_f64() <= line["total_ms"].as_f64(), "{line}");
}

#[tokio::test]
async fn the_admin_pages_tell_and_purge() {
    let origin = Origin::start().await;
    let serve = Serve::start(&origin.url(), &[]).await;
    ask(serve.address, "GET /fixed", "").await;
    serve.counts(&["larder_streams_committed_total 1"]).await;
    for _ in 0..2 {
        ask(serve.address, "GET /fixed", "").await;
    }
    assert_eq!(body(&ask(serve.admin, "GET /healthz", "").await), "ok\n");
    assert_eq!(body(&ask(serve.admin, "GET /readyz", "").await), "ready\n");
    serve
        .counts(&[
            "larder_http_requests_total{cache=\"hit\",status=\"2xx\"} 2",
            "larder_http_requests_total{cache=\"miss\",status=\"2xx\"} 1",
            "larder_http_first_byte_seconds_count{cache=\"hit\"} 2",
            "larder_origin_requests_total 1",
            "larder_http_body_bytes_total 15",
            "larder_streams_committed_total 1",
            "larder_connections 0",
            "larder_http_in_flight 0",
        ])
        .await;

    for refused in [
        "GET /purge?all",
        "POST /purge",
        "POST /purge?al",
        "POST /purge?all&url=a",
        "POST /purge?tag=a",
        "POST /purge?url=/fixed",
    ] {
        let answer = ask(serve.admin, refused, "").await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    let forged = ask(serve.admin, "POST /purge?all", "origin: http://evil.example\r\n").await;
    assert!(forged.starts_with("HTTP/1.1 403"), "{forged}");
    ask(serve.address, "GET /fixed", "").await;
    assert_eq!(origin.asked("/fixed"), 1);
    assert_eq!(body(&ask(serve.admin, "POST /purge?all", "").await), "purged\n");
    ask(serve.address, "GET /fixed", "").await;
    assert_eq!(origin.asked("/fixed"), 2);
    // The clients' side has none of these pages.
    let echo = exchange(serve.address, "GET /metrics HTTP/1.0\r\n\r\n").await;
    assert!(body(&echo).starts_with("GET /metrics"), "{echo}");
}

#[tokio::test]
async fn answers_are_purged_by_address_and_by_tag_on_all_servers() {
    let redis = RedisServer::start().await.expect("redis-server starts");
    let origin = Origin::start().await;
    let a = Serve::start_on(&redis.url(), &origin.url(), &["--tags"]).await;
    let b = Serve::start_on(&redis.url(), &origin.url(), &["--tags"]).await;
    let mut asked = 0;
    for purge in [None, Some("url=http://shop.example/tagged"), Some("tag=prices"), Some("all")] {
        if let Some(purge) = purge {
            let answer = ask(a.admin, &format!("POST /purge?{purge}"), "").await;
            assert_eq!(body(&answer), "purged\n", "{purge}");
        }
        asked += 1;
        ask(b.address, "GET /tagged", "").await;
        assert_eq!(origin.asked("/tagged"), asked, "{purge:?}");
        b.counts(&[&format!("larder_streams_committed_total {asked}")]).await;
        let hit = ask(b.address, "GET /tagged", "").await;
        assert!(hit.contains("larder; hit"), "{hit}");
    }
    // What purges something else leaves it alone.
    for purge in ["url=http://shop.example/other", "tag=other"] {
        ask(a.admin, &format!("POST /purge?{purge}"), "").await;
        let hit = ask(b.address, "GET /tagged", "").await;
        assert!(hit.contains("larder; hit"), "{purge}: {hit}");
    }
}
