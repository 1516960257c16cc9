use std::sync::Arc;

use backend_memory::MemoryCache;
use cache_api::{
    Cache, Change, Condition, Error, Key, Namespace, Op, Result, SetItem, SetOptions, SetOutcome,
    Ttl,
};
use futures_util::{FutureExt, StreamExt, future::join_all};
use tokio::task::JoinHandle;

use super::*;

fn namespace() -> Namespace {
    Namespace::new("n").unwrap()
}

fn key(user: &str) -> Key {
    namespace().key(user).unwrap()
}

fn scripted() -> Scripted {
    Scripted::new(Arc::new(MemoryCache::new()))
}

async fn put(store: &impl Cache, user: &str) -> Result<SetOutcome> {
    let once = SetOptions::new(Ttl::Never).when(Condition::Absent);
    store.set(&key(user), "v".into(), once).await
}

fn putting(store: &Scripted, user: &'static str) -> JoinHandle<Result<SetOutcome>> {
    let store = store.clone();
    tokio::spawn(async move { put(&store, user).await })
}

/// Whether it really stands there.
async fn stands(store: &Arc<dyn Cache>, user: &str) -> bool {
    store.get(&key(user)).await.unwrap().is_some()
}

async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_held_call_is_applied_when_it_is_released() {
    let store = scripted();
    let gate = store.hold(Op::Set);
    let held = putting(&store, "held");
    gate.arrived().await;
    assert!(put(&store, "next").await.unwrap().is_stored(), "only one is held");
    settle().await;
    assert!(!stands(store.store(), "held").await && !held.is_finished());
    gate.release();
    assert!(held.await.unwrap().unwrap().is_stored());
    assert!(stands(store.store(), "held").await);
}

#[tokio::test]
async fn a_held_reply_is_of_a_call_that_stands() {
    let store = scripted();
    let gate = store.hold_reply(Op::Set);
    let held = putting(&store, "held");
    gate.arrived().await;
    assert!(stands(store.store(), "held").await);
    settle().await;
    assert!(!held.is_finished());
    drop(gate);
    assert!(held.await.unwrap().unwrap().is_stored());
}

#[tokio::test]
async fn who_gives_up_takes_no_request_back() {
    for frozen in [false, true] {
        let store = scripted();
        let gate = (!frozen).then(|| store.hold(Op::Set));
        if frozen {
            store.freeze();
        }
        let mut abandoned = Box::pin(put(&store, "k"));
        assert!((&mut abandoned).now_or_never().is_none());
        drop(abandoned);
        settle().await;
        assert!(!stands(store.store(), "k").await);
        drop(gate);
        store.thaw();
        settle().await;
        assert!(stands(store.store(), "k").await);
    }
}

#[tokio::test]
async fn what_is_lost_or_late_is_unknown_to_its_caller() {
    let store = scripted();
    store.lose_request(Op::Set);
    store.lose_reply(Op::Set);
    let late = store.late(Op::Set);
    for (user, applied) in [("request", false), ("reply", true), ("late", false)] {
        assert!(put(&store, user).await.unwrap_err().may_have_applied());
        assert_eq!(stands(store.store(), user).await, applied, "{user}");
    }
    late.arrived().await;
    assert_eq!(late.land().await.unwrap(), 1);
    assert!(stands(store.store(), "late").await);
    assert_eq!(late.land().await.unwrap(), 0, "it lands once");

    store.lose_reply(Op::Get);
    assert!(!store.get(&key("reply")).await.unwrap_err().may_have_applied());
}

#[tokio::test]
async fn a_failure_is_the_one_that_was_given_and_changes_nothing() {
    let store = scripted();
    store.fail(Op::Set, Error::NotANumber { backend: "that one" });
    let error = put(&store, "k").await.unwrap_err();
    assert!(matches!(error, Error::NotANumber { backend: "that one" }));
    assert!(!stands(store.store(), "k").await);
}

#[tokio::test]
async fn a_duplicate_is_applied_after_the_first() {
    let store = scripted();
    store.twice(Op::Increment);
    let counter = key("counter");
    assert_eq!(store.increment(&counter, 1, Ttl::Never).await.unwrap(), 1);
    assert_eq!(store.increment(&counter, 1, Ttl::Never).await.unwrap(), 3);
}

#[tokio::test]
async fn directions_are_for_calls_that_fit_in_order_and_in_number() {
    let store = scripted();
    store.lose_request(on(Op::Set).key(|key| key.user() == b"b").times(2));
    store.lose_request(on([Op::DeleteMany, Op::Clear]).times(2));
    assert!(put(&store, "a").await.is_ok());
    for lost in [true, true, false] {
        assert_eq!(put(&store, "b").await.is_err(), lost);
    }
    assert!(store.clear(&namespace()).await.is_err());
    assert!(store.delete_many(&[key("a")]).await.is_err());
    assert_eq!(store.delete_many(&[key("a")]).await.unwrap(), 1);

    store.lose_request(Calls::all().always());
    for _ in 0..10 {
        assert!(store.ttl(&key("a")).await.is_err());
    }
    store.forget();
    assert!(store.ttl(&key("a")).await.is_ok());
}

#[tokio::test]
async fn a_key_is_enough_of_a_bulk_call() {
    let store = scripted();
    let item =
        |user| SetItem { key: key(user), value: "v".into(), options: SetOptions::new(Ttl::Never) };
    store.lose_request(on(Op::SetMany).key(|key| key.user() == b"b"));
    assert!(store.set_many(vec![item("a"), item("c")]).await.is_ok());
    assert!(store.set_many(vec![item("a"), item("b")]).await.is_err());
    store.lose_request(on(Op::Clear).key(|key| key.is_within(&namespace())));
    assert!(store.clear(&Namespace::new("other").unwrap()).await.is_ok());
    assert!(store.clear(&namespace()).await.is_err());
}

#[tokio::test]
async fn every_operation_is_counted_and_can_be_held_up() {
    let store = scripted();
    store.down();
    let (at, always) = (key("k"), Condition::Always);
    let failed = [
        (Op::Get, store.get(&at).await.is_err()),
        (Op::Set, put(&store, "k").await.is_err()),
        (Op::DeleteIf, store.delete_if(&at, always).await.is_err()),
        (Op::Take, store.take(&at).await.is_err()),
        (Op::Ttl, store.ttl(&at).await.is_err()),
        (Op::Expire, store.expire(&at, Ttl::Never, always).await.is_err()),
        (Op::Increment, store.increment(&at, 1, Ttl::Never).await.is_err()),
        (Op::Clear, store.clear(&namespace()).await.is_err()),
        (Op::GetMany, store.get_many(&[]).await.is_err()),
        (Op::SetMany, store.set_many(vec![]).await.is_err()),
        (Op::DeleteMany, store.delete_many(&[]).await.is_err()),
    ];
    assert_eq!(failed, Op::ALL.map(|op| (op, true)));
    assert_eq!(store.log().into_iter().map(|(op, _)| op).collect::<Vec<_>>(), Op::ALL);
    store.up();
    assert!(!store.delete(&at).await.unwrap());
    assert_eq!(Op::ALL.map(|op| store.calls(op)), [1, 1, 2, 1, 1, 1, 1, 1, 1, 1, 1]);
    store.clear_log();
    assert_eq!(store.calls(Op::Get), 0);

    store.freeze();
    let waiting = putting(&store, "k");
    store.called(Op::Set, 1).await;
    settle().await;
    assert!(!waiting.is_finished());
    store.thaw();
    assert!(waiting.await.unwrap().unwrap().is_stored());
}

#[tokio::test]
async fn what_is_not_called_passes() {
    let store = scripted();
    let changes = store.watch().unwrap().changes(&[namespace()]).await.unwrap();
    let late = store.late(Op::Set);
    assert!(put(&store, "k").await.is_err());
    assert_eq!(store.scan().unwrap().keys(&namespace()).count().await, 0);
    late.land().await.unwrap();
    assert_eq!(store.scan().unwrap().keys(&namespace()).count().await, 1);
    assert_eq!(changes.take(1).collect::<Vec<_>>().await, [Change::Entry(key("k"))]);
}

/// Many writes of a store with a fifth of every fault, and what became of each.
async fn storm(seed: u64) -> (Vec<bool>, Struck) {
    let odds = Odds { delayed: 0.0, answer_delayed: 0.0, ..Odds::each(0.2) };
    let store = Arc::new(MemoryCache::new());
    let store = Faulty::builder(store).seed(seed).writes(odds).a_while(std::time::Duration::ZERO);
    let store = store.build();
    let users: Vec<_> = (0..500).map(|n| n.to_string()).collect();
    let calls = join_all(users.iter().map(|user| put(&store, user))).await;
    let unknown = calls.iter().filter(|call| call.as_ref().is_err_and(Error::may_have_applied));
    let unknown = unknown.count() as u64;
    store.landed().await;
    let struck = store.struck();
    let stand = join_all(users.iter().map(|user| stands(store.store(), user))).await;
    let lost = stand.iter().filter(|&&stands| !stands).count() as u64;
    assert_eq!(struck.requests_lost + struck.replies_lost + struck.late, unknown);
    assert_eq!(struck.failed + struck.requests_lost, lost);

    store.switch(false);
    store.clear(&namespace()).await.unwrap();
    assert!(join_all(users.iter().map(|user| put(&store, user))).await.iter().all(Result::is_ok));
    (stand, struck)
}

#[tokio::test]
async fn chance_does_what_it_counts_and_the_same_again_for_the_same_seed() {
    let (stand, struck) = storm(1).await;
    for count in [struck.failed, struck.requests_lost, struck.replies_lost, struck.late] {
        assert!((50..150).contains(&count), "{struck:?}");
    }
    assert_eq!(storm(1).await, (stand.clone(), struck));
    assert_ne!(storm(2).await.0, stand);
}

#[tokio::test]
async fn a_delay_and_a_late_landing_are_judged_by_the_clock() {
    let clock = cache_api::TestClock::new();
    let minute = std::time::Duration::from_secs(60);
    let builder = Faulty::builder(Arc::new(MemoryCache::new())).clock(Arc::new(clock.clone()));
    let odds = Odds { late: 1.0, delayed: 1.0, ..Odds::NONE };
    let store = builder.a_while(minute).writes(odds).build();
    let mut delayed = Box::pin(put(&store, "k"));
    assert!((&mut delayed).now_or_never().is_none());
    clock.advance(minute);
    assert!(delayed.await.unwrap_err().may_have_applied());
    settle().await;
    assert!(!stands(store.store(), "k").await);
    clock.advance(minute);
    store.landed().await;
    assert!(stands(store.store(), "k").await);
    assert!(store.get(&key("k")).now_or_never().is_some(), "reads have odds of their own");
}
