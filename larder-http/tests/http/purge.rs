//! Purging by address and by tag, and what a handler says of its answer.

use crate::common::*;
use http::Response;
use larder::Larder;
use larder_http::{CacheLayer, Control};

fn tagged(larder: &Larder) -> CacheLayer {
    layer(larder).tags(true)
}

#[tokio::test]
async fn a_tag_is_purged_on_all_servers_and_no_other() {
    for (name, value) in [("surrogate-key", "shop prices"), ("cache-tag", "shop,prices")] {
        let (a, b) = two_over_memory();
        let origin = Origin::new(move |call, request| {
            let path = request.uri().path().to_owned();
            let tags = if path == "/other" { "team" } else { value };
            Response::builder().header(name, tags).body(full(format!("{path} {call}"))).unwrap()
        });
        let servers = [origin.behind(tagged(&a)), origin.behind(tagged(&b))];
        for path in ["/tea", "/milk", "/other"] {
            fetch(&servers[0], get(path)).await;
            for server in &servers {
                drop(hit(server, path).await);
            }
        }
        tagged(&b).purge().tag("prices").await.applied().unwrap();
        for (path, left) in [("/tea", false), ("/milk", false), ("/other", true)] {
            for server in &servers {
                assert_eq!(is_hit(&send(server, get(path)).await), left, "{path}");
                if !left {
                    drop(hit(server, path).await);
                    tagged(&a).purge().tag("shop").await.applied().unwrap();
                }
            }
        }
    }
}

/// The control: a layer that was not told to look at tags serves what was purged.
#[tokio::test]
async fn tags_count_where_the_layer_was_told_so() {
    let larder = memory();
    let service = Origin::numbered(&[("cache-tag", "prices")]).behind(layer(&larder));
    fetch(&service, get("/r")).await;
    drop(hit(&service, "/r").await);
    layer(&larder).purge().tag("prices").await.applied().unwrap();
    assert!(is_hit(&send(&service, get("/r")).await));
}

#[tokio::test]
async fn what_is_recorded_while_its_tag_is_purged_is_not_served() {
    let larder = memory();
    let (hand, body) = by_hand();
    let body = std::sync::Mutex::new(Some(body));
    let origin = Origin::new(move |call, _| {
        let body = body.lock().unwrap().take().unwrap_or_else(|| full(format!("answer {call}")));
        Response::builder().header("cache-tag", "prices").body(body).unwrap()
    });
    let service = origin.behind(tagged(&larder));
    let mut old = send(&service, get("/r")).await;
    hand.data("old");
    piece(&mut old).await;
    tagged(&larder).purge().tag("prices").await.applied().unwrap();
    assert_eq!(fetch(&service, get("/r")).await, "answer 2", "nor followed");
    drop(hand);
    text(old).await.unwrap();
    settle().await;
    assert_eq!(fetch(&service, get("/r")).await, "answer 3");
    assert_eq!(text(hit(&service, "/r").await).await.unwrap(), "answer 3");
}

/// The tag is named by the answer alone, and was invalidated after the origin had read its source.
#[tokio::test]
async fn a_purge_while_the_origin_is_asked_is_not_missed() {
    let larder = memory();
    let purge = tagged(&larder).purge();
    let origin = Origin::new(move |call, _| {
        let body = full(format!("answer {call}"));
        Response::builder().header("cache-tag", "prices").body(body).unwrap()
    });
    let inner = tower::service_fn({
        let (purge, origin) = (purge.clone(), origin.clone());
        move |request| {
            let (purge, mut origin) = (purge.clone(), origin.clone());
            async move {
                let answer = tower::Service::call(&mut origin, request).await;
                if origin.calls() == 1 {
                    purge.tag("prices").await.applied().unwrap();
                }
                answer
            }
        }
    });
    let service = tower::Layer::layer(&tagged(&larder), inner);
    let ask = || tower::ServiceExt::oneshot(service.clone(), get("/r"));
    let first = ask().await.unwrap();
    assert_eq!(status_of(&first), "larder; fwd=uri-miss; detail=tags");
    assert_eq!(text(first).await.unwrap(), "answer 1");
    assert_eq!(text(ask().await.unwrap()).await.unwrap(), "answer 2");
}

#[tokio::test]
async fn an_address_is_purged_with_all_its_variants() {
    for url in
        ["http://shop.example/r?a", "https://shop.example/r?a", "https://Shop.Example:443/r?a"]
    {
        let (a, b) = two_over_memory();
        let origin = Origin::numbered(&[("cache-control", "max-age=60")]);
        let servers = [origin.behind(layer(&a)), origin.behind(layer(&b))];
        let requests: [&[(&str, &str)]; 3] =
            [&[], &[("accept", "a")], &[("x-forwarded-host", "x"), ("x-forwarded-proto", "https")]];
        for headers in requests {
            fetch(&servers[0], request("GET", "/r?a", headers)).await;
            while !is_hit(&send(&servers[1], request("GET", "/r?a", headers)).await) {
                tokio::task::yield_now().await;
            }
        }
        fetch(&servers[0], get("/r?b")).await;
        drop(hit(&servers[0], "/r?b").await);
        layer(&a).purge().url(url).await.applied().unwrap();
        for headers in requests {
            assert!(!is_hit(&send(&servers[1], request("GET", "/r?a", headers)).await));
        }
        assert!(is_hit(&send(&servers[1], get("/r?b")).await));
    }
    for bad in ["", "/r", "no address"] {
        assert!(layer(&memory()).purge().url(bad).await.applied().is_err(), "{bad}");
    }
    let ignoring = layer(&memory()).ignore_host();
    ignoring.purge().url("/r").await.applied().unwrap();
}

#[tokio::test]
async fn all_is_purged_at_once() {
    let larder = memory();
    let service = Origin::numbered(&[]).behind(layer(&larder));
    fetch(&service, get("/r")).await;
    drop(hit(&service, "/r").await);
    layer(&larder).purge().all().await.applied().unwrap();
    assert_eq!(fetch(&service, get("/r")).await, "answer 2");
}

#[tokio::test]
async fn a_handler_decides_about_its_own_answer() {
    let (clock, larder) = clocked();
    let origin = Origin::new(|call, request| {
        let mut response = Response::new(full(format!("answer {call}")));
        response.extensions_mut().insert(match request.uri().path() {
            "/never" => Control::do_not_store(),
            _ => Control::new().ttl(std::time::Duration::from_secs(5)).tag("a"),
        });
        response
    });
    let service = origin.behind(tagged(&larder));
    for call in 1..=2 {
        assert_eq!(fetch(&service, get("/never")).await, format!("answer {call}"));
    }
    fetch(&service, get("/r")).await;
    drop(hit(&service, "/r").await);
    clock.advance(std::time::Duration::from_secs(6));
    assert_eq!(fetch(&service, get("/r")).await, "answer 4");
    drop(hit(&service, "/r").await);
    tagged(&larder).purge().tag("a").await.applied().unwrap();
    assert_eq!(fetch(&service, get("/r")).await, "answer 5");
}
