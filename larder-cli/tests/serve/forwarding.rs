//! What goes to the origin, and what comes back.

use crate::{
    client::{ask, body, exchange, values},
    origin::Origin,
    program::Serve,
};

#[tokio::test]
async fn any_method_and_any_status_is_forwarded() {
    let origin = Origin::start().await;
    let serve = Serve::start(&origin.url(), &[]).await;
    for method in ["GET", "POST", "DELETE", "PROPFIND", "FROB", "x-Y~z"] {
        let answer = ask(serve.address, &format!("{method} /echo/{method}?a=%2F&b"), "").await;
        assert!(
            body(&answer).starts_with(&format!("{method} /echo/{method}?a=%2F&b ")),
            "{answer}"
        );
    }
    let head = ask(serve.address, "HEAD /echo", "").await;
    assert!(head.starts_with("HTTP/1.1 200") && body(&head).is_empty(), "{head}");
    assert!(!values(&head, "content-length").is_empty(), "{head}");
    for status in [200, 204, 205, 226, 299, 304, 399, 404, 418, 499, 500, 599, 600, 799, 999] {
        let answer = ask(serve.address, &format!("GET /status/{status}"), "").await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{status}: {answer}");
    }
    let all = exchange(serve.address, "OPTIONS * HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    let all = all.await;
    assert!(body(&all).starts_with("OPTIONS * HTTP/1.1"), "{all}");
}

#[tokio::test]
async fn what_belongs_to_a_connection_goes_no_further() {
    let origin = Origin::start().await;
    let serve = Serve::start(&origin.url(), &[]).await;
    let lines = "connection: x-mine\r\nx-mine: 1\r\nkeep-alive: timeout=9\r\nproxy-authorization: b\r\n\
                 te: trailers, gzip\r\nx-other: 1\r\nupgrade: h2c\r\n";
    let echo = ask(serve.address, "GET /echo", lines).await;
    for gone in ["x-mine", "keep-alive", "proxy-authorization", "upgrade"] {
        assert_eq!(values(body(&echo), gone), [""; 0], "{gone}: {echo}");
    }
    assert_eq!(values(body(&echo), "x-other"), ["1"]);
    assert_eq!(values(body(&echo), "te"), ["trailers"]);
    assert_eq!(values(body(&echo), "connection"), ["te"]);

    let answer = ask(serve.address, "GET /hops", "").await;
    for gone in ["x-hop", "keep-alive"] {
        assert_eq!(values(&answer, gone), [""; 0], "{answer}");
    }
    assert_eq!(values(&answer, "set-cookie"), ["a=1", "b=2"]);
    assert_eq!(values(&answer, "via"), ["1.1 larder"]);
    assert_eq!(values(&answer, "x-kept"), ["1"]);
}

#[tokio::test]
async fn what_a_client_says_of_itself_is_replaced_or_added_to() {
    let origin = Origin::start().await;
    let forged = "x-forwarded-for: 6.6.6.6\r\nx-forwarded-host: evil\r\nx-forwarded-proto: https\r\n\
                  forwarded: for=6.6.6.6\r\nx-original-url: /admin\r\nvia: 1.0 front\r\n";
    let serve = Serve::start(&origin.url(), &["--via", "edge-1"]).await;
    let echo = ask(serve.address, "GET /echo", forged).await;
    let asked = |name| values(body(&echo), name);
    assert_eq!(asked("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(asked("x-forwarded-host"), ["shop.example"]);
    assert_eq!(asked("x-forwarded-proto"), ["http"]);
    assert_eq!(asked("forwarded"), ["for=127.0.0.1;host=\"shop.example\";proto=http"]);
    assert_eq!(asked("x-original-url"), [""; 0]);
    assert_eq!(asked("via"), ["1.0 front", "1.1 edge-1"]);
    assert_eq!(asked("host"), [origin.address.to_string()]);

    let serve = Serve::start(&origin.url(), &["--forwarded", "append", "--preserve-host"]).await;
    let echo = ask(serve.address, "GET /echo", forged).await;
    let asked = |name| values(body(&echo), name);
    assert_eq!(asked("x-forwarded-for"), ["6.6.6.6, 127.0.0.1"]);
    assert_eq!(asked("x-forwarded-host"), ["evil"]);
    assert_eq!(asked("x-forwarded-proto"), ["https"]);
    assert_eq!(asked("host"), ["shop.example"]);
}

#[tokio::test]
async fn an_answer_is_fetched_once_and_then_served() {
    let origin = Origin::start().await;
    let serve = Serve::start(&origin.url(), &["--preset", "safe"]).await;
    let first = ask(serve.address, "GET /fixed", "").await;
    serve.counts(&["larder_streams_committed_total 1"]).await;
    let second = ask(serve.address, "GET /fixed", "").await;
    assert_eq!((body(&first), body(&second)), ("fixed", "fixed"));
    assert_eq!(values(&second, "cache-status"), ["larder; hit"]);
    assert_eq!(values(&second, "via"), ["1.1 larder"]);
    assert_eq!(origin.asked("/fixed"), 1);
    // Who asks under another name, or forges one, gets an answer of his own.
    let other = "GET /fixed HTTP/1.1\r\nhost: other\r\nconnection: close\r\n\r\n";
    exchange(serve.address, other).await;
    assert_eq!(origin.asked("/fixed"), 2);
    // What is replaced before the origin sees it makes no difference.
    ask(serve.address, "GET /fixed", "x-forwarded-host: evil\r\n").await;
    assert_eq!(origin.asked("/fixed"), 2);
}

#[tokio::test]
async fn a_proxy_that_asks_itself_stops() {
    let origin = Origin::start().await;
    let serve = Serve::start(&origin.url(), &[]).await;
    let via = "via: 1.1 larder\r\n".repeat(8);
    let answer = ask(serve.address, "GET /echo", &via).await;
    assert!(answer.starts_with("HTTP/1.1 508"), "{answer}");
    assert_eq!(origin.asked("/echo"), 0);
}
