use backend_memory::MemoryCache;
use cache_api::{Cache, Clock, Key, SetOptions, TestClock, Ttl};
use futures_util::FutureExt;

use super::*;

fn namespace() -> Namespace {
    Namespace::new("n").unwrap()
}

fn scripted() -> Scripted {
    Scripted::new(Arc::new(MemoryCache::new()))
}

async fn put(store: &Scripted, user: &str) -> Key {
    let key = namespace().key(user).unwrap();
    assert!(store.set(&key, "v".into(), SetOptions::new(Ttl::Never)).await.unwrap().is_stored());
    key
}

async fn watch(store: &Scripted) -> Result<ChangeStream> {
    store.watch().expect("it can be watched").changes(&[namespace()]).await
}

fn next(changes: &mut ChangeStream) -> Option<Option<Change>> {
    changes.next().now_or_never()
}

#[tokio::test]
async fn what_is_held_comes_in_order_when_it_is_released() {
    let (store, clock) = (scripted(), TestClock::new());
    let mut changes = watch(&store).await.unwrap();
    store.reports().hold();
    let first = put(&store, "first").await;
    store.reports().beat(clock.now());
    // More than the store underneath would keep for somebody who does not read.
    for _ in 0..10_000 {
        put(&store, "more").await;
        assert_eq!(next(&mut changes), None);
        tokio::task::yield_now().await;
    }
    store.reports().release();
    assert_eq!(next(&mut changes), Some(Some(Change::Entry(first))));
    let rest = changes.by_ref().take(10_001).collect::<Vec<_>>().await;
    let beats = rest.iter().filter(|change| **change == Change::Beat { sent: clock.now() });
    assert_eq!(beats.count(), 1);
    assert_eq!(next(&mut changes), None);
}

#[tokio::test]
async fn a_cut_ends_what_is_under_way_and_nothing_else() {
    let store = scripted();
    for held in [false, true] {
        let mut changes = watch(&store).await.unwrap();
        put(&store, "lost").await;
        if held {
            store.reports().hold();
        }
        store.reports().cut();
        assert_eq!(next(&mut changes), Some(None));
        store.reports().release();
        let mut changes = watch(&store).await.unwrap();
        let key = put(&store, "told").await;
        assert_eq!(next(&mut changes), Some(Some(Change::Entry(key))));
    }
}

#[tokio::test]
async fn who_may_not_watch_is_told_so() {
    let store = scripted();
    let denied = || Error::PermissionDenied {
        backend: "that one",
        operation: "watch",
        reason: "no".into(),
        source: None,
    };
    let mut changes = watch(&store).await.unwrap();
    store.reports().refuse(denied());
    assert!(matches!(
        watch(&store).await,
        Err(Error::PermissionDenied { backend: "that one", .. })
    ));
    store.reports().withdraw();
    assert!(store.watch().is_none());
    store.reports().allow();
    store.down();
    assert!(watch(&store).await.is_err_and(|error| error.is_unavailable()));
    store.up();
    assert!(watch(&store).await.is_ok());
    let key = put(&store, "k").await;
    assert_eq!(next(&mut changes), Some(Some(Change::Entry(key))), "it was armed before");
}

#[tokio::test]
async fn whether_it_is_shared_is_what_it_says() {
    assert!(!scripted().capabilities().shared && scripted().shared().capabilities().shared);
}

#[tokio::test]
async fn a_watch_is_armed_when_its_gate_opens() {
    let store = scripted();
    let gate = store.reports().hold_arming();
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { watch(&store).await.unwrap() }
    });
    gate.arrived().await;
    put(&store, "before").await;
    assert!(store.reports().watched().is_empty());
    drop(gate);
    store.reports().armed(1).await;
    let mut changes = waiting.await.unwrap();
    let key = put(&store, "after").await;
    assert_eq!(next(&mut changes), Some(Some(Change::Entry(key))));
    assert_eq!(store.reports().watched(), [[namespace()]]);
}

#[tokio::test]
async fn what_was_taken_can_be_waited_for() {
    let store = scripted();
    store.reports().delivered().await; // nobody watches
    let (mut changes, seen) = (watch(&store).await.unwrap(), Arc::<AtomicBool>::default());
    let reader = tokio::spawn({
        let seen = Arc::clone(&seen);
        async move {
            while changes.next().await.is_some() {
                seen.store(true, SeqCst);
            }
        }
    });
    store.reports().delivered().await;
    put(&store, "k").await;
    assert!(!seen.load(SeqCst), "the reader has not run yet");
    store.reports().delivered().await;
    assert!(seen.load(SeqCst));
    store.reports().cut();
    reader.await.unwrap();
}
