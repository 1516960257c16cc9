//! All entries of a space, counted.

use integration_tests::faults::on;

use super::*;

#[tokio::test]
async fn every_sort_is_counted_with_its_bytes() {
    let fixture = fixture();
    let space = &fixture.space;
    let values = space.typed::<String>().stale_for(MINUTE);
    for key in 0..5 {
        values.set(key, &"x".repeat(key * 100)).ttl(MINUTE).tag("t").await.unwrap();
    }
    space.child("inner").unwrap().raw().set("r", "raw").forever().await.unwrap();
    let mut recorder =
        space.streams::<String>().record("s", "h".into()).ttl(MINUTE * 60).await.unwrap();
    recorder.write(vec![7; 300_000].into()).await.unwrap();
    recorder.commit().await.unwrap();
    fixture.plant(b"\xCA\x4C\x01".as_slice()).await;
    fixture.clock.advance(MINUTE + SECOND);

    let survey = space.survey(3).await.unwrap();
    let entries = |sort| survey.of(sort).entries;
    assert_eq!((entries(Sort::Value), entries(Sort::Raw), entries(Sort::Stream)), (5, 1, 1));
    assert_eq!((entries(Sort::Tag), entries(Sort::Damaged), entries(Sort::Lease)), (1, 1, 0));
    assert!(entries(Sort::Piece) >= 2, "{survey:?}");
    assert_eq!((survey.of(Sort::Raw).bytes, survey.damaged.foreign), (3, 1));
    assert_eq!((survey.answers.stale, survey.answers.fresh, survey.ages.hour), (5, 0, 5));
    let all: u64 = Sort::ALL.iter().map(|sort| entries(*sort)).sum();
    assert_eq!((survey.all.entries, survey.vanished), (all, 0));
    let lives = survey.lifetimes;
    assert_eq!((lives.ending.minute, lives.never), (5, 3), "tag, raw and damaged never die");
    assert!(lives.ending.hour > 0, "{survey:?}");

    assert_eq!(survey.largest.len(), 3);
    assert!(survey.largest.iter().all(|large| large.sort == Sort::Piece), "{survey:?}");
    assert!(survey.largest.is_sorted_by_key(|large| std::cmp::Reverse(large.bytes)));
    assert_eq!(space.survey(0).await.unwrap().largest, []);
}

#[tokio::test]
async fn what_larder_keeps_for_itself_is_told_from_raw_bytes() {
    let fixture = fixture();
    fixture.space.typed().set("k", &1_u8).ttl(MINUTE).tag("t").await.unwrap();
    // What a loader that names tags leaves there.
    let sequence = fixture.space.namespace().reserved("tag-seq").unwrap().key("").unwrap();
    fixture.plant_at(&sequence, "version1".into()).await;
    let survey = fixture.space.survey(1).await.unwrap();
    assert_eq!((survey.of(Sort::Tag).entries, survey.of(Sort::Internal).entries), (1, 1));
    assert_eq!(survey.of(Sort::Raw).entries, 0);
}

#[tokio::test]
async fn many_entries_are_looked_at_a_few_at_a_time() {
    let fixture = fixture();
    let raw = fixture.space.raw();
    for key in 0..1000_u32 {
        raw.set(key, vec![0; key as usize]).forever().await.unwrap();
    }
    let gate = fixture.store.hold(on(Op::Get).always());
    let survey = tokio::spawn(fixture.space.survey(2));
    gate.arrived_times(16).await;
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(fixture.store.calls(Op::Get), 16);
    gate.release();
    let survey = survey.await.unwrap().unwrap();
    assert_eq!((survey.all.entries, survey.all.bytes), (1000, 499_500));
    assert_eq!(survey.largest.iter().map(|large| large.bytes).collect::<Vec<_>>(), [999, 998]);
}

#[tokio::test]
async fn a_store_that_is_down_is_an_error() {
    let fixture = fixture();
    fixture.space.raw().set("k", "v").forever().await.unwrap();
    fixture.store.down();
    assert!(fixture.space.survey(1).await.is_err());
}
