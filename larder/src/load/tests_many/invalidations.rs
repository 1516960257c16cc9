//! What is invalidated while a batch is being loaded, key by key.

use cache_api::{Key, Op};
use integration_tests::faults::on;

use super::*;
use crate::{Loaded, Origin};

#[tokio::test]
async fn a_delete_during_the_load_wins_for_its_key_alone() {
    let Fixture { larder, values, source, .. } = fixture();
    let held = source.behind_a_door();
    let batch = tokio::spawn(held.load(&values, [1, 2]).answers().into_future());
    held.door.reached_by(1).await;
    source.add(1);
    values.invalidate(1).await.applied().unwrap();
    // Who calls after the invalidation asks for that key anew, and shares the other.
    let after = tokio::spawn(source.load(&values, [1, 2]).into_future());
    settled().await;
    held.door.open();
    let found = batch.await.unwrap().unwrap();
    assert_eq!((found[0].value, found[0].origin), (Some(10), Origin::Uncached));
    assert_eq!((found[1].value, found[1].origin), (Some(20), Origin::Loaded));
    assert_eq!(after.await.unwrap().unwrap(), [Some(11), Some(20)]);
    assert_eq!(source.asked(), [vec![1, 2], vec![1]]);
    assert_eq!(values.get_many([1, 2]).await.unwrap(), [Some(11), Some(20)]);
    landed(&larder).await;

    // The control: look up, load, write.
    let held = source.behind_a_door();
    let naive = tokio::spawn({
        let (values, held) = (values.clone(), held.clone());
        async move {
            assert_eq!(values.get_many([5]).await.unwrap(), [None]);
            let loaded = held.many(vec![5]).await.unwrap();
            values.set_many(loaded.iter().map(|(key, value)| (*key, value))).await.unwrap();
        }
    });
    held.door.reached_by(1).await;
    source.add(1);
    values.invalidate(5).await.applied().unwrap();
    held.door.open();
    naive.await.unwrap();
    assert_eq!(values.get(5).await.unwrap(), Some(51), "of before the invalidation");
}

#[tokio::test]
async fn tags_are_read_with_the_keys_and_made_once() {
    let Fixture { store, larder, values, source, .. } = fixture();
    store.clear_log();
    source.load(&values, [1, 2, 3]).tag("t").await.unwrap();
    landed(&larder).await;
    let of_tag = |op| {
        let is = |key: &Key| key.user() == b"t";
        store.log().iter().filter(|(called, keys)| *called == op && keys.iter().any(is)).count()
    };
    assert_eq!((of_tag(Op::GetMany), of_tag(Op::Set)), (1, 1));

    store.clear_log();
    source.load(&values, [1, 2, 3]).tag("t").await.unwrap();
    assert_eq!(store.log().len(), 1, "the tags are read in the call that reads the entries");

    values.invalidate_tag("t").await.applied().unwrap();
    source.load(&values, [1, 2, 3]).tag("t").await.unwrap();
    assert_eq!(source.asked(), [[1, 2, 3], [1, 2, 3]]);
}

#[tokio::test]
async fn an_invalidation_of_the_tag_during_the_load_wins() {
    let Fixture { larder, values, source, .. } = fixture();
    let held = source.behind_a_door();
    let batch = tokio::spawn(held.load(&values, [1, 2]).tag("t").into_future());
    held.door.reached_by(1).await;
    values.invalidate_tag("t").await.applied().unwrap();
    held.door.open();
    assert_eq!(batch.await.unwrap().unwrap(), [Some(10), Some(20)]);
    landed(&larder).await;
    assert_eq!(values.get_many([1, 2]).await.unwrap(), [None, None]);
}

#[tokio::test]
async fn each_value_may_have_tags_of_its_own() {
    let Fixture { store, larder, values, .. } = fixture();
    let load = async |keys: Vec<u64>| {
        Ok::<_, ()>(keys.into_iter().map(|key| (key, Loaded::new(key).tag(("parity", key % 2)))))
    };
    store.clear_log();
    values.get_or_load_many([1, 2, 3], load).await.unwrap();
    landed(&larder).await;
    let watched = |op| {
        let is = |key: &Key| key.namespace().as_str().ends_with("tag-seq");
        store.log().iter().filter(|(called, keys)| *called == op && is(&keys[0])).count()
    };
    // Before the load once for all, after it for each.
    assert_eq!((watched(Op::Set), watched(Op::Get)), (1, 1 + 3));
    values.invalidate_tag(("parity", 1)).await.applied().unwrap();
    assert_eq!(values.get_many([1, 2, 3]).await.unwrap(), [None, Some(2), None]);
}

#[tokio::test]
async fn an_invalidation_before_the_tags_are_known_keeps_all_that_has_some_from_being_kept() {
    let Fixture { larder, values, .. } = fixture();
    let door = Door::default();
    let load = {
        let door = door.clone();
        async move |keys: Vec<u64>| {
            door.pass().await;
            let tagged = |key: u64| match key {
                1 => Loaded::new(key).tag("t"),
                key => Loaded::new(key),
            };
            Ok::<_, ()>(keys.into_iter().map(move |key| (key, tagged(key))))
        }
    };
    let batch = tokio::spawn(values.get_or_load_many([1, 2], load).into_future());
    door.reached_by(1).await;
    values.invalidate_tag("t").await.applied().unwrap();
    door.open();
    assert_eq!(batch.await.unwrap().unwrap(), [Some(1), Some(2)]);
    landed(&larder).await;
    assert_eq!(values.get_many([1, 2]).await.unwrap(), [None, Some(2)]);
}

#[tokio::test]
async fn marks_and_answers_are_placed_side_by_side() {
    let Fixture { store, larder, values, source, .. } = fixture();
    let leases = store.hold(on(Op::Set).times(3));
    let batch = tokio::spawn(source.load(&values, [1, 2, 3]).into_future());
    leases.arrived_times(3).await;
    assert_eq!(source.asked().len(), 0, "the source is asked when the marks stand");
    let answers = store.hold(on(Op::Set).times(3));
    leases.release();
    answers.arrived_times(3).await;
    answers.release();
    assert_eq!(batch.await.unwrap().unwrap(), [Some(10), Some(20), Some(30)]);
    landed(&larder).await;
}
