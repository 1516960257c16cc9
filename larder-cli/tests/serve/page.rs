//! The page of the admin address, in a browser.

use integration_tests::servers::RedisServer;
use serde_json::json;

use crate::{
    browser::Page,
    client::{ask, values},
    origin::Origin,
    program::Serve,
};

/// A name that runs where it is taken for markup.
const HOSTILE: &str = "<img/src='x'/onerror='window.hurt=1'>";

#[tokio::test]
async fn the_page_shows_live_numbers() {
    let origin = Origin::start().await;
    let serve = Serve::start(&origin.url(), &[]).await;
    let mut page = Page::open().await;
    page.go(&format!("http://{}/", serve.admin)).await;
    page.until("document.getElementById('state')?.textContent === 'live'").await;
    assert_eq!(page.value("document.getElementById('saved').textContent").await, "0");
    ask(serve.address, "GET /fixed", "").await;
    serve.counts(&["larder_streams_committed_total 1"]).await;
    for _ in 0..3 {
        ask(serve.address, "GET /fixed", "").await;
    }
    // Nobody reloads it.
    page.until("document.getElementById('saved').textContent === '3'").await;
    page.until("document.getElementById('ratio').textContent === '75.0 %'").await;
    page.until("document.getElementById('curve').getAttribute('d').length > 3").await;
    page.until("document.querySelector('#keys th').textContent === 'shop.example/fixed'").await;
    page.until("/ms$/.test(document.querySelector('#first-byte td').textContent)").await;
    assert_eq!(page.value("document.querySelectorAll('#servers tr').length").await, 1);
    assert_eq!(page.complaints, Vec::<serde_json::Value>::new());
    // One that is gone is told from one that is quiet.
    serve.signal("-KILL");
    page.until("document.getElementById('state').textContent === 'this server does not answer'")
        .await;
}

#[tokio::test]
async fn whatever_a_client_or_another_server_writes_is_text_there() {
    let redis = RedisServer::start().await.expect("redis-server starts");
    let followed = [(HOSTILE, 1)];
    let recording = json!({"key": HOSTILE, "bytes": 1, "age_ms": 1});
    let record =
        json!({"id": "x", "name": HOSTILE, "recordings": [recording], "followed": followed});
    let record = record.to_string();
    let planted = redis.cli(&["SET", "http/.server:0", &record]).await;
    planted.expect("it is written");
    let origin = Origin::start().await;
    let serve = Serve::start_on(&redis.url(), &origin.url(), &["--log-query"]).await;
    // What is not even a request does not come so far.
    let refused = ask(serve.address, &format!("GET /fixed?{HOSTILE}"), "").await;
    assert!(refused.starts_with("HTTP/1.1 400"), "{refused}");
    let answer = ask(serve.address, "GET /fixed/'\"onload='window.hurt=1'{}", "").await;
    assert!(answer.ends_with("fixed"), "{answer}");

    let mut page = Page::open().await;
    page.go(&format!("http://{}/", serve.admin)).await;
    let own = r"shop.example/fixed/'\\u{22}onload='window.hurt=1'{}";
    for (id, shown) in [("servers", HOSTILE), ("recordings", HOSTILE), ("keys", own)] {
        let shown = format!("document.getElementById('{id}').textContent.includes(`{shown}`)");
        page.until(&shown).await;
        let images = format!("document.querySelectorAll('#{id} img').length");
        assert_eq!(page.value(&images).await, 0, "{id}");
    }
    assert!(page.value("window.hurt").await.is_null());
    assert_eq!(page.complaints, Vec::<serde_json::Value>::new());
    // Even a page that took it for markup would not run it.
    let naive = format!("document.getElementById('foot').innerHTML = `{HOSTILE}`; 1");
    page.value(&naive).await;
    page.until("document.querySelectorAll('img').length === 1").await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert!(page.value("window.hurt").await.is_null());
    // The control: elsewhere it runs.
    page.go("data:text/html,<body>").await;
    page.until("location.protocol === 'data:' && document.body !== null").await;
    page.value(&format!("document.body.innerHTML = `{HOSTILE}`; 1")).await;
    page.until("window.hurt === 1").await;
}

#[tokio::test]
async fn nothing_but_the_page_runs_on_the_page() {
    let origin = Origin::start().await;
    let serve = Serve::start(&origin.url(), &[]).await;
    let answer = ask(serve.admin, "GET /", "").await;
    let policy = values(&answer, "content-security-policy");
    assert_eq!(policy.len(), 1);
    for rule in ["default-src 'none'", "script-src 'nonce-", "frame-ancestors 'none'"] {
        assert!(policy[0].contains(rule), "{rule} in {}", policy[0]);
    }
    assert!(!policy[0].contains("unsafe"));
    let json = ask(serve.admin, "GET /status.json", "").await;
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!((values(&answer, name), values(&json, name)), (vec![value], vec![value]));
    }
    // Clients of the service do not see it.
    let echo = ask(serve.address, "GET /status.json", "").await;
    assert!(echo.contains("GET /status.json"), "{echo}");
}
