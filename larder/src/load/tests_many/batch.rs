//! What is asked for, and what comes back.

use cache_api::{Op, SystemClock};

use super::*;
use crate::{Answer, LoadError, Loaded, Origin};

#[tokio::test]
async fn what_is_missing_is_asked_for_once_and_the_order_is_kept() {
    let Fixture { store, larder, values, source, .. } = fixture();
    values.set(1, &77).await.unwrap();
    store.clear_log();
    let found = source.load(&values, [3, 1, 2, 3, 1, 500]).await.unwrap();
    assert_eq!(found, [Some(30), Some(77), Some(20), Some(30), Some(77), None]);
    assert_eq!(source.asked(), [[3, 2, 500]]);
    assert_eq!((store.calls(Op::GetMany), store.calls(Op::Get)), (1, 0));

    landed(&larder).await;
    store.clear_log();
    let found = source.load(&values, [2, 3]).answers().await.unwrap();
    let answer = |value| Answer { value: Some(value), origin: Origin::Store };
    assert_eq!(found, [answer(20), answer(30)]);
    assert_eq!(source.asked().len(), 1);
    assert_eq!(store.log().len(), 1, "a hit is one round trip");
}

#[tokio::test]
async fn nothing_is_asked_for_nothing() {
    let Fixture { store, values, source, .. } = fixture();
    assert_eq!(source.load(&values.tag("t"), []).await.unwrap(), []);
    assert_eq!((store.log().len(), source.asked().len()), (0, 0));
}

#[tokio::test]
async fn a_lifetime_must_be_said() {
    let Fixture { larder, source, .. } = fixture();
    let values = larder.namespace("values").unwrap().typed::<u64>();
    let mistake = source.load(&values, [1]).await.unwrap_err();
    assert!(matches!(mistake, LoadError::Cache(_)), "{mistake:?}");
    assert_eq!(source.load(&values, [1]).ttl(MINUTE).await.unwrap(), [Some(10)]);
    // Unless what is loaded may say it itself.
    let load = async |keys: Vec<u64>| {
        Ok::<_, ()>(keys.into_iter().map(|key| (key, Loaded::new(key).ttl(MINUTE))))
    };
    assert_eq!(values.get_or_load_many([2], load).await.unwrap(), [Some(2)]);
    assert_eq!(values.get(2).await.unwrap(), Some(2));
}

/// Tokio makes a task stop that has done too much at a time. It would ask for what it has by then.
#[tokio::test(flavor = "multi_thread")]
async fn many_keys_are_one_question_even_of_a_task_that_is_to_stop() {
    let Fixture { clock, store, source, .. } = fixture();
    let real = Larder::builder(store.clone()).clock(Arc::new(SystemClock)).build();
    for (from, larder) in [(1000, server(&store, &clock).0), (3000, real)] {
        let values = larder.namespace("values").unwrap().typed().default_ttl(MINUTE);
        source.asked.lock().unwrap().clear();
        let batch = source.load(&values, from..from + 200).into_future();
        while tokio::task::coop::has_budget_remaining() {
            tokio::task::consume_budget().await;
        }
        let found = batch.await.unwrap();
        assert!(found.into_iter().eq((from..from + 200).map(|key| Some(key * 10))));
        assert_eq!(source.asked().len(), 1);
        assert_eq!(larder.stats().loads.done, 1);
    }
}

#[tokio::test]
async fn what_does_not_come_back_is_not_there() {
    let Fixture { values, source, .. } = fixture();
    assert_eq!(source.load(&values, [1, 500]).await.unwrap(), [Some(10), None]);
    // It is not known for how long: the source is asked again, and nobody queues for it.
    assert_eq!(source.load(&values, [1, 500]).await.unwrap(), [Some(10), None]);
    assert_eq!(source.asked(), [vec![1, 500], vec![500]]);

    let values = values.negative_ttl(MINUTE);
    for origin in [Origin::Loaded, Origin::Negative] {
        let found = source.load(&values, [501]).answers().await.unwrap();
        assert_eq!(found, [Answer { value: None, origin }]);
    }
    assert_eq!(source.asked().len(), 3);
}

#[tokio::test]
async fn what_was_not_asked_for_is_let_go() {
    let Fixture { values, .. } = fixture();
    let load = async |_: Vec<u64>| Ok::<_, ()>([(8, 80), (1, 10), (9, 90), (1, 11)]);
    assert_eq!(values.get_or_load_many([1, 2], load).await.unwrap(), [Some(11), None]);
    assert_eq!(values.get_many([8, 9]).await.unwrap(), [None, None]);
}

#[tokio::test]
async fn force_refresh_asks_for_all_and_replaces() {
    let Fixture { larder, values, source, .. } = fixture();
    source.load(&values, [1, 2]).await.unwrap();
    landed(&larder).await;
    source.add(1);
    let found = source.load(&values, [1, 2, 1]).force_refresh().await.unwrap();
    assert_eq!(found, [Some(11), Some(21), Some(11)]);
    assert_eq!(source.asked(), [[1, 2], [1, 2]]);
    assert_eq!(values.get_many([1, 2]).await.unwrap(), [Some(11), Some(21)]);
}

#[tokio::test]
async fn stale_values_are_served_and_refreshed_by_the_same_question() {
    let Fixture { clock, larder, values, source, .. } = fixture();
    let values = values.stale_for(MINUTE);
    source.load(&values, [1, 2]).await.unwrap();
    landed(&larder).await;
    clock.advance(MINUTE);
    source.add(1);
    let found = source.load(&values, [1, 2, 3]).answers().await.unwrap();
    let origins: Vec<_> = found.iter().map(|answer| answer.origin).collect();
    assert_eq!(origins, [Origin::Stale, Origin::Stale, Origin::Loaded]);
    assert_eq!((found[0].value, found[2].value), (Some(10), Some(31)));
    landed(&larder).await;
    assert_eq!(source.asked(), [vec![1, 2], vec![1, 2, 3]]);
    assert_eq!(values.get_many([1, 2, 3]).await.unwrap(), [Some(11), Some(21), Some(31)]);

    // Nothing but stale values: they are refreshed although nobody waits for it.
    clock.advance(MINUTE);
    source.add(1);
    assert_eq!(source.load(&values, [1, 2]).await.unwrap(), [Some(11), Some(21)]);
    landed(&larder).await;
    assert_eq!(values.get_many([1, 2]).await.unwrap(), [Some(12), Some(22)]);

    // Who waits for the refresh gets what it gives.
    clock.advance(MINUTE);
    source.add(1);
    let found = source.load(&values, [1, 2]).soft_timeout(MINUTE).await.unwrap();
    assert_eq!(found, [Some(13), Some(23)]);
}

#[tokio::test]
async fn cache_only_asks_nobody() {
    let Fixture { clock, values, source, .. } = fixture();
    let values = values.stale_for(MINUTE);
    values.set(1, &5).await.unwrap();
    clock.advance(MINUTE);
    assert_eq!(source.load(&values, [1, 2]).cache_only().await.unwrap(), [Some(5), None]);
    assert_eq!(source.asked().len(), 0);
}
