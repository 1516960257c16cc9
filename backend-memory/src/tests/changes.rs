use cache_api::{Change, ChangeStream, Condition, Prefix};
use futures_util::{FutureExt, StreamExt};

use super::*;

async fn watch(cache: &MemoryCache, namespaces: &[&str]) -> ChangeStream {
    let namespaces: Vec<_> = namespaces.iter().copied().map(namespace).collect();
    cache.watch().unwrap().changes(&namespaces).await.unwrap()
}

fn reported(changes: &mut ChangeStream) -> Vec<Change> {
    let mut all = Vec::new();
    // Unconstrained: else tokio pauses a task that received much.
    while let Some(Some(change)) = tokio::task::unconstrained(changes.next()).now_or_never() {
        all.push(change);
    }
    all
}

#[tokio::test]
async fn every_kind_of_change_is_reported_and_nothing_else() {
    let (cache, clock) = with_clock();
    let mut changes = watch(&cache, &["test"]).await;
    let (k, entry) = (key("k"), vec![Change::Entry(key("k"))]);
    let never = SetOptions::new(Ttl::Never);
    let other = Condition::StartsWith(Prefix::new(b"other").unwrap());

    put(&cache, &k, "1", SECOND).await;
    assert_eq!(reported(&mut changes), entry);
    cache.increment(&k, 1, Ttl::Never).await.unwrap();
    assert_eq!(reported(&mut changes), entry);
    cache.expire(&k, Ttl::Never, Condition::Always).await.unwrap();
    assert_eq!(reported(&mut changes), entry);
    cache.take(&k).await.unwrap();
    assert_eq!(reported(&mut changes), entry);
    let items = cache_api::SetItem { key: k.clone(), value: "1".into(), options: never };
    cache.set_many(vec![items.clone(), items]).await.unwrap();
    assert_eq!(reported(&mut changes), [entry.clone(), entry.clone()].concat());
    cache.delete_many(std::slice::from_ref(&k)).await.unwrap();
    assert_eq!(reported(&mut changes), entry);

    put(&cache, &k, "1", SECOND).await;
    reported(&mut changes);
    assert!(!cache.set(&k, "2".into(), never.when(other)).await.unwrap().is_stored());
    assert!(!cache.delete_if(&k, other).await.unwrap());
    assert!(!cache.expire(&k, Ttl::Never, other).await.unwrap());
    clock.advance(SECOND);
    assert_eq!(cache.get(&k).await.unwrap(), None);
    put(&cache, &namespace("test/child").key("k").unwrap(), "", Ttl::Never).await;
    assert_eq!(reported(&mut changes), []);
}

/// A full cache throws out what was not used for longest, and tells nobody.
#[tokio::test]
async fn a_removal_is_reported_although_the_entry_was_thrown_out_before() {
    let cache = MemoryCache::builder().max_bytes(0).build();
    let k = key("k");
    put(&cache, &k, "1", Ttl::Never).await;
    let mut changes = watch(&cache, &["test"]).await;
    for n in 0..100 {
        put(&cache, &namespace("other").key(n.to_string()).unwrap(), "", Ttl::Never).await;
    }
    cache.store().map.run_pending_tasks();
    assert_eq!((cache.get(&k).await.unwrap(), reported(&mut changes)), (None, vec![]));
    assert!(!cache.delete(&k).await.unwrap());
    assert_eq!(reported(&mut changes), [Change::Entry(k.clone())]);
    assert_eq!(cache.delete_many(std::slice::from_ref(&k)).await.unwrap(), 0);
    assert_eq!(reported(&mut changes), [Change::Entry(k)]);
}

#[tokio::test]
async fn a_clear_of_an_ancestor_is_reported_even_when_given_up() {
    let cache = MemoryCache::new();
    let mut changes = watch(&cache, &["a/b"]).await;
    cache.clear(&namespace("a/b/c")).await.unwrap();
    cache.clear(&namespace("a2")).await.unwrap();
    assert_eq!(reported(&mut changes), []);
    cache.clear(&namespace("a")).await.unwrap();
    assert_eq!(reported(&mut changes), [Change::Namespace(namespace("a"))]);

    for n in 0..1000 {
        put(&cache, &namespace("a/b").key(n.to_string()).unwrap(), "", Ttl::Never).await;
    }
    reported(&mut changes);
    assert!(cache.clear(&namespace("a/b")).now_or_never().is_none(), "it yields");
    assert!(held(&cache) < 1000);
    assert_eq!(reported(&mut changes), [Change::Namespace(namespace("a/b"))]);
}

#[tokio::test]
async fn a_slow_watcher_loses_its_stream_and_no_change_before() {
    let cache = MemoryCache::new();
    let mut slow = watch(&cache, &["test"]).await;
    let mut quiet = watch(&cache, &["elsewhere"]).await;
    for n in 0..10_000 {
        put(&cache, &key(n), "", Ttl::Never).await;
    }
    let mut expected = 0;
    while let Some(change) = slow.next().await {
        assert_eq!(change, Change::Entry(key(expected)));
        expected += 1;
    }
    assert!(expected < 10_000);
    assert!(quiet.next().now_or_never().is_none(), "it goes on");
    drop(cache);
    assert_eq!(quiet.next().await, None);
}

/// Whoever reads after the report of a write finds it, or a later one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_readable_when_it_is_reported() {
    let cache = Arc::new(MemoryCache::new());
    let mut changes = watch(&cache, &["test"]).await;
    let writer = Arc::clone(&cache);
    let writes = tokio::spawn(async move {
        for n in 0..4000_u32 {
            put(&writer, &key("k"), n.to_string(), Ttl::Never).await;
        }
    });
    for n in 0..4000_u32 {
        changes.next().await.unwrap();
        let value = cache.get(&key("k")).await.unwrap().unwrap();
        let value: u32 = std::str::from_utf8(&value).unwrap().parse().unwrap();
        assert!(value >= n, "{value} after report {n}");
    }
    writes.await.unwrap();
}
