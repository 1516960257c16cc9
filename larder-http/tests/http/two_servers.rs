//! Two servers, each with a cache handle of its own, over one store.

use std::sync::Mutex;

use crate::common::*;
use http::Response;
use larder::Larder;

async fn the_other_server_follows_then_replays(a: Larder, b: Larder) {
    let (hand, body) = by_hand();
    let body = Mutex::new(Some(body));
    let origin = Origin::new(move |_, _| {
        let body = body.lock().unwrap().take().expect("asked once");
        Response::builder().header("x-from", "a").header("x-from", "b;c=d:e").body(body).unwrap()
    });
    let (a, b) = (origin.behind(layer(&a)), origin.behind(layer(&b)));

    let mut first = send(&a, get("/r")).await;
    hand.data("one ");
    assert_eq!(piece(&mut first).await.unwrap().unwrap(), "one ");
    // The origin writes on only when the other server's client has the first piece.
    let mut second = send(&b, get("/r")).await;
    assert_eq!(status_of(&second), "larder; fwd=uri-miss; collapsed");
    let values: Vec<_> = second.headers().get_all("x-from").iter().collect();
    assert_eq!(values, ["a", "b;c=d:e"]);
    assert_eq!(piece(&mut second).await.unwrap().unwrap(), "one ");
    hand.data("two");
    drop(hand);
    assert_eq!(text(first).await.unwrap(), "two");
    assert_eq!(text(second).await.unwrap(), "two");
    for server in [&a, &b] {
        assert_eq!(text(hit(server, "/r").await).await.unwrap(), "one two");
    }
    assert_eq!(origin.calls(), 1);
}

async fn twenty_at_once_are_one_call(a: Larder, b: Larder) {
    let origin = Origin::numbered(&[]);
    let servers = [origin.behind(layer(&a)), origin.behind(layer(&b))];
    let clients: Vec<_> = (0..20)
        .map(|client| {
            let server = servers[client % 2].clone();
            tokio::spawn(async move { fetch(&server, get("/r")).await })
        })
        .collect();
    for client in clients {
        assert_eq!(client.await.unwrap(), "answer 1");
    }
    assert_eq!(origin.calls(), 1);
}

#[tokio::test]
async fn over_memory_the_other_server_follows_then_replays() {
    let (a, b) = two_over_memory();
    the_other_server_follows_then_replays(a, b).await;
}

#[tokio::test]
async fn over_memory_twenty_at_once_are_one_call() {
    let (a, b) = two_over_memory();
    twenty_at_once_are_one_call(a, b).await;
}

#[tokio::test]
async fn over_redis_the_other_server_follows_then_replays() {
    let (_redis, a, b) = two_over_redis().await;
    the_other_server_follows_then_replays(a, b).await;
}

#[tokio::test]
async fn over_redis_twenty_at_once_are_one_call() {
    let (_redis, a, b) = two_over_redis().await;
    twenty_at_once_are_one_call(a, b).await;
}
