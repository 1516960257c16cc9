//! A server that is gone, frozen, or cut off: every call is bounded, fails fast while the fault lasts, and
//! the cache serves again within a second after the server does.

use std::time::{Duration, Instant};

use crate::common::{
    DEADLINE, Done, OVER, all_unavailable, everything, impatient, key, noticed, put, reads,
    recovery, run,
};
use cache_api::{Cache, Error};
use integration_tests::servers::{Proxy, RedisServer};
use redis::aio::ConnectionManagerConfig;

const FAST: Duration = Duration::from_millis(5);
const SECOND: Duration = Duration::from_secs(1);

/// The best of three: a busy machine may hold one back, not each.
async fn fails_fast(cache: &backend_redis::RedisCache) {
    let mut slowest = Vec::new();
    for _ in 0..3 {
        let done = everything(cache).await;
        all_unavailable(&done, DEADLINE);
        slowest.extend(done.iter().map(|done| done.took).max());
    }
    assert!(slowest.iter().any(|took| *took < FAST), "took {slowest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server() {
    let mut server = RedisServer::start().await.unwrap();
    let cache = impatient(&server.url()).await;
    put(&cache, &key("a"), "v".into()).await;
    server.kill().unwrap();
    all_unavailable(&everything(&cache).await, DEADLINE + OVER);
    noticed(&cache).await;
    fails_fast(&cache).await;

    server.restart().await.unwrap();
    let took = recovery(&cache).await;
    assert!(took <= SECOND, "{took:?}");
    // It came back empty, scripts and all.
    assert_eq!(cache.get(&key("a")).await.unwrap(), None);
    for done in everything(&cache).await {
        assert!(done.result.is_ok(), "{done:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_server() {
    let server = RedisServer::start().await.unwrap();
    let cache = impatient(&server.url()).await;
    put(&cache, &key("a"), "v".into()).await;
    server.stop().unwrap();
    let done = everything(&cache).await;
    all_unavailable(&done, DEADLINE + OVER);
    let timed_out = |done: &Done| matches!(done.result, Err(Error::Timeout { .. }));
    assert!(done.iter().any(timed_out), "{done:?}");
    noticed(&cache).await;
    fails_fast(&cache).await;

    server.cont().unwrap();
    let took = recovery(&cache).await;
    assert!(took <= SECOND, "{took:?}");
}

/// A link that swallows everything and closes nothing. The control is the stock connection, which times
/// out for ever on the dead link although new ones would be served.
#[tokio::test(flavor = "multi_thread")]
async fn a_black_hole() {
    let server = RedisServer::start().await.unwrap();
    let proxy = Proxy::start(server.address()).await.unwrap();
    let url = server.url_via(proxy.address());
    let cache = impatient(&url).await;
    let stock = redis::Client::open(url.as_str()).unwrap();
    let config = ConnectionManagerConfig::new().set_response_timeout(Some(DEADLINE));
    let stock = redis::aio::ConnectionManager::new_with_config(stock, config).await.unwrap();

    proxy.black_hole();
    all_unavailable(&everything(&cache).await, DEADLINE + OVER);
    let ask_stock = || async {
        let mut stock = stock.clone();
        redis::cmd("GET").arg("a").query_async::<redis::Value>(&mut stock).await
    };
    for _ in 0..4 {
        assert!(ask_stock().await.is_err());
    }
    noticed(&cache).await;
    fails_fast(&cache).await;

    proxy.pass();
    let took = recovery(&cache).await;
    assert!(took <= SECOND, "{took:?}");
    assert!(ask_stock().await.is_err(), "the control recovered: is this test still one?");
}

/// One caller that asks seldom: three timeouts would take long, so one overdue answer must do.
#[tokio::test(flavor = "multi_thread")]
async fn a_black_hole_with_a_single_caller() {
    let server = RedisServer::start().await.unwrap();
    let proxy = Proxy::start(server.address()).await.unwrap();
    let cache = impatient(&server.url_via(proxy.address())).await;
    put(&cache, &key("a"), "v".into()).await;
    proxy.black_hole();
    let begin = Instant::now();
    assert!(cache.get(&key("a")).await.is_err());
    proxy.pass();
    // The link stays dead. Nobody asks; the connection is replaced all the same.
    tokio::time::sleep(DEADLINE + OVER).await;
    assert_eq!(cache.get(&key("a")).await.unwrap(), Some("v".into()));
    assert!(begin.elapsed() < 3 * DEADLINE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_connection_is_replaced_at_once() {
    let server = RedisServer::start().await.unwrap();
    let proxy = Proxy::start(server.address()).await.unwrap();
    let cache = impatient(&server.url_via(proxy.address())).await;
    for _ in 0..20 {
        proxy.cut();
        let took = recovery(&cache).await;
        assert!(took < DEADLINE, "{took:?}");
    }
}

/// A server that ends every connection right after it was accepted is not dialled in a tight loop.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ends_each_connection() {
    let server = RedisServer::start().await.unwrap();
    let proxy = Proxy::start(server.address()).await.unwrap();
    let cache = impatient(&server.url_via(proxy.address())).await;
    let before = proxy.accepted();
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_millis(400) {
        proxy.cut();
        let _ = cache.get(&key("a")).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // Two connections, each at most once in 20 ms and once at the start.
    let dialled = proxy.accepted() - before;
    let most = 2 * (begin.elapsed().as_millis() as usize / 20 + 1);
    assert!(dialled <= most, "{dialled} of {most}");
    recovery(&cache).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_yet() {
    let mut server = RedisServer::start().await.unwrap();
    server.kill().unwrap();
    let cache = impatient(&server.url()).await;
    fails_fast(&cache).await;
    let error = cache.get(&key("a")).await.unwrap_err().to_string();
    assert!(error.contains(&server.address().to_string()), "{error}");
    server.restart().await.unwrap();
    assert!(recovery(&cache).await <= SECOND);
}

/// Bounded: more requests than may be in flight wait for their turn, within their deadline.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_its_turn_keeps_the_deadline() {
    let server = RedisServer::start().await.unwrap();
    let cache = backend_redis::RedisCache::builder(&server.url())
        .unwrap()
        .deadline(DEADLINE)
        .max_in_flight(1)
        .open()
        .await
        .unwrap();
    for done in everything(&cache).await {
        assert!(done.result.is_ok(), "{done:?}");
    }
    server.stop().unwrap();
    all_unavailable(&everything(&cache).await, DEADLINE + OVER);
    server.cont().unwrap();
    assert!(recovery(&cache).await <= SECOND);
    // None of the turns was lost.
    for _ in 0..3 {
        for done in run(reads(&cache)).await {
            assert!(done.result.is_ok(), "{done:?}");
        }
    }
}

#[test]
fn a_cache_whose_runtime_has_ended_fails_at_once() {
    let runtime = || tokio::runtime::Runtime::new().unwrap();
    let first = runtime();
    let (server, cache) = first.block_on(async {
        let server = RedisServer::start().await.unwrap();
        let cache = impatient(&server.url()).await;
        (server, cache)
    });
    drop(first);
    let error = runtime().block_on(cache.get(&key("a"))).unwrap_err();
    assert!(error.is_unavailable() && error.to_string().contains("runtime"), "{error}");
    drop(server);
}
