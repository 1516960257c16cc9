use std::{sync::Arc, time::Duration};

use backend_memory::MemoryCache;
use cache_api::{Condition, Error, Prefix, Remaining, TestClock};

use super::Raw;
use crate::Larder;

const MINUTE: Duration = Duration::from_secs(60);

fn raw() -> (TestClock, Raw) {
    let clock = TestClock::new();
    let store = MemoryCache::builder().clock(Arc::new(clock.clone())).build();
    let larder = Larder::builder(store).clock(Arc::new(clock.clone())).build();
    (clock, larder.namespace("n").unwrap().raw())
}

#[tokio::test]
async fn bytes_stand_in_the_store_as_they_are() {
    let (_, raw) = raw();
    raw.set("k", "value").ttl(MINUTE).await.unwrap();
    let key = raw.space().key("k").unwrap();
    assert_eq!(raw.store().get(&key).await.unwrap().as_deref(), Some(&b"value"[..]));
    raw.set("empty", "").forever().await.unwrap();
    assert_eq!(raw.get("empty").await.unwrap().as_deref(), Some(&b""[..]));
    assert!(matches!(raw.set("k", "v").await, Err(Error::InvalidArgument { .. })));
}

#[tokio::test]
async fn conditions_hold_for_whatever_stands_there() {
    let (_, raw) = raw();
    assert!(!raw.set("k", "1").ttl(MINUTE).if_present().await.unwrap());
    assert!(raw.set("k", "1").ttl(MINUTE).if_absent().await.unwrap());
    assert!(!raw.set("k", "2").ttl(MINUTE).if_absent().await.unwrap());
    let one = Condition::StartsWith(Prefix::new(b"1").unwrap());
    assert!(raw.set("k", "2").ttl(MINUTE).when(one).await.unwrap());
    assert!(!raw.set("k", "3").ttl(MINUTE).when(one).await.unwrap());
    assert_eq!(raw.take("k").await.unwrap().as_deref(), Some(&b"2"[..]));
    let stats = raw.space().larder().stats();
    assert_eq!((stats.stored, stats.refused), (2, 3));
}

#[tokio::test]
async fn a_counter_keeps_the_lifetime_it_was_born_with() {
    let (clock, raw) = raw();
    assert_eq!(raw.increment("c", 5, MINUTE).await.unwrap(), 5);
    clock.advance(MINUTE / 2);
    assert_eq!(raw.increment("c", -7, MINUTE).await.unwrap(), -2);
    assert_eq!(raw.ttl("c").await.unwrap(), Remaining::For(MINUTE / 2));
    assert!(raw.expire("c", MINUTE * 2).await.unwrap());
    clock.advance(MINUTE);
    assert_eq!(raw.get("c").await.unwrap().as_deref(), Some(&b"-2"[..]));
    assert!(raw.delete("c").await.unwrap());
    assert!(!raw.delete("c").await.unwrap());
    raw.set("t", "text").forever().await.unwrap();
    assert!(matches!(raw.increment("t", 1, MINUTE).await, Err(Error::NotANumber { .. })));
    assert_eq!(raw.space().larder().stats().errors, 1);
}
