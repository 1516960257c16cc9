//! Tags: of the call, named by the loader before it asks its source, and after.

use std::sync::Arc;

use cache_api::{Cache as _, Op, SetOptions, Ttl};
use integration_tests::{faults::Calls, steps::settled};
use tokio::task::JoinHandle;

use super::bench::{Bench, Broken, Called, MINUTE, SECOND, Server};
use crate::{
    LoadContext, Loaded, Origin,
    envelope::{Kind, TagState},
    layer::{Retry, Timeout},
    switches::Rule,
    tags::{TagName, View},
};

/// A load whose loader names this tag with its answer.
fn load_late(bench: &Bench, server: &Server, tag: &'static str) -> JoinHandle<Called> {
    let load = bench.source.loader();
    let load = async move || Ok::<_, Broken>(Loaded::new(load().await?).tag(tag));
    tokio::spawn(server.values.get_or_load("k", load).answer().into_future())
}

#[tokio::test]
async fn a_tag_that_is_named_late_does_not_hide_an_invalidation_before_it() {
    let trace = async |bench: Bench| {
        let server = bench.server();
        bench.source.hold();
        let load = load_late(&bench, &server, "t");
        bench.source.asked(1).await;
        bench.source.set(2);
        server.invalidate_tag("t").await;
        bench.source.release();
        let loaded = load.await.unwrap().unwrap();
        (loaded.value, loaded.origin, bench.server().value("k").await)
    };
    assert_eq!(trace(Bench::new()).await, (1, Origin::Uncached, 2));
    assert_eq!(trace(Bench::without(Rule::LateTagsChecked)).await, (1, Origin::Loaded, 1));
}

/// The load ends between the two steps of an invalidation.
#[tokio::test]
async fn an_invalidation_ends_the_sequence_before_it_touches_the_tag() {
    let trace = async |bench: Bench| {
        let server = bench.server();
        // The tag is there.
        assert!(server.values.set("other", &1).tag("t").await.unwrap());
        bench.source.hold();
        let load = load_late(&bench, &server, "t");
        bench.source.asked(1).await;
        bench.source.set(2);
        let first = bench.store.hold(Calls::writes());
        let second = bench.store.hold(Calls::writes());
        let invalidation = tokio::spawn(server.values.invalidate_tag("t").into_future());
        first.arrived().await;
        first.release();
        second.arrived().await;
        bench.source.release();
        let origin = load.await.unwrap().unwrap().origin;
        second.release();
        invalidation.await.unwrap().applied().unwrap();
        (origin, server.value("k").await)
    };
    assert_eq!(trace(Bench::new()).await, (Origin::Uncached, 2));
    assert_eq!(trace(Bench::without(Rule::SequenceBeforeTag)).await, (Origin::Loaded, 1));
}

#[tokio::test]
async fn a_tag_that_is_named_late_is_a_tag() {
    let bench = Bench::new();
    let server = bench.server();
    let loaded = load_late(&bench, &server, "t").await.unwrap().unwrap();
    assert_eq!(loaded.origin, Origin::Loaded);
    bench.source.set(2);
    server.invalidate_tag("another").await;
    assert_eq!(server.value("k").await, 1);
    server.invalidate_tag("t").await;
    assert_eq!(server.values.get("k").await.unwrap(), None);
    assert_eq!(server.value("k").await, 2);
}

#[tokio::test]
async fn a_tag_that_is_named_before_the_source_is_asked_needs_no_sequence() {
    let trace = async |bench: Bench| {
        let server = bench.server();
        let load = bench.source.loader();
        let tagged = |context: LoadContext| async move {
            context.tag("t").await;
            load().await
        };
        bench.source.hold();
        let load = server.values.get_or_load_with("k", tagged).answer();
        let load = tokio::spawn(load.into_future());
        bench.source.asked(1).await;
        bench.source.set(2);
        // Of another tag: the load is kept all the same.
        server.invalidate_tag("another").await;
        server.invalidate_tag("t").await;
        bench.source.release();
        let origin = load.await.unwrap().unwrap().origin;
        assert_eq!(bench.standing("k").await, Some(Kind::Value));
        (origin, server.value("k").await)
    };
    assert_eq!(trace(Bench::new()).await, (Origin::Loaded, 2));
    assert_eq!(trace(Bench::without(Rule::TagsBeforeLoad)).await, (Origin::Loaded, 1));
}

#[tokio::test]
async fn a_tag_that_was_evicted_reads_as_invalidated() {
    let trace = async |bench: Bench| {
        let server = bench.server();
        assert!(server.values.set("k", &1).tag("t").await.unwrap());
        bench.source.set(2);
        let tags = server.values.space().namespace().reserved("tag").unwrap();
        assert!(bench.store.store().delete(&tags.key("t").unwrap()).await.unwrap());
        let got = server.values.get("k").await.unwrap();
        (got, server.value("k").await)
    };
    assert_eq!(trace(Bench::new()).await, (None, 2));
    assert_eq!(trace(Bench::without(Rule::TagsCompared)).await, (Some(1), 1));
}

#[tokio::test]
async fn tags_of_the_call_are_read_with_the_entry() {
    let bench = Bench::new();
    let server = bench.server();
    let values = server.values.clone().tag("t").tag("u");
    values.get_or_load("k", bench.source.loader()).await.unwrap();
    bench.store.clear_log();
    values.get_or_load("k", bench.source.loader()).await.unwrap();
    let ops: Vec<_> = bench.store.log().into_iter().map(|(op, keys)| (op, keys.len())).collect();
    assert_eq!(ops, [(Op::GetMany, 3)]);
    // Another handle does not know them before it has read the entry.
    bench.store.clear_log();
    assert_eq!(server.value("k").await, 1);
    let ops: Vec<_> = bench.store.log().into_iter().map(|(op, keys)| (op, keys.len())).collect();
    assert_eq!(ops, [(Op::Get, 1), (Op::GetMany, 2)]);
}

/// More of them than a record has room for.
#[tokio::test]
async fn what_has_too_many_tags_is_not_kept() {
    let bench = Bench::new();
    let server = bench.server();
    for (tags, kept) in [(255, true), (256, false), (300, false)] {
        let load = bench.source.loader();
        let tagged = move |context: LoadContext| async move {
            for tag in 0..tags {
                context.tag(tag).await;
            }
            load().await
        };
        let answer = server.values.get_or_load_with(tags, tagged).answer().await.unwrap();
        let expected = if kept { Origin::Loaded } else { Origin::Uncached };
        assert_eq!(answer.origin, expected, "{tags}");
        assert_eq!(server.values.get(tags).await.unwrap().is_some(), kept, "{tags}");
    }
    assert_eq!(server.larder.stats().damaged, crate::Damaged::default());
}

/// A layer that had no answer to a plain write sends it again, and between the two somebody else invalidates.
#[tokio::test]
async fn an_invalidation_that_is_repeated_takes_none_back() {
    let bench = Bench::new();
    let retry = Retry::new().clock(Arc::new(bench.clock.clone()));
    let (server, repeating) = (bench.server(), bench.server_with(|builder| builder.layer(retry)));
    server.values.set("other", &1).tag("t").await.unwrap();

    let is_tag = |key: &cache_api::Key| key.namespace().as_str().ends_with("/.tag");
    bench.store.lose_reply(Calls::writes().key(is_tag));
    let again = bench.store.hold(Calls::writes().key(is_tag));
    let invalidation = tokio::spawn(repeating.values.invalidate_tag("t").into_future());
    bench.passing(again.arrived()).await;
    // In between: a value under the tag as the first attempt has left it, a change, an invalidation.
    let values = server.values.clone().tag("t");
    let load = || values.get_or_load("k", bench.source.loader()).into_future();
    assert_eq!(load().await.unwrap(), 1);
    bench.source.set(2);
    server.invalidate_tag("t").await;
    again.release();
    invalidation.await.unwrap().applied().unwrap();
    assert_eq!(load().await.unwrap(), 2);

    // Control: an invalidation that writes a version, the same one twice.
    let tags = View::keys(values.space().namespace(), &[TagName::new("t").unwrap()]).unwrap();
    let version = TagState::random().to_record();
    let write = || bench.store.set(&tags[0], version.clone(), SetOptions::new(Ttl::Never));
    assert!(write().await.unwrap().is_stored());
    assert_eq!(load().await.unwrap(), 2);
    bench.source.set(3);
    server.invalidate_tag("t").await;
    assert!(write().await.unwrap().is_stored());
    assert_eq!(load().await.unwrap(), 2, "what was invalidated is back");
}

/// Frozen while the loader names a tag: the loader has its own time to itself.
#[tokio::test]
async fn a_store_that_does_not_answer_costs_a_loader_that_names_tags_little() {
    let bench = Bench::new();
    let timeout = Timeout::new(MINUTE).clock(Arc::new(bench.clock.clone()));
    let server = bench.server_with(|builder| builder.layer(timeout));
    let values = server.values.clone().hard_timeout(SECOND / 2);
    let (load, store) = (bench.source.loader(), bench.store.clone());
    let tagged = |context: LoadContext| async move {
        store.freeze();
        context.tag("t").await;
        load().await
    };
    let answer = values.get_or_load_with("early", tagged).answer();
    let answer = bench.passing(answer.into_future()).await.unwrap();
    assert_eq!((answer.value, answer.origin), (1, Origin::Uncached));
    bench.store.thaw();
    settled().await;

    let (load, store) = (bench.source.loader(), bench.store.clone());
    let late = async move || {
        store.freeze();
        Ok::<_, Broken>(Loaded::new(load().await?).tag("t"))
    };
    let begun = cache_api::Clock::now(&bench.clock);
    let answer = bench.passing(values.get_or_load("late", late).answer().into_future()).await;
    let answer = answer.unwrap();
    assert_eq!((answer.value, answer.origin), (1, Origin::Uncached));
    assert!(cache_api::Clock::now(&bench.clock) - begun <= SECOND);
    bench.store.thaw();
    settled().await;
    assert!(server.is_idle());
}
