//! Whose answer is whose, and what is known when one is lost.

use std::time::Duration;

use crate::common::{DEADLINE, MINUTE, connect_to, impatient, key, prefix, put, recovery};
use backend_redis::RedisCache;
use bytes::Bytes;
use cache_api::{Cache, Condition, Error, SetOptions, SetOutcome};
use integration_tests::servers::{Proxy, RedisServer};

/// The key is in the value. Callers leave at random moments: before the request is sent, while it is in
/// flight, with the answer half read.
#[tokio::test(flavor = "multi_thread")]
async fn no_answer_reaches_the_wrong_caller() {
    const REQUESTS: usize = 100_000;
    let server = RedisServer::start().await.unwrap();
    let proxy = Proxy::start(server.address()).await.unwrap();
    let cache = RedisCache::builder(&server.url_via(proxy.address()))
        .unwrap()
        .deadline(Duration::from_secs(30))
        .connections(2)
        .open()
        .await
        .unwrap();
    let value = |i: usize| Bytes::from(format!("{i};").repeat(1 + i % 400));
    for i in 0..1000 {
        put(&cache, &key(&i.to_string()), value(i)).await;
    }
    proxy.delay(Duration::from_millis(2));
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..REQUESTS {
        let cache = cache.clone();
        tasks.spawn(async move {
            let i = n % 1000;
            let name = key(&i.to_string());
            let call = async {
                match n % 7 {
                    0 => {
                        let both = [name.clone(), key(&((i + 1) % 1000).to_string())];
                        let values = cache.get_many(&both).await.unwrap();
                        assert_eq!(values, [Some(value(i)), Some(value((i + 1) % 1000))]);
                    }
                    1 => {
                        let absent = SetOptions::new(MINUTE).when(Condition::Absent);
                        let SetOutcome::Refused { standing: Some(standing) } =
                            cache.set(&name, Bytes::new(), absent).await.unwrap()
                        else {
                            panic!("{i} was not there");
                        };
                        assert!(value(i).starts_with(&standing));
                    }
                    _ => assert_eq!(cache.get(&name).await.unwrap(), Some(value(i))),
                }
            };
            if n % 10 < 3 {
                let patience = Duration::from_micros(rand::random_range(0..4000));
                tokio::time::timeout(patience, call).await.is_err()
            } else {
                call.await;
                false
            }
        });
    }
    let mut cancelled = 0;
    while let Some(done) = tasks.join_next().await {
        cancelled += usize::from(done.unwrap());
    }
    assert!(cancelled > REQUESTS / 10, "only {cancelled} were cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conditional_write_whose_answer_is_lost_may_have_been_applied() {
    let server = RedisServer::start().await.unwrap();
    let proxy = Proxy::start(server.address()).await.unwrap();
    let cache = connect_to(&server.url_via(proxy.address())).await;
    let absent = SetOptions::new(MINUTE).when(Condition::Absent);
    let over_1 = SetOptions::new(MINUTE).when(prefix("1"));
    // The server knows the script from here on: the first answer to it is the last.
    let _ = cache.set(&key("other"), "1".into(), over_1).await.unwrap();
    for (value, options) in [("1", absent), ("2", over_1)] {
        recovery(&cache).await;
        proxy.drop_reply_to(&b"users:k"[..]);
        let error = cache.set(&key("k"), value.into(), options).await.unwrap_err();
        assert!(error.may_have_applied() && error.is_unavailable(), "{error:?}");
        recovery(&cache).await;
        // It was, once: nobody repeated it, or it would have been refused.
        assert_eq!(cache.get(&key("k")).await.unwrap(), Some(value.into()));
    }
    proxy.drop_reply_to(&b"users:n"[..]);
    assert!(cache.increment(&key("n"), 1, MINUTE.into()).await.unwrap_err().may_have_applied());
    recovery(&cache).await;
    assert_eq!(cache.increment(&key("n"), 1, MINUTE.into()).await.unwrap(), 2);

    // What was never sent was certainly not applied, and a read never is.
    proxy.drop_reply_to(&b"users:k"[..]);
    assert!(!cache.get(&key("k")).await.unwrap_err().may_have_applied());
    recovery(&cache).await;
    proxy.refuse();
    crate::common::noticed(&cache).await;
    let error = cache.set(&key("k"), "3".into(), absent).await.unwrap_err();
    assert!(!error.may_have_applied(), "{error:?}");
}

/// A write that was given up on a frozen server lies in the server's buffer. It must not be applied after
/// a later write on the connection that replaced its own. The control is two plain connections, where it
/// is.
#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_write_does_not_land_after_a_later_one() {
    let server = RedisServer::start().await.unwrap();
    let cache = impatient(&server.url()).await;
    let mut landed_late = 0;
    for round in 0..5 {
        let name = key(&round.to_string());
        put(&cache, &name, "old".into()).await;
        server.stop().unwrap();
        let set = || cache.set(&name, "abandoned".into(), SetOptions::new(MINUTE));
        let (a, b, c) = tokio::join!(set(), set(), set());
        for error in [a, b, c] {
            assert!(matches!(error, Err(Error::Timeout { may_have_applied: true, .. })));
        }
        crate::common::noticed(&cache).await;
        server.cont().unwrap();
        recovery(&cache).await;
        cache.delete(&name).await.unwrap();
        tokio::time::sleep(DEADLINE / 4).await;
        landed_late += usize::from(cache.get(&name).await.unwrap().is_some());
    }
    assert_eq!(landed_late, 0);
    assert!(naive_writes_land_late(&server).await);
}

async fn naive_writes_land_late(server: &RedisServer) -> bool {
    let client = redis::Client::open(server.url()).unwrap();
    let proxy = Proxy::start(server.address()).await.unwrap();
    let slow = redis::Client::open(server.url_via(proxy.address())).unwrap();
    let mut slow = slow.get_multiplexed_async_connection().await.unwrap();
    let mut later = client.get_multiplexed_async_connection().await.unwrap();
    proxy.delay(DEADLINE);
    let mut set = redis::cmd("SET");
    let abandoned = set.arg("late").arg("1").query_async::<()>(&mut slow);
    assert!(tokio::time::timeout(DEADLINE / 4, abandoned).await.is_err());
    redis::cmd("DEL").arg("late").exec_async(&mut later).await.unwrap();
    tokio::time::sleep(2 * DEADLINE).await;
    redis::cmd("EXISTS").arg("late").query_async(&mut later).await.unwrap()
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_and_a_database() {
    let server = RedisServer::builder().unix_socket().start().await.unwrap();
    let socket = server.unix_socket().unwrap();
    let third = connect_to(&format!("unix:{}?db=3", socket.display())).await;
    put(&third, &key("a"), "third".into()).await;
    let first = connect_to(&format!("redis+unix:{}", socket.display())).await;
    assert_eq!(first.get(&key("a")).await.unwrap(), None);
    let third = connect_to(&format!("{}/3", server.url())).await;
    assert_eq!(third.get(&key("a")).await.unwrap(), Some("third".into()));
}
