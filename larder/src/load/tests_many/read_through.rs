//! Loaders that are given once.

use cache_api::Op;

use super::*;
use crate::{FindThrough, LoadError, Origin, ReadThrough};

fn through(source: &Source, values: &Typed<u64>) -> ReadThrough<u64, u64, Failure> {
    let source = source.clone();
    values.read_through(move |key: u64| source.clone().one(key))
}

#[tokio::test]
async fn the_loader_is_known() {
    let Fixture { store, values, source, .. } = fixture();
    let read = through(&source, &values);
    store.clear_log();
    assert_eq!(read.get(4).await.unwrap(), 40);
    // Nothing is read for the sake of tags that this loader cannot name.
    assert_eq!((store.calls(Op::Get), store.calls(Op::Set)), (1, 2));
    let answer = read.clone().get(4).answer().await.unwrap();
    assert_eq!((answer.value, answer.origin), (40, Origin::Store));

    source.add(1);
    assert_eq!(read.refresh(4).await.unwrap(), 41);
    assert_eq!(read.get(4).await.unwrap(), 41);
    source.add(1);
    read.invalidate(4).await.applied().unwrap();
    assert_eq!(read.get(4).ttl(Duration::ZERO).await.unwrap(), 42);
    assert_eq!(read.typed().get(4).await.unwrap(), None, "this call did not store it");
}

#[tokio::test]
async fn many_are_looked_up_together_and_loaded_so_many_at_a_time() {
    for at_a_time in [2, 100] {
        let Fixture { store, larder, values, source, .. } = fixture();
        values.set(3, &7).await.unwrap();
        let held = source.behind_a_door();
        let read = through(&held, &values).at_a_time(at_a_time);
        store.clear_log();
        let many = tokio::spawn(read.get_many([1, 2, 3, 4, 5, 1]).into_future());
        held.door.reached_by(at_a_time.min(4)).await;
        settled().await;
        assert_eq!(*held.door.most.borrow(), at_a_time.min(4));
        held.door.open();
        assert_eq!(many.await.unwrap().unwrap(), [10, 20, 7, 40, 50, 10]);
        assert_eq!(sorted(&source.asked().concat()), sorted(&[1, 2, 4, 5]));
        assert_eq!(source.asked().len(), 4);
        assert_eq!(store.calls(Op::GetMany), 1);
        landed(&larder).await;
    }
}

#[tokio::test]
async fn loads_are_shared_with_all_who_want_the_key() {
    let Fixture { larder, values, source, .. } = fixture();
    let held = source.behind_a_door();
    let (first, second) = (through(&held, &values), through(&source, &values));
    let many = tokio::spawn(first.get_many([1, 2]).into_future());
    held.door.reached_by(2).await;
    let one = tokio::spawn(second.get(1).into_future());
    let batch = tokio::spawn(source.load(&values, [2, 3]).into_future());
    settled().await;
    held.door.open();
    assert_eq!(many.await.unwrap().unwrap(), [10, 20]);
    assert_eq!(one.await.unwrap().unwrap(), 10);
    assert_eq!(batch.await.unwrap().unwrap(), [Some(20), Some(30)]);
    assert_eq!(sorted(&source.asked().concat()), sorted(&[1, 2, 3]));
    assert_eq!(source.asked().len(), 3);
    landed(&larder).await;
}

#[tokio::test]
async fn what_the_source_does_not_have_is_an_answer_of_find_through() {
    let Fixture { values, source, .. } = fixture();
    let values = values.negative_ttl(MINUTE);
    let own = source.clone();
    let find: FindThrough<u64, u64, Failure> = values.find_through(move |key: u64| {
        let found = own.clone().many(vec![key]);
        async move { Ok(found.await?.pop().map(|(_, value)| value)) }
    });
    assert_eq!(find.get_many([1, 500]).await.unwrap(), [Some(10), None]);
    assert_eq!(find.get(500).answer().await.unwrap().origin, Origin::Negative);
    assert_eq!(source.asked().len(), 2);

    // To a loader that has every key, that there is none is no answer.
    let read = values.read_through(|key: u64| async move { Ok::<_, Failure>(key) });
    assert_eq!(read.get_many([500, 1]).await.unwrap(), [500, 10]);
}

#[tokio::test]
async fn the_first_error_is_the_answer() {
    let Fixture { larder, values, source, .. } = fixture();
    source.fail(Failure::Error);
    let read = through(&source, &values).at_a_time(1);
    let error = read.get_many([1, 2, 3]).await.unwrap_err();
    assert!(matches!(error, LoadError::Loader(_)), "{error:?}");
    assert_eq!(source.asked(), [[1]], "no other load began");
    landed(&larder).await;
}
