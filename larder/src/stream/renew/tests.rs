use std::{sync::Arc, time::Duration};

use backend_memory::MemoryCache;
use bytes::Bytes;
use cache_api::{Condition, TestClock};

use super::*;
use crate::{
    Larder,
    stream::{Begin, PassReason, Unstored},
};

const MINUTE: Duration = Duration::from_secs(60);

fn bench() -> (TestClock, Streams<u32>) {
    let clock = TestClock::new();
    let store = MemoryCache::builder().clock(Arc::new(clock.clone())).build();
    let larder = Larder::builder(store).clock(Arc::new(clock.clone())).build();
    (clock, larder.namespace("n").unwrap().streams().read_grace(MINUTE).max_fill_time(MINUTE))
}

/// A body of several chunks, that lives for a minute.
async fn recorded(streams: &Streams<u32>, head: u32) -> Edition {
    let mut recorder = streams.record("k", head).ttl(MINUTE).await.unwrap();
    recorder.write(Bytes::from(vec![b'x'; 300 << 10])).await.unwrap();
    assert!(recorder.commit().await.unwrap().chunks > 1);
    streams.open("k").await.unwrap().unwrap().edition().unwrap()
}

async fn head(streams: &Streams<u32>) -> Option<u32> {
    let reader = streams.open("k").await.unwrap()?;
    let head = *reader.head();
    assert_eq!(reader.collect().await.unwrap().len(), 300 << 10);
    Some(head)
}

#[tokio::test]
async fn what_is_renewed_lives_with_all_its_chunks() {
    let (clock, streams) = bench();
    let edition = recorded(&streams, 1).await;
    clock.advance(MINUTE / 2);
    assert!(streams.renew("k", edition, &2, 10 * MINUTE).await.unwrap());
    clock.advance(9 * MINUTE);
    assert_eq!(head(&streams).await, Some(2));
    clock.advance(MINUTE);
    assert_eq!(head(&streams).await, None);
}

/// The control: a manifest that outlives its chunks is a miss.
#[tokio::test]
async fn without_its_chunks_it_is_a_miss() {
    let (clock, streams) = bench();
    recorded(&streams, 1).await;
    let key = streams.space().key("k").unwrap();
    let store = streams.larder().store();
    assert!(store.expire(&key, Ttl::After(10 * MINUTE), Condition::Always).await.unwrap());
    clock.advance(9 * MINUTE);
    assert_eq!(head(&streams).await, None);
}

#[tokio::test]
async fn what_stands_there_no_more_is_neither_renewed_nor_removed() {
    let (_, streams) = bench();
    let old = recorded(&streams, 1).await;
    streams.delete("k").await.unwrap();
    assert!(!streams.renew("k", old, &2, MINUTE).await.unwrap());
    assert!(streams.open("k").await.unwrap().is_none());
    let new = recorded(&streams, 3).await;
    assert!(!streams.renew("k", old, &2, MINUTE).await.unwrap());
    assert!(!streams.remove("k", old).await.unwrap());
    assert_eq!(head(&streams).await, Some(3));
    assert!(streams.remove("k", new).await.unwrap());
    assert_eq!(head(&streams).await, None);
}

#[tokio::test]
async fn what_has_lost_a_chunk_is_not_renewed() {
    let (_, streams) = bench();
    let edition = recorded(&streams, 1).await;
    let keys = ChunkKeys::new(streams.space().namespace(), edition.generation).unwrap();
    assert!(streams.larder().store().delete(&keys.chunk(1)).await.unwrap());
    assert!(!streams.renew("k", edition, &2, 10 * MINUTE).await.unwrap());
}

#[tokio::test]
async fn the_old_one_stands_until_the_new_one_starts_and_is_followed_then() {
    let (_, streams) = bench();
    let edition = recorded(&streams, 1).await;
    let claim = streams.claim_over("k", edition).unwrap();
    assert_eq!(head(&streams).await, Some(1));
    let mut recorder = claim.start(2).await;
    recorder.write("new".into()).await.unwrap();
    let follower = loop {
        match streams.follow("k").await.unwrap() {
            Some(reader) if reader.is_live() => break reader,
            _ => tokio::task::yield_now().await,
        }
    };
    assert_eq!(*follower.head(), 2);
    assert!(recorder.commit().await.unwrap().stored);
    assert_eq!(follower.collect().await.unwrap(), "new");
}

#[tokio::test]
async fn a_claim_over_what_was_deleted_meanwhile_is_not_stored() {
    let (_, streams) = bench();
    let edition = recorded(&streams, 1).await;
    let claim = streams.claim_over("k", edition).unwrap();
    streams.delete("k").await.unwrap();
    let committed = claim.start(2).await.commit().await.unwrap();
    assert_eq!((committed.stored, committed.reason), (false, Some(Unstored::Displaced)));
    assert!(streams.open("k").await.unwrap().is_none());
}

#[tokio::test]
async fn a_claim_that_comes_to_nothing_leaves_the_old_one_unless_it_says_so() {
    let (_, streams) = bench();
    let edition = recorded(&streams, 1).await;
    drop(streams.claim_over("k", edition).unwrap());
    streams.claim_over("k", edition).unwrap().release().await;
    assert_eq!(head(&streams).await, Some(1));
    streams.claim_over("k", edition).unwrap().pass(MINUTE).await;
    assert!(matches!(streams.begin("k").await, Begin::Pass(PassReason::Marked)));
    // Who has an answer takes the place of the mark.
    let Begin::Claimed(claim) = streams.clone().over_marks(true).begin("k").await else {
        panic!("a mark is in nobody's way who has an answer")
    };
    assert!(claim.start(2).await.commit().await.unwrap().stored);
    assert_eq!(*streams.open("k").await.unwrap().unwrap().head(), 2);
}
