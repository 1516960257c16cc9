//! What the tests of streams share: servers over one store, bodies that tell their place, faults.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::{sync::Arc, time::Duration};

use backend_memory::MemoryCache;
use backend_redis::RedisCache;
use backend_sled::SledCache;
use bytes::Bytes;
use cache_api::{Cache, Key, KeyStream, Namespace};
use futures_util::StreamExt;
use integration_tests::servers::RedisServer;
use larder::{
    Larder,
    stream::{Reader, StreamError, Streams},
};

/// Short enough for a test, long enough for a loaded machine.
pub(crate) const HEARTBEAT: Duration = Duration::from_millis(600);

pub(crate) const NAMESPACE: &str = "reports";

/// Servers that share a store. Each has its own handle, so that they know of each other by what is in
/// the store alone.
pub(crate) struct Fleet {
    pub(crate) store: Arc<dyn Cache>,
    pub(crate) redis: Option<RedisServer>,
    _directory: Option<tempfile::TempDir>,
}

impl Fleet {
    pub(crate) async fn on_memory() -> Self {
        let store: Arc<dyn Cache> = Arc::new(MemoryCache::builder().build());
        Self { store, redis: None, _directory: None }
    }

    pub(crate) async fn on_sled() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store: Arc<dyn Cache> = Arc::new(SledCache::open(directory.path()).await.unwrap());
        Self { store, redis: None, _directory: Some(directory) }
    }

    pub(crate) async fn on_redis() -> Self {
        let redis = RedisServer::start().await.unwrap();
        let store = Arc::new(RedisCache::builder(&redis.url()).unwrap().open().await.unwrap());
        Self { store, redis: Some(redis), _directory: None }
    }

    pub(crate) fn over(store: Arc<dyn Cache>) -> Self {
        Self { store, redis: None, _directory: None }
    }

    /// One more server.
    pub(crate) fn server(&self) -> Streams<String> {
        let larder = Larder::new(Arc::clone(&self.store));
        larder.namespace(NAMESPACE).unwrap().streams().heartbeat(HEARTBEAT)
    }

    pub(crate) fn key(&self, key: &str) -> Key {
        Namespace::new(NAMESPACE).unwrap().key(key).unwrap()
    }

    /// The keys of all chunks, ends and beats.
    pub(crate) async fn pieces(&self) -> Vec<Key> {
        let chunks = Namespace::new(NAMESPACE).unwrap().reserved("chunk").unwrap();
        let keys: KeyStream = self.store.scan().unwrap().keys(&chunks);
        keys.map(Result::unwrap).collect().await
    }

    /// The key of a chunk, where there is one stream.
    pub(crate) async fn chunk(&self, index: u32) -> Key {
        let end = format!(":{index}");
        let pieces = self.pieces().await;
        pieces.into_iter().find(|key| key.user().ends_with(end.as_bytes())).unwrap()
    }
}

/// Bytes that tell whose they are and where they stand: no two places look alike, nor two bodies.
pub(crate) fn body(of: u8, length: usize) -> Bytes {
    let mut bytes = Vec::with_capacity(length + 8);
    let mut place = 0_u32;
    while bytes.len() < length {
        bytes.extend_from_slice(&place.to_be_bytes());
        bytes.extend_from_slice(&[of; 4]);
        place += 1;
    }
    bytes.truncate(length);
    bytes.into()
}

/// Records a body in pieces of this length.
pub(crate) async fn record(streams: &Streams<String>, key: &str, body: &Bytes, piece: usize) {
    let mut recorder = streams.record(key, "head".to_string()).await.unwrap();
    for piece in body.chunks(piece) {
        recorder.write(body.slice_ref(piece)).await.unwrap();
    }
    let committed = recorder.commit().await.unwrap();
    assert!(committed.stored, "{committed:?}");
}

/// What a reader got before it ended, and how it ended.
pub(crate) async fn drain(mut reader: Reader<String>) -> (Bytes, Result<(), StreamError>) {
    let mut bytes = Vec::new();
    let ended = loop {
        match reader.next().await {
            Some(Ok(piece)) => bytes.extend_from_slice(&piece),
            Some(Err(error)) => break Err(error),
            None => break Ok(()),
        }
    };
    (bytes.into(), ended)
}

/// Waits for what is about to come true.
pub(crate) async fn until<F: Future<Output = bool>>(mut condition: impl FnMut() -> F) {
    for _ in 0..1000 {
        if condition().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not come true within ten seconds");
}

/// Each of these tests on each store.
#[macro_export]
macro_rules! on_every_store {
    ($($test:ident),* $(,)?) => {
        mod memory { $($crate::on_every_store!(@ on_memory $test);)* }
        mod sled { $($crate::on_every_store!(@ on_sled $test);)* }
        mod redis { $($crate::on_every_store!(@ on_redis $test);)* }
    };
    (@ $store:ident $test:ident) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            super::$test($crate::streams_support::Fleet::$store().await).await;
        }
    };
}
