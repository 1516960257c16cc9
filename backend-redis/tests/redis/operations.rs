//! What only this store has: the shape of its entries on the server, the exactness of its counters, the
//! fall-backs of its commands. The rules that all stores keep are the conformance kit's.

use std::time::Duration;

use crate::common::{MINUTE, connect, key, namespace, put};
use backend_redis::RedisCache;
use bytes::Bytes;
use cache_api::{Cache, Condition, Error, Prefix, Remaining, SetItem, SetOptions, SetOutcome, Ttl};
use futures_util::StreamExt;
use integration_tests::servers::RedisServer;

fn bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

#[tokio::test]
async fn a_plain_client_reads_and_writes_the_same_values() {
    let server = RedisServer::start().await.unwrap();
    let cache = connect(&server).await;
    put(&cache, &key("42"), bytes("ours")).await;
    let read = server.cli(&["GET", "users:42"]).await.unwrap();
    assert_eq!(read.value(), Some(&b"ours"[..]));

    server.cli(&["SET", "users:43", "theirs"]).await.unwrap();
    assert_eq!(cache.get(&key("43")).await.unwrap(), Some(bytes("theirs")));
    assert_eq!(cache.ttl(&key("43")).await.unwrap(), Remaining::Never);
}

#[tokio::test]
async fn conditions_and_what_stood_there() {
    let server = RedisServer::start().await.unwrap();
    let cache = connect(&server).await;
    let standing = |text| SetOutcome::Refused { standing: Some(bytes(text)) };
    let absent = SetOptions::new(MINUTE).when(Condition::Absent);
    let present = SetOptions::new(MINUTE).when(Condition::Present);
    let over_a = SetOptions::new(MINUTE).when(Condition::StartsWith(Prefix::new(b"a").unwrap()));

    let nothing = SetOutcome::Refused { standing: None };
    assert_eq!(cache.set(&key("k"), bytes("x"), present).await.unwrap(), nothing);
    assert_eq!(cache.set(&key("k"), bytes("x"), over_a).await.unwrap(), nothing);
    assert!(cache.set(&key("k"), bytes("a1"), absent).await.unwrap().is_stored());
    assert_eq!(cache.set(&key("k"), bytes("x"), absent).await.unwrap(), standing("a1"));
    assert!(cache.set(&key("k"), bytes("b1"), over_a).await.unwrap().is_stored());
    assert_eq!(cache.set(&key("k"), bytes("x"), over_a).await.unwrap(), standing("b1"));
    assert!(cache.set(&key("k"), Bytes::new(), present).await.unwrap().is_stored());
    // An empty value is a value.
    assert_eq!(cache.set(&key("k"), bytes("x"), absent).await.unwrap(), standing(""));

    let zero = SetOptions::new(Duration::ZERO);
    assert_eq!(
        cache.set(&key("k"), bytes("x"), zero.when(Condition::Absent)).await.unwrap(),
        standing("")
    );
    assert!(
        cache.set(&key("k"), bytes("x"), zero.when(Condition::Present)).await.unwrap().is_stored()
    );
    assert_eq!(cache.get(&key("k")).await.unwrap(), None);
    assert!(
        cache.set(&key("k"), bytes("x"), zero.when(Condition::Absent)).await.unwrap().is_stored()
    );
    assert_eq!(cache.get(&key("k")).await.unwrap(), None);
}

#[tokio::test]
async fn lifetimes() {
    let server = RedisServer::start().await.unwrap();
    let cache = connect(&server).await;
    let mine = Condition::StartsWith(Prefix::new(b"mine").unwrap());
    assert!(!cache.expire(&key("k"), Ttl::Never, Condition::Always).await.unwrap());
    assert_eq!(cache.ttl(&key("k")).await.unwrap(), Remaining::Missing);
    put(&cache, &key("k"), bytes("mine")).await;
    assert!(cache.expire(&key("k"), Ttl::Never, Condition::Always).await.unwrap());
    assert_eq!(cache.ttl(&key("k")).await.unwrap(), Remaining::Never);
    assert!(cache.expire(&key("k"), Ttl::Never, Condition::Present).await.unwrap());
    assert!(cache.expire(&key("k"), MINUTE.into(), mine).await.unwrap());
    assert!(matches!(cache.ttl(&key("k")).await.unwrap(), Remaining::For(left) if left <= MINUTE));
    assert!(cache.expire(&key("k"), Ttl::Never, mine).await.unwrap());
    assert_eq!(cache.ttl(&key("k")).await.unwrap(), Remaining::Never);
    assert!(!cache.expire(&key("k"), MINUTE.into(), Condition::Absent).await.unwrap());
    assert!(cache.expire(&key("k"), Duration::ZERO.into(), mine).await.unwrap());
    assert_eq!(cache.take(&key("k")).await.unwrap(), None);
}

#[tokio::test]
async fn counters_are_exact_and_strict() {
    let server = RedisServer::start().await.unwrap();
    let cache = connect(&server).await;
    let k = key("n");
    assert_eq!(cache.increment(&k, i64::MAX - 1, MINUTE.into()).await.unwrap(), i64::MAX - 1);
    assert!(matches!(cache.ttl(&k).await.unwrap(), Remaining::For(_)));
    assert_eq!(cache.increment(&k, 1, Duration::from_secs(1).into()).await.unwrap(), i64::MAX);
    assert!(matches!(cache.ttl(&k).await.unwrap(), Remaining::For(left) if left > MINUTE / 2));
    let over = cache.increment(&k, 1, MINUTE.into()).await;
    assert!(matches!(over, Err(Error::Overflow { .. })), "{over:?}");
    assert_eq!(cache.get(&k).await.unwrap(), Some(i64::MAX.to_string().into()));
    assert_eq!(cache.increment(&key("low"), i64::MIN, Ttl::Never).await.unwrap(), i64::MIN);
    assert_eq!(cache.ttl(&key("low")).await.unwrap(), Remaining::Never);

    for odd in ["", "+1", " 1", "1 ", "01", "-0", "1.0", "x", "99999999999999999999", "0x1", "1\n"]
    {
        for ttl in [Ttl::Never, MINUTE.into()] {
            put(&cache, &k, bytes(odd)).await;
            let sum = cache.increment(&k, 1, ttl).await;
            assert!(matches!(sum, Err(Error::NotANumber { .. })), "{odd:?}: {sum:?}");
            assert_eq!(cache.take(&k).await.unwrap(), Some(bytes(odd)));
        }
    }
    server.cli(&["RPUSH", "users:n", "1"]).await.unwrap();
    let sum = cache.increment(&k, 1, MINUTE.into()).await;
    assert!(matches!(sum, Err(Error::WrongType { .. })), "{sum:?}");
}

#[tokio::test]
async fn an_entry_of_another_type_is_an_error_and_survives_a_clear() {
    let server = RedisServer::start().await.unwrap();
    let cache = connect(&server).await;
    server.cli(&["RPUSH", "users:list", "1"]).await.unwrap();
    let over = Condition::StartsWith(Prefix::new(b"1").unwrap());
    let k = key("list");
    let get = cache.get(&k).await;
    assert!(matches!(get, Err(Error::WrongType { .. })), "{get:?}");
    for condition in [Condition::Absent, Condition::Present, over] {
        let set = cache.set(&k, bytes("x"), SetOptions::new(MINUTE).when(condition)).await;
        assert!(matches!(set, Err(Error::WrongType { .. })), "{condition:?}: {set:?}");
    }
    cache.clear(&namespace("users")).await.unwrap();
    assert_eq!(server.cli(&["LLEN", "users:list"]).await.unwrap().number(), Some(1));
}

#[tokio::test]
async fn many_at_once_in_order_with_duplicates() {
    let server = RedisServer::start().await.unwrap();
    let cache = RedisCache::builder(&server.url()).unwrap().connections(3).open().await.unwrap();
    let keys: Vec<_> = (0..2000).map(|i| key(&i.to_string())).collect();
    let items: Vec<_> = keys
        .iter()
        .enumerate()
        .map(|(i, key)| {
            let condition = match i % 4 {
                0 => Condition::Always,
                1 => Condition::Absent,
                2 => Condition::Present,
                _ => Condition::StartsWith(Prefix::new(b"1").unwrap()),
            };
            let options = SetOptions::new(MINUTE).when(condition);
            SetItem { key: key.clone(), value: i.to_string().into(), options }
        })
        .collect();
    let outcomes = cache.set_many([&items[..], &items[..]].concat()).await.unwrap();
    for (i, outcome) in outcomes.iter().enumerate() {
        let expected = if i < 2000 { i % 4 < 2 } else { i % 4 == 0 };
        assert_eq!(outcome.is_stored(), expected, "item {i}");
    }
    let doubled = [&keys[..], &keys[..10]].concat();
    let values = cache.get_many(&doubled).await.unwrap();
    for (i, value) in values.iter().enumerate() {
        let i = i % 2000;
        let expected = (i % 4 < 2).then(|| Bytes::from(i.to_string()));
        assert_eq!(value, &expected, "key {i}");
    }
    assert_eq!(cache.delete_many(&doubled).await.unwrap(), 1000);
    assert!(cache.get_many(&[]).await.unwrap().is_empty());
    assert!(cache.set_many(vec![]).await.unwrap().is_empty());
    assert_eq!(cache.delete_many(&[]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_script_is_sent_again_where_the_server_forgot_it() {
    let server = RedisServer::start().await.unwrap();
    let cache = connect(&server).await;
    let over = SetOptions::new(MINUTE).when(Condition::Present);
    put(&cache, &key("k"), bytes("1")).await;
    for _ in 0..3 {
        assert!(cache.set(&key("k"), bytes("2"), over).await.unwrap().is_stored());
        let item = SetItem { key: key("k"), value: bytes("3"), options: over };
        for outcome in cache.set_many(vec![item.clone(), item]).await.unwrap() {
            assert!(outcome.is_stored());
        }
        server.cli(&["SCRIPT", "FLUSH"]).await.unwrap();
    }
}

#[tokio::test]
async fn clear_and_scan_reach_ours_within_the_namespace_and_nothing_else() {
    let server = RedisServer::start().await.unwrap();
    let cache = connect(&server).await;
    let stay = ["users2:a", "users", "user:a", "users/:a", "users/a b:x", "usersx:a", "*:a"];
    for name in stay {
        server.cli(&["SET", name, "1"]).await.unwrap();
    }
    let users = namespace("users");
    let mut ours = Vec::new();
    for namespace in [users.clone(), users.child("eu").unwrap(), users.reserved("chunk").unwrap()] {
        for i in 0..700 {
            let key = namespace.key(format!("{i}*?[]\0:")).unwrap();
            ours.push(key.clone());
            put(&cache, &key, bytes("1")).await;
        }
    }
    let mut found: Vec<_> =
        cache.scan().unwrap().keys(&users).map(|key| key.unwrap()).collect().await;
    found.sort();
    found.dedup();
    ours.sort();
    assert!(found == ours);
    cache.clear(&users).await.unwrap();
    assert_eq!(cache.scan().unwrap().keys(&users).count().await, 0);
    assert_eq!(server.cli(&["DBSIZE"]).await.unwrap().number(), Some(stay.len() as i64));
}

#[tokio::test]
async fn large_values_and_the_limit() {
    let server = RedisServer::start().await.unwrap();
    let limited =
        RedisCache::builder(&server.url()).unwrap().max_value(32 << 20).open().await.unwrap();
    let large = Bytes::from(vec![7; 32 << 20]);
    put(&limited, &key("large"), large.clone()).await;
    assert!(limited.get(&key("large")).await.unwrap() == Some(large));
    let over = limited
        .set(&key("over"), Bytes::from(vec![7; (32 << 20) + 1]), SetOptions::new(MINUTE))
        .await
        .unwrap_err();
    assert!(matches!(over, Error::TooLarge { size: 33_554_433, limit: 33_554_432, .. }));
    assert_eq!(limited.get(&key("over")).await.unwrap(), None);
}
