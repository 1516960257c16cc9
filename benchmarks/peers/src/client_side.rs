//! The redis crate's own client-side cache: a multiplexed connection that keeps the answers to commands
//! until the server says that their keys changed.

use std::{hint::black_box, num::NonZeroUsize};

use benchmarks::record::User;
use integration_tests::servers::RedisServer;
use redis::{AsyncConnectionConfig, Client, aio::MultiplexedConnection, caching::CacheConfig, cmd};

use crate::Bench;

pub(crate) fn run(bench: &mut Bench<'_>) {
    let (runtime, keys) = (bench.runtime, bench.keys as u64);
    let server = runtime.block_on(RedisServer::start()).expect("redis-server starts");
    let url = format!("{}?protocol=resp3", server.url());
    let connection = runtime.block_on(async {
        // Room for all of them, however unevenly its shards are filled.
        let room = NonZeroUsize::new(2 * bench.keys).expect("some keys");
        let config =
            AsyncConnectionConfig::new().set_cache_config(CacheConfig::new().set_size(room));
        let client = Client::open(url).expect("a valid address");
        let mut connection = client
            .get_multiplexed_async_connection_with_config(&config)
            .await
            .expect("the server is up");
        for id in 0..keys {
            let bytes = rmp_serde::to_vec_named(&User::new(id)).expect("a plain record");
            let set: redis::RedisResult<()> =
                cmd("SET").arg(key(id)).arg(bytes).query_async(&mut connection).await;
            set.expect("the server has room");
            get(&connection, id).await;
        }
        connection
    });
    let before = connection.get_cache_statistics().expect("it has a cache");

    // Per call: the key, the command, a look-up in an LRU map under a lock, a copy of the bytes.
    bench.beside("redis crate's local hit, bytes", Some(1.0), async |id| {
        black_box(get(&connection, id as u64).await).is_some()
    });
    // The same, and what one does with bytes.
    bench.beside("redis crate's local hit + rmp-serde", None, async |id| {
        let bytes = get(&connection, id as u64).await.expect("it was put there");
        black_box(rmp_serde::from_slice::<User>(&bytes)).is_ok()
    });

    let after = connection.get_cache_statistics().expect("it has a cache");
    assert_eq!(after.miss, before.miss, "all of these were local hits");
}

async fn get(connection: &MultiplexedConnection, id: u64) -> Option<Vec<u8>> {
    cmd("GET").arg(key(id)).query_async(&mut connection.clone()).await.expect("the server is up")
}

fn key(id: u64) -> String {
    format!("users:{id}")
}
