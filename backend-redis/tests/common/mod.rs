//! What the tests share.

use std::time::Duration;

use backend_redis::RedisCache;
use bytes::Bytes;
use cache_api::{Cache, Key, Namespace, SetOptions};
use integration_tests::servers::RedisServer;

pub(crate) async fn connect(server: &RedisServer) -> RedisCache {
    RedisCache::connect(&server.url()).await.unwrap()
}

pub(crate) fn namespace(name: &str) -> Namespace {
    Namespace::new(name).unwrap()
}

pub(crate) fn key(user: &str) -> Key {
    namespace("users").key(user).unwrap()
}

pub(crate) async fn put(cache: &RedisCache, key: &Key, value: Bytes) {
    let options = SetOptions::new(Duration::from_secs(60));
    assert!(cache.set(key, value, options).await.unwrap().is_stored());
}
