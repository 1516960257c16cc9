//! What the tests share.

use backend_redis::RedisCache;
use cache_api::{Key, Namespace};
use integration_tests::servers::RedisServer;

pub async fn connect(server: &RedisServer) -> RedisCache {
    RedisCache::connect(&server.url()).await.unwrap()
}

pub fn namespace(name: &str) -> Namespace {
    Namespace::new(name).unwrap()
}

pub fn key(user: &str) -> Key {
    namespace("users").key(user).unwrap()
}
