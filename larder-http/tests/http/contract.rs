//! What tower and axum expect of a layer.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll},
};

use crate::common::{OriginBody, full, get, layer, memory, request};
use axum::{Extension, Router, body::Body, extract::OriginalUri, routing::get as route};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use tower::{Layer, Service, ServiceExt};

/// Panics when it is called without having said that it is ready. A clone is not.
struct Strict {
    ready: bool,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self { ready: false }
    }
}

impl Service<Request<Empty<Bytes>>> for Strict {
    type Response = Response<OriginBody>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Empty<Bytes>>) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "called before it was ready");
        ready(Ok(Response::new(full("ready"))))
    }
}

#[tokio::test]
async fn the_service_that_is_called_is_the_one_that_was_ready() {
    let mut service = layer(&memory()).layer(Strict { ready: false });
    // Misses, hits and bypasses.
    for (method, path) in
        [("GET", "/a"), ("GET", "/a"), ("POST", "/a"), ("GET", "/b"), ("HEAD", "/c")]
    {
        let answer = service.ready().await.unwrap().call(request(method, path, &[])).await.unwrap();
        answer.into_body().collect().await.unwrap();
    }
}

/// The control: a clone that was not asked.
#[tokio::test]
#[should_panic(expected = "called before it was ready")]
async fn the_strict_service_is_strict() {
    let mut service = Strict { ready: false };
    service.ready().await.unwrap();
    let _ = service.clone().call(get("/")).await;
}

#[tokio::test]
async fn errors_of_the_inner_service_come_out_and_block_nobody() {
    let mut first = true;
    let (sender, mut calls) = tokio::sync::mpsc::unbounded_channel();
    let failing = tower::service_fn(move |_: Request<Empty<Bytes>>| {
        sender.send(()).unwrap();
        ready(Err::<Response<OriginBody>, _>("out of order"))
    });
    let service = layer(&memory()).layer(failing);
    for _ in 0..2 {
        let error = service.clone().oneshot(get("/r")).await.unwrap_err();
        assert_eq!(error, "out of order");
        calls.recv().await.unwrap();
        first = false;
    }
    assert!(!first);
}

async fn body_of(app: &Router, uri: &str) -> String {
    let request =
        Request::get(uri).header("host", "a").extension("kept").body(Body::empty()).unwrap();
    let body = app.clone().oneshot(request).await.unwrap().into_body();
    String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn extensions_of_a_request_reach_the_handler() {
    let handler = |Extension(text): Extension<&'static str>| async move { text };
    let app = Router::new().route("/r", route(handler)).layer(layer(&memory()));
    assert_eq!(body_of(&app, "/r").await, "kept");
}

#[tokio::test]
async fn nested_routers_with_equal_inner_paths_are_kept_apart() {
    let cache = layer(&memory());
    // The layer sees `/list` in both.
    let part = |name: &'static str| {
        Router::new().route("/list", route(async move || name)).layer(cache.clone())
    };
    let app = Router::new().nest("/users", part("users")).nest("/orders", part("orders"));
    for _ in 0..2 {
        assert_eq!(body_of(&app, "/users/list").await, "users");
        assert_eq!(body_of(&app, "/orders/list").await, "orders");
    }
}

/// The control to the test above: what the layer would key by without the original address.
#[tokio::test]
async fn inside_a_nested_router_the_addresses_are_equal() {
    let handler = async |OriginalUri(original): OriginalUri, request: Request<Body>| {
        format!("{} {original}", request.uri())
    };
    let part = || Router::new().route("/list", route(handler));
    let app = Router::new().nest("/users", part()).nest("/orders", part());
    assert_eq!(body_of(&app, "/users/list").await, "/list /users/list");
    assert_eq!(body_of(&app, "/orders/list").await, "/list /orders/list");
}

#[tokio::test]
async fn the_layer_goes_around_an_axum_router_and_a_handler() {
    let calls = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let handler = move || {
        let call = calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        async move { format!("call {call}") }
    };
    let app = Router::new().route("/r", route(handler)).layer(layer(&memory()).cache_status(false));
    assert_eq!(body_of(&app, "/r?a").await, "call 0");
    assert_eq!(body_of(&app, "/r?a").await, "call 0");
    assert_eq!(body_of(&app, "/r?b").await, "call 1");
}
