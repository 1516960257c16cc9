//! The rules of the contract, on this store: a first line before the conformance kit.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use backend_sled::SledCache;
use bytes::Bytes;
use cache_api::{
    Cache, Change, Clock, Condition, Error, Key, Namespace, Prefix, Remaining, SetItem, SetOptions,
    SetOutcome, TestClock, Ttl,
};
use futures_util::{StreamExt, TryStreamExt};

const HOUR: Duration = Duration::from_secs(3600);

fn key(name: &str) -> Key {
    Namespace::new("n").unwrap().key(name).unwrap()
}

fn stay() -> SetOptions {
    SetOptions::new(Ttl::Never)
}

async fn put(cache: &SledCache, key: &Key, value: impl Into<Bytes>, options: SetOptions) {
    assert!(cache.set(key, value.into(), options).await.unwrap().is_stored());
}

struct Fixture {
    cache: SledCache,
    clock: TestClock,
    directory: tempfile::TempDir,
}

impl Fixture {
    async fn new() -> Self {
        let (clock, directory) = (TestClock::new(), tempfile::tempdir().unwrap());
        let cache = open(&directory, &clock).await;
        Self { cache, clock, directory }
    }

    async fn reopened(self) -> Self {
        drop(self.cache);
        let cache = open(&self.directory, &self.clock).await;
        Self { cache, ..self }
    }
}

async fn open(directory: &tempfile::TempDir, clock: &TestClock) -> SledCache {
    SledCache::builder(directory.path()).clock(Arc::new(clock.clone())).open().await.unwrap()
}

#[tokio::test]
async fn values_of_every_length_come_back_and_outlive_a_restart() {
    let fixture = Fixture::new().await;
    let lengths =
        [0, 1, 255, 256, 257, 16 << 10, (32 << 10) - 27, (32 << 10) - 26, 32 << 10, 3 << 20];
    let value = |length: usize| Bytes::from_iter((0..length).map(|i| (i * 31 + length) as u8));
    for length in lengths {
        let name = key(&length.to_string());
        assert!(fixture.cache.set(&name, value(length), stay()).await.unwrap().is_stored());
        assert_eq!(fixture.cache.get(&name).await.unwrap(), Some(value(length)), "{length}");
    }
    let fixture = fixture.reopened().await;
    for length in lengths {
        let name = key(&length.to_string());
        assert_eq!(fixture.cache.get(&name).await.unwrap(), Some(value(length)), "{length}");
    }
    assert_eq!(fixture.cache.stats().await.unwrap().entries, lengths.len() as u64);
}

#[tokio::test]
async fn a_value_over_the_limit_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let cache = SledCache::builder(directory.path()).max_value(10).open().await.unwrap();
    put(&cache, &key("a"), "old", stay()).await;
    let error = cache.set(&key("a"), "12345678901".into(), stay()).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { size: 11, limit: 10, .. }), "{error}");
    assert_eq!(cache.get(&key("a")).await.unwrap().unwrap(), "old");
}

#[tokio::test]
async fn an_expired_entry_is_missing_for_every_operation() {
    let Fixture { cache, clock, directory: _directory } = Fixture::new().await;
    let name = key("a");
    let soon = SetOptions::new(Duration::from_millis(1500));
    put(&cache, &name, "7", soon).await;
    assert_eq!(cache.ttl(&name).await.unwrap(), Remaining::For(Duration::from_millis(1500)));
    clock.advance(Duration::from_millis(1499));
    assert_eq!(cache.get(&name).await.unwrap().unwrap(), "7");
    clock.advance(Duration::from_millis(1));
    assert_eq!(cache.get(&name).await.unwrap(), None);
    assert_eq!(cache.ttl(&name).await.unwrap(), Remaining::Missing);
    assert!(!cache.delete(&name).await.unwrap());
    assert_eq!(cache.take(&name).await.unwrap(), None);
    assert!(!cache.expire(&name, Ttl::Never, Condition::Always).await.unwrap());
    assert_eq!(cache.increment(&name, 1, HOUR.into()).await.unwrap(), 1);
    clock.advance(HOUR);
    assert!(cache.set(&name, "b".into(), soon.when(Condition::Absent)).await.unwrap().is_stored());
}

#[tokio::test]
async fn the_sweep_removes_what_expired() {
    let Fixture { cache, clock, directory: _directory } = Fixture::new().await;
    for index in 0..600 {
        let options = SetOptions::new(Duration::from_secs(1 + index % 3));
        put(&cache, &key(&index.to_string()), "v", options).await;
    }
    put(&cache, &key("kept"), "v", SetOptions::new(HOUR)).await;
    for _ in 0..200 {
        clock.advance(Duration::from_secs(11));
        if cache.stats().await.unwrap().entries == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{:?}", cache.stats().await.unwrap());
}

#[tokio::test]
async fn conditions_are_judged_on_the_head_of_long_values_too() {
    let Fixture { cache, clock: _, directory: _directory } = Fixture::new().await;
    let name = key("a");
    let version = |text: &str| Condition::StartsWith(Prefix::new(text.as_bytes()).unwrap());
    let mut long = b"version-1...".to_vec();
    long.resize(100_000, 7);
    put(&cache, &name, long.clone(), stay()).await;
    let refused = cache.set(&name, "x".into(), stay().when(version("version-2"))).await.unwrap();
    assert_eq!(refused, SetOutcome::Refused { standing: Some(long[..256].to_vec().into()) });
    assert!(!cache.delete_if(&name, version("version-2")).await.unwrap());
    assert!(cache.expire(&name, HOUR.into(), version("version-1")).await.unwrap());
    assert_eq!(cache.get(&name).await.unwrap().unwrap(), long);
    assert!(
        cache.set(&name, "y".into(), stay().when(version("version-1"))).await.unwrap().is_stored()
    );
    assert_eq!(cache.take(&name).await.unwrap().unwrap(), "y");
    let nothing = cache.set(&name, "z".into(), stay().when(Condition::Present)).await.unwrap();
    assert_eq!(nothing, SetOutcome::Refused { standing: None });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn absent_has_one_winner() {
    let Fixture { cache, clock: _, directory: _directory } = Fixture::new().await;
    let cache = Arc::new(cache);
    for round in 0..50 {
        let tasks = (0..8).map(|task| {
            let cache = Arc::clone(&cache);
            tokio::spawn(async move {
                let options = stay().when(Condition::Absent);
                let value = Bytes::from(vec![task; 10 + usize::from(task) * 9_000]);
                cache.set(&key(&round.to_string()), value, options).await.unwrap().is_stored()
            })
        });
        let tasks: Vec<_> = tasks.collect();
        let mut winners = 0;
        for task in tasks {
            winners += usize::from(task.await.unwrap());
        }
        assert_eq!(winners, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_of_a_long_value_sees_one_version_whole() {
    let Fixture { cache, clock: _, directory: _directory } = Fixture::new().await;
    let cache = Arc::new(cache);
    let name = key("long");
    put(&cache, &name, vec![0; 200_000], stay()).await;
    let writer = {
        let cache = Arc::clone(&cache);
        let name = name.clone();
        tokio::spawn(async move {
            for version in 1..60u8 {
                let value = vec![version; 150_000 + usize::from(version) * 1_000];
                put(&cache, &name, value, stay()).await;
            }
        })
    };
    while !writer.is_finished() {
        let value = cache.get(&name).await.unwrap().expect("it always stands");
        assert!(value.iter().all(|byte| *byte == value[0]), "two versions in one value");
    }
    writer.await.unwrap();
    assert_eq!(cache.stats().await.unwrap().damaged, 0);
}

#[tokio::test]
async fn increment_keeps_its_rules() {
    let Fixture { cache, clock: _, directory: _directory } = Fixture::new().await;
    let name = key("counter");
    assert_eq!(cache.increment(&name, 5, HOUR.into()).await.unwrap(), 5);
    assert_eq!(cache.increment(&name, -7, Ttl::Never).await.unwrap(), -2);
    assert_eq!(cache.ttl(&name).await.unwrap(), Remaining::For(HOUR));
    let zero = cache.increment(&name, 1, Duration::ZERO.into()).await.unwrap_err();
    assert!(matches!(zero, Error::InvalidArgument { .. }));
    put(&cache, &name, "9223372036854775807", stay()).await;
    assert!(matches!(cache.increment(&name, 1, Ttl::Never).await, Err(Error::Overflow { .. })));
    put(&cache, &name, "01", stay()).await;
    assert!(matches!(cache.increment(&name, 1, Ttl::Never).await, Err(Error::NotANumber { .. })));
    assert_eq!(cache.get(&name).await.unwrap().unwrap(), "01");
}

#[tokio::test]
async fn clear_reaches_descendants_and_not_siblings_and_scan_agrees() {
    let Fixture { cache, clock: _, directory: _directory } = Fixture::new().await;
    let users = Namespace::new("users").unwrap();
    let others = ["users2", "user", "users.x"].map(|name| Namespace::new(name).unwrap());
    let within = [users.clone(), users.child("eu").unwrap(), users.reserved("tag").unwrap()];
    for namespace in within.iter().chain(&others) {
        for index in 0..300 {
            let name = namespace.key(format!("{index}:/*")).unwrap();
            put(&cache, &name, "v", stay()).await;
        }
    }
    let listed: Vec<Key> = cache.scan().unwrap().keys(&users).try_collect().await.unwrap();
    assert_eq!(listed.len(), 900);
    assert!(listed.iter().all(|key| key.is_within(&users)));
    cache.clear(&users).await.unwrap();
    assert_eq!(cache.scan().unwrap().keys(&users).count().await, 0);
    for namespace in &others {
        assert_eq!(cache.scan().unwrap().keys(namespace).count().await, 300);
    }
    assert_eq!(cache.stats().await.unwrap().entries, 900);
}

#[tokio::test]
async fn bulk_calls_keep_order_and_allow_duplicates() {
    let Fixture { cache, clock: _, directory: _directory } = Fixture::new().await;
    let (a, b) = (key("a"), key("b"));
    let item = |key: &Key, value: &'static str, options| SetItem {
        key: key.clone(),
        value: Bytes::from_static(value.as_bytes()),
        options,
    };
    let absent = stay().when(Condition::Absent);
    let outcomes = cache
        .set_many(vec![item(&a, "1", absent), item(&a, "2", absent), item(&b, "3", stay())])
        .await
        .unwrap();
    assert_eq!(outcomes.iter().map(SetOutcome::is_stored).collect::<Vec<_>>(), [true, false, true]);
    let values = cache.get_many(&[b.clone(), key("c"), a.clone(), b.clone()]).await.unwrap();
    let values: Vec<_> = values.iter().map(Option::as_deref).collect();
    assert_eq!(values, [Some(&b"3"[..]), None, Some(b"1"), Some(b"3")]);
    assert_eq!(cache.delete_many(&[a.clone(), a, b]).await.unwrap(), 2);
    assert!(cache.get_many(&[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn changes_are_reported_and_removed_entries_too() {
    let Fixture { cache, clock: _, directory: _directory } = Fixture::new().await;
    let namespace = Namespace::new("n").unwrap();
    let mut changes =
        cache.watch().unwrap().changes(std::slice::from_ref(&namespace)).await.unwrap();
    let name = key("a");
    put(&cache, &name, "v", stay()).await;
    cache.expire(&name, HOUR.into(), Condition::Always).await.unwrap();
    cache.delete(&name).await.unwrap();
    cache.clear(&namespace).await.unwrap();
    for _ in 0..3 {
        assert_eq!(changes.next().await, Some(Change::Entry(name.clone())));
    }
    assert_eq!(changes.next().await, Some(Change::Namespace(namespace)));
    drop(cache);
    assert_eq!(changes.next().await, None);
}

#[tokio::test]
async fn what_says_that_someone_is_at_work_is_dropped_at_the_opening() {
    let fixture = Fixture::new().await;
    put(&fixture.cache, &key("lease"), "LE1 me", stay()).await;
    put(&fixture.cache, &key("value"), "VA1 it", stay()).await;
    let Fixture { cache, clock, directory } = fixture;
    drop(cache);
    let cache = SledCache::builder(directory.path())
        .clock(Arc::new(clock))
        .drop_at_open(Prefix::new(b"LE1").unwrap())
        .open()
        .await
        .unwrap();
    assert_eq!(cache.get(&key("lease")).await.unwrap(), None);
    assert_eq!(cache.get(&key("value")).await.unwrap().unwrap(), "VA1 it");
}

#[tokio::test]
async fn the_bound_evicts_what_was_not_used() {
    let (clock, directory) = (TestClock::new(), tempfile::tempdir().unwrap());
    let cache = SledCache::builder(directory.path())
        .clock(Arc::new(clock.clone()))
        .max_bytes(4 << 20)
        .open()
        .await
        .unwrap();
    let wanted = key("wanted");
    put(&cache, &wanted, "v", stay()).await;
    for index in 0..2_000 {
        clock.advance(Duration::from_millis(100));
        put(&cache, &key(&index.to_string()), vec![1; 4096], stay()).await;
        assert_eq!(cache.get(&wanted).await.unwrap().as_deref(), Some(&b"v"[..]), "{index}");
        let held = cache.stats().await.unwrap().bytes;
        assert!(held < (2 << 20) * 5 / 4, "{held} bytes are held");
    }
    assert_eq!(cache.get(&key("0")).await.unwrap(), None);
    assert!(cache.get(&key("1999")).await.unwrap().is_some());
    assert!(clock.is_real() || cache.stats().await.unwrap().entries > 300);
}
