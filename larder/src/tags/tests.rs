//! Tags by themselves: their names, what they are, and who agrees on it.

use std::sync::Arc;

use backend_memory::MemoryCache;
use bytes::Bytes;
use cache_api::{Cache, Key, Namespace, Op, SetOptions, Ttl};
use futures_util::future::join_all;
use integration_tests::faults::{Calls, Scripted, on};

use super::*;
use crate::{
    ToKey,
    envelope::{Kind, Mark, Stamp, TagState},
    switches::Switches,
};

fn namespace() -> Namespace {
    Namespace::new("n").unwrap()
}

fn name(tag: &str) -> TagName {
    TagName::new(tag).unwrap()
}

fn key(tag: &str) -> Key {
    View::keys(&namespace(), &[name(tag)]).unwrap().remove(0)
}

fn store() -> Scripted {
    Scripted::new(Arc::new(MemoryCache::new()))
}

async fn create(store: &Scripted, tag: &str) -> TagState {
    ensure(store, &namespace(), &name(tag)).await.unwrap()
}

async fn seen(store: &Scripted, tag: &str) -> Option<TagState> {
    TagState::parse(&store.store().get(&key(tag)).await.unwrap()?)
}

async fn judged(store: &Scripted, marks: &[Mark]) -> Verdict {
    let view = View::read(store, &namespace(), &View::default().unknown(marks)).await.unwrap();
    view.judge(marks)
}

async fn invalidated(store: &Scripted, tag: &str, soft: bool) {
    invalidate(store, &namespace(), &[name(tag)], soft, Switches::default()).await.unwrap();
}

fn mark(tag: &str, seen: TagState) -> Mark {
    Mark { name: name(tag).as_bytes().clone(), seen }
}

#[test]
fn no_name_that_a_user_gives_is_that_of_the_generation() {
    fn differs(tag: impl ToKey) {
        assert_ne!(TagName::new(tag).unwrap(), TagName::GENERATION);
    }
    differs("\\*");
    differs("*");
    differs(b"\\*");
    differs(&b"\\*"[..]);
    differs(String::from("\\*"));
    differs(Bytes::from_static(b"\\*"));
    differs(Some("*"));
    differs(None::<&str>);
    differs(("\\*",));
    differs(("*", 1));
    differs('*');
}

#[test]
fn a_mistake_in_a_name_is_told_when_it_is_used() {
    assert!(TagName::new("x".repeat(Mark::MAX_NAME)).is_ok());
    assert!(TagName::new("x".repeat(Mark::MAX_NAME + 1)).is_err());
    let mut names = TagNames::default();
    assert!(names.is_empty() && names.get().unwrap().is_empty());
    for tag in 0..Mark::MAX {
        names.add(tag);
        names.add(tag);
    }
    assert_eq!(names.get().unwrap().len(), Mark::MAX, "each once");
    names.add("one more");
    assert!(names.get().is_err());
    let mut names = TagNames::default();
    names.add("x".repeat(300));
    assert!(!names.is_empty() && names.get().is_err());
}

#[tokio::test]
async fn all_who_create_a_tag_agree_on_it() {
    let store = store();
    let gate = store.hold(on(Op::Set).times(10));
    let creating = tokio::spawn({
        let store = store.clone();
        async move { join_all((0..10).map(|_| create(&store, "t"))).await }
    });
    gate.arrived_times(10).await;
    gate.release();
    let states = creating.await.unwrap();
    assert!(states.iter().all(|state| *state == states[0]));
    assert_eq!(seen(&store, "t").await, Some(states[0]));
}

#[tokio::test]
async fn what_stands_at_its_key_and_is_no_tag_makes_way() {
    let tag = TagState::random().to_record();
    let foreign =
        ["", "x", "what another program wrote"].map(|text| Bytes::from_static(text.as_bytes()));
    let damaged = [tag.slice(..tag.len() - 1), [&tag[..], b"x"].concat().into()];
    let other = Bytes::copy_from_slice(&Stamp::new(Kind::Lease).to_bytes());
    for found in foreign.into_iter().chain(damaged).chain([other]) {
        let store = store();
        let put = store.store().set(&key("t"), found, SetOptions::new(Ttl::Never)).await;
        assert!(put.unwrap().is_stored());
        assert_eq!(judged(&store, &[mark("t", TagState::random())]).await, Verdict::Dead);
        let state = create(&store, "t").await;
        assert_eq!(seen(&store, "t").await, Some(state));
    }
}

#[tokio::test]
async fn a_mark_holds_as_long_as_its_tag_is_as_it_was() {
    let store = store();
    let (t, u) = (create(&store, "t").await, create(&store, "u").await);
    let (t, u) = (mark("t", t), mark("u", u));
    let both = [t.clone(), u.clone()];
    assert_eq!(judged(&store, &both).await, Verdict::Holds);
    assert_eq!(View::default().judge(&both), Verdict::Dead, "nothing was read");

    invalidated(&store, "u", true).await;
    assert_eq!(judged(&store, &both).await, Verdict::Soft);
    assert_eq!(judged(&store, std::slice::from_ref(&t)).await, Verdict::Holds);
    // Softly again: it is no more than that.
    invalidated(&store, "u", true).await;
    assert_eq!(judged(&store, &both).await, Verdict::Soft);

    invalidated(&store, "t", false).await;
    assert_eq!(judged(&store, &both).await, Verdict::Dead);
    // One that comes back is another one.
    let again = create(&store, "t").await;
    assert_eq!(judged(&store, &both).await, Verdict::Dead);
    assert_eq!(judged(&store, &[mark("t", again)]).await, Verdict::Holds);
    // Nothing is known of it: softly or not, what was made under it is dead.
    assert!(store.store().delete(&key("t")).await.unwrap());
    invalidated(&store, "t", true).await;
    assert_eq!(judged(&store, &[mark("t", again)]).await, Verdict::Dead);
}

/// A soft invalidation that lands late, after a hard one.
#[tokio::test]
async fn a_soft_invalidation_takes_no_hard_one_back() {
    let store = store();
    let before = mark("t", create(&store, "t").await);
    let held = store.hold(on(Op::Set).key(|at| *at == key("t")));
    let soft = tokio::spawn({
        let store = store.clone();
        async move { invalidated(&store, "t", true).await }
    });
    held.arrived().await;
    invalidated(&store, "t", false).await;
    held.release();
    soft.await.unwrap();
    assert_eq!(judged(&store, &[before]).await, Verdict::Dead);
}

#[tokio::test]
async fn a_sequence_holds_until_any_tag_is_invalidated() {
    let store = store();
    let one = Sequence::read(&store, &namespace()).await.unwrap();
    assert_eq!(Sequence::read(&store, &namespace()).await.unwrap(), one);
    assert!(one.holds(&store, &namespace()).await.unwrap());
    for soft in [true, false] {
        let before = Sequence::read(&store, &namespace()).await.unwrap();
        invalidated(&store, "t", soft).await;
        assert!(!before.holds(&store, &namespace()).await.unwrap());
    }
    // Evicted, it has ended.
    let before = Sequence::read(&store, &namespace()).await.unwrap();
    store.store().clear(&namespace()).await.unwrap();
    assert!(!before.holds(&store, &namespace()).await.unwrap());
    assert_ne!(Sequence::read(&store, &namespace()).await.unwrap(), one);
}

#[tokio::test]
async fn an_invalidation_is_two_calls_however_many_tags_there_are() {
    let store = store();
    let names: Vec<_> = (0..100).map(|tag| TagName::new(tag).unwrap()).collect();
    invalidate(&store, &namespace(), &names, false, Switches::default()).await.unwrap();
    assert_eq!(store.log().len(), 2);
    store.lose_reply(Calls::writes());
    let lost = invalidate(&store, &namespace(), &names, false, Switches::default()).await;
    assert!(lost.unwrap_err().may_have_applied());
}
