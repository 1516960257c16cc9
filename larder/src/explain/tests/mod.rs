//! Each thing that can stand at a key, and what is said of it.

mod hostile;
mod loads;
mod streams;
mod survey;

use std::{sync::Arc, time::Duration};

use backend_memory::MemoryCache;
use cache_api::{Cache, Key, Op, Remaining, SetOptions, TestClock, Ttl};
use integration_tests::faults::Scripted;

use super::*;
use crate::{Larder, ReadToken, Space, codec::Json, envelope::Kind};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// A space on a store whose calls are logged, and the clock of both.
struct Fixture {
    clock: TestClock,
    store: Scripted,
    space: Space,
}

fn fixture() -> Fixture {
    let clock = TestClock::new();
    let memory = MemoryCache::builder().clock(Arc::new(clock.clone())).build();
    let store = Scripted::new(Arc::new(memory));
    let space = space(&clock, &store);
    Fixture { clock, store, space }
}

/// The same, as another process sees it.
fn space(clock: &TestClock, store: &Scripted) -> Space {
    let larder = Larder::builder(store.clone()).clock(Arc::new(clock.clone())).build();
    larder.namespace("values").unwrap()
}

impl Fixture {
    async fn explain(&self) -> Explanation {
        self.space.explain("k").await.unwrap()
    }

    fn key(&self) -> Key {
        self.space.key("k").unwrap()
    }

    /// Puts any bytes there.
    async fn plant(&self, bytes: impl Into<bytes::Bytes>) {
        self.plant_at(&self.key(), bytes.into()).await;
    }

    async fn plant_at(&self, key: &Key, bytes: bytes::Bytes) {
        let planted = self.store.set(key, bytes, SetOptions::new(Ttl::Never)).await;
        assert!(planted.unwrap().is_stored());
    }
}

fn time(explanation: &Explanation) -> Time {
    match explanation.what {
        What::Value(time, _) | What::Absent(time) => time,
        ref other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn nothing_is_a_miss() {
    let found = fixture().explain().await;
    assert_eq!(found.verdict, Verdict::Miss(Cause::Nothing));
    assert_eq!((found.what, found.bytes, found.remaining), (What::Nothing, 0, Remaining::Missing));
    assert_eq!((found.version, found.queued), (None, false));
}

#[tokio::test]
async fn a_value_says_how_it_is_written_and_which_one_it_is() {
    let fixture = fixture();
    let values = fixture.space.typed::<String>();
    let long = "a long text ".repeat(1000);
    let token = values.set("k", &long).ttl(MINUTE).token().await.unwrap();
    let found = fixture.explain().await;
    assert_eq!(found.verdict, Verdict::Fresh);
    let What::Value(_, form) = found.what else { panic!("{found:?}") };
    assert_eq!((form.coding, form.schema, form.is_compressed), (Coding::MessagePack, 0, true));
    assert!(form.raw == long.len() + 3 && form.stored < form.raw / 10, "{form:?}");
    assert!(found.bytes > form.stored);
    assert_eq!(found.version.map(ReadToken::new), token);

    let values = fixture.space.typed::<String>().codec(Json).schema(7);
    values.set("k", &"Ada".into()).forever().await.unwrap();
    let found = fixture.explain().await;
    let What::Value(time, form) = found.what else { panic!("{found:?}") };
    assert_eq!((form.coding, form.schema, form.is_compressed), (Coding::Json, 7, false));
    assert_eq!((form.stored, form.raw), (5, 5));
    assert_eq!((time.fresh_for, time.fresh_left, time.fresh_left_in_store), (None, None, None));
    assert_eq!(found.remaining, Remaining::Never);
}

#[tokio::test]
async fn its_time_runs_out_by_both_clocks() {
    let fixture = fixture();
    let values = fixture.space.typed::<u8>().stale_for(MINUTE * 2);
    values.set("k", &1).ttl(MINUTE).await.unwrap();
    fixture.clock.advance(SECOND * 10);
    let found = fixture.explain().await;
    assert_eq!(found.verdict, Verdict::Fresh);
    assert_eq!(found.remaining, Remaining::For(SECOND * 170));
    let at_ten = time(&found);
    assert_eq!((at_ten.age, at_ten.freshness), (SECOND * 10, Freshness::Fresh));
    assert_eq!((at_ten.fresh_for, at_ten.stale_for), (Some(MINUTE), MINUTE * 2));
    assert_eq!(
        (at_ten.fresh_left, at_ten.fresh_left_in_store),
        (Some(SECOND * 50), Some(SECOND * 50))
    );

    fixture.clock.advance(MINUTE);
    let found = fixture.explain().await;
    assert_eq!(found.verdict, Verdict::Stale(Cause::Time));
    let at_seventy = time(&found);
    assert_eq!(
        (at_seventy.fresh_left, at_seventy.freshness),
        (Some(Duration::ZERO), Freshness::Stale)
    );

    fixture.clock.advance(MINUTE * 2);
    assert_eq!(fixture.explain().await.verdict, Verdict::Miss(Cause::Nothing));
}

#[tokio::test]
async fn what_the_store_kept_too_long_is_past_its_time() {
    let fixture = fixture();
    let values = fixture.space.typed::<u8>().stale_for(MINUTE);
    values.set("k", &1).ttl(MINUTE).await.unwrap();
    fixture.store.expire(&fixture.key(), Ttl::Never, cache_api::Condition::Always).await.unwrap();
    fixture.clock.advance(MINUTE * 3);
    let found = fixture.explain().await;
    assert_eq!(found.verdict, Verdict::Miss(Cause::Time));
    assert_eq!((time(&found).freshness, found.remaining), (Freshness::Past, Remaining::Never));
}

#[tokio::test]
async fn each_tag_is_told_whether_it_holds() {
    let fixture = fixture();
    let values = fixture.space.typed::<u8>().stale_for(MINUTE);
    let set = || async {
        let set = values.set("k", &1).ttl(MINUTE).tag("same").tag("soft").tag("hard").tag("gone");
        set.await.unwrap();
    };
    let holds = |found: &Explanation| -> Vec<_> {
        found.tags.iter().map(|tag| (tag.name.clone(), tag.hold)).collect()
    };
    set().await;
    let found = fixture.explain().await;
    assert_eq!(found.verdict, Verdict::Fresh);
    assert!(found.tags.iter().all(|tag| tag.hold == Hold::Same && !tag.is_generation()));

    fixture.space.invalidate_tag("soft").soft().await.applied().unwrap();
    assert_eq!(fixture.explain().await.verdict, Verdict::Stale(Cause::Tag));
    fixture.space.invalidate_tag("hard").await.applied().unwrap();
    // Something else is made under it: there it is again, and another one.
    values.set("other", &1).ttl(MINUTE).tag("hard").await.unwrap();
    fixture.space.invalidate_tag("gone").await.applied().unwrap();
    let found = fixture.explain().await;
    assert_eq!(found.verdict, Verdict::Miss(Cause::Tag));
    let expected =
        [("same", Hold::Same), ("soft", Hold::Soft), ("hard", Hold::Changed), ("gone", Hold::Gone)];
    assert_eq!(holds(&found), expected.map(|(name, hold)| (name.into(), hold)));
    assert!(!format!("{found:?}").contains("gone"), "a name may be somebody's");
}

#[tokio::test]
async fn a_soft_invalidation_of_what_is_never_stale_is_a_miss() {
    let fixture = fixture();
    fixture.space.typed().set("k", &1_u8).ttl(MINUTE).tag("t").await.unwrap();
    fixture.space.invalidate_tag("t").soft().await.applied().unwrap();
    assert_eq!(fixture.explain().await.verdict, Verdict::Miss(Cause::Tag));
}

#[tokio::test]
async fn the_generation_is_asked_for_by_who_goes_by_it() {
    let fixture = fixture();
    let with = fixture.space.clone().with_generations();
    fixture.space.typed().set("k", &1_u8).ttl(MINUTE).await.unwrap();
    assert_eq!(fixture.explain().await.verdict, Verdict::Fresh);
    assert_eq!(with.explain("k").await.unwrap().verdict, Verdict::Miss(Cause::NoGeneration));

    with.typed().set("k", &1_u8).ttl(MINUTE).await.unwrap();
    let found = with.explain("k").await.unwrap();
    assert_eq!((found.verdict, found.tags.len()), (Verdict::Fresh, 1));
    assert!(found.tags[0].is_generation());
    with.invalidate_all().await.applied().unwrap();
    let found = with.explain("k").await.unwrap();
    assert_eq!((found.verdict, found.tags[0].hold), (Verdict::Miss(Cause::Tag), Hold::Gone));
}

#[tokio::test]
async fn raw_bytes_are_told_from_counters() {
    let fixture = fixture();
    let raw = fixture.space.raw();
    for (bytes, is_number) in
        [("hello", false), ("", false), ("42", true), ("-7", true), ("+7", false), ("007", false)]
    {
        raw.set("k", bytes).ttl(MINUTE).await.unwrap();
        let found = fixture.explain().await;
        assert_eq!((found.verdict, found.what), (Verdict::Raw, What::Raw { is_number }), "{bytes}");
        assert_eq!((found.bytes, found.version), (bytes.len(), None));
    }
}

#[tokio::test]
async fn damage_is_named() {
    let fixture = fixture();
    fixture.space.typed().set("k", &"Ada".to_owned()).ttl(MINUTE).await.unwrap();
    let good = fixture.store.get(&fixture.key()).await.unwrap().unwrap();
    let damaged = |damage, kind| What::Damaged { damage, kind };
    let cut = good.slice(..good.len() - 1);
    let mut of_tomorrow = good.to_vec();
    of_tomorrow[2] = 2;
    for (bytes, what) in [
        (cut, damaged(Damage::Corrupt, Some(Kind::Value))),
        (good.slice(..20), damaged(Damage::Corrupt, Some(Kind::Value))),
        (good.slice(..11), damaged(Damage::Foreign, None)),
        (of_tomorrow.into(), damaged(Damage::Foreign, None)),
    ] {
        fixture.plant(bytes).await;
        let found = fixture.explain().await;
        assert_eq!((found.verdict, &found.what), (Verdict::Miss(Cause::Damaged), &what));
    }
    let small = Larder::builder(fixture.store.clone()).max_value(2).build();
    fixture.plant(good).await;
    let found = small.namespace("values").unwrap().explain("k").await.unwrap();
    assert_eq!(found.what, damaged(Damage::OverLimit, Some(Kind::Value)));
}

#[tokio::test]
async fn an_invalidation_that_waits_is_told_and_not_made() {
    let fixture = fixture();
    fixture.space.typed().set("k", &1_u8).ttl(MINUTE).await.unwrap();
    fixture.store.down();
    assert!(matches!(fixture.space.invalidate("k").await, crate::Invalidation::Queued(_)));
    assert!(fixture.space.explain("k").await.is_err(), "the store is down");
    fixture.store.up();
    let found = fixture.explain().await;
    assert_eq!((found.verdict, found.queued), (Verdict::Miss(Cause::Queued), true));
    assert!(matches!(found.what, What::Value(..)), "{found:?}");
    // Another process has no such doubts.
    let other = space(&fixture.clock, &fixture.store);
    assert_eq!(other.explain("k").await.unwrap().verdict, Verdict::Fresh);
}

#[tokio::test]
async fn it_costs_what_it_says_and_changes_nothing() {
    let fixture = fixture();
    let calls = async |expected: &[Op]| {
        let stats = fixture.space.larder().stats();
        fixture.store.clear_log();
        fixture.explain().await;
        let mut calls: Vec<_> = fixture.store.log().into_iter().map(|(op, _)| op).collect();
        calls.sort_by_key(|op| format!("{op:?}"));
        assert_eq!(calls, expected);
        assert_eq!(fixture.space.larder().stats(), stats);
    };
    calls(&[Op::Get, Op::Ttl]).await;
    fixture.space.typed().set("k", &1_u8).ttl(MINUTE).await.unwrap();
    calls(&[Op::Get, Op::Ttl]).await;
    fixture.space.typed().set("k", &1_u8).ttl(MINUTE).tag("a").tag("b").await.unwrap();
    calls(&[Op::Get, Op::GetMany, Op::Ttl]).await;
    fixture.plant(b"\xCA\x4C".as_slice()).await;
    calls(&[Op::Get, Op::Ttl]).await;
}
