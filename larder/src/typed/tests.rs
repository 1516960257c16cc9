use std::{sync::Arc, time::Duration};

use backend_memory::MemoryCache;
use bytes::Bytes;
use cache_api::{Cache as _, Error, Remaining, SetOptions, TestClock, Ttl};
use serde::{Deserialize, Serialize};

use crate::{
    Damaged, Larder, Typed,
    codec::{Json, RawBytes},
    envelope::{Kind, Stamp},
};

const MINUTE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct User {
    name: String,
    age: u8,
}

fn ada() -> User {
    User { name: "Ada".into(), age: 36 }
}

struct Fixture {
    clock: TestClock,
    larder: Larder,
    users: Typed<User>,
}

fn fixture() -> Fixture {
    let clock = TestClock::new();
    let store = MemoryCache::builder().clock(Arc::new(clock.clone())).build();
    let larder = Larder::builder(store).clock(Arc::new(clock.clone())).build();
    let users = larder.namespace("users").unwrap().typed();
    Fixture { clock, larder, users }
}

impl Fixture {
    /// Puts bytes at a key, past the handle.
    async fn plant(&self, key: &str, record: impl Into<Bytes>) {
        let key = self.users.space().key(key).unwrap();
        let options = SetOptions::new(Ttl::Never);
        assert!(self.larder.store().set(&key, record.into(), options).await.unwrap().is_stored());
    }

    async fn bytes(&self, key: &str) -> Option<Bytes> {
        self.users.space().raw().get(key).await.unwrap()
    }
}

#[tokio::test]
async fn a_value_lives_its_time_and_comes_back() {
    let Fixture { clock, larder, users } = fixture();
    assert_eq!(users.get(1).await.unwrap(), None);
    assert!(users.set(1, &ada()).ttl(MINUTE).await.unwrap());
    assert_eq!(users.get("1").await.unwrap(), Some(ada()));
    assert_eq!(users.ttl(1).await.unwrap(), Remaining::For(MINUTE));
    clock.advance(MINUTE - Duration::from_millis(1));
    assert_eq!(users.get(1).await.unwrap(), Some(ada()));
    clock.advance(Duration::from_millis(1));
    assert_eq!(users.get(1).await.unwrap(), None);
    assert_eq!(users.ttl(1).await.unwrap(), Remaining::Missing);
    let stats = larder.stats();
    assert_eq!((stats.hits, stats.misses, stats.stored), (2, 2, 1));
    assert_eq!(stats.damaged, Damaged::default());
}

#[tokio::test]
async fn lifetimes_at_their_edges() {
    let Fixture { clock, users, .. } = fixture();
    users.set("zero", &ada()).ttl(Duration::ZERO).await.unwrap();
    users.set("short", &ada()).ttl(Duration::from_nanos(1)).await.unwrap();
    users.set("endless", &ada()).ttl(Duration::MAX).await.unwrap();
    users.set("kept", &ada()).forever().await.unwrap();
    assert_eq!(users.get("zero").await.unwrap(), None);
    assert_eq!(users.get("short").await.unwrap(), Some(ada()));
    assert_eq!(users.ttl("endless").await.unwrap(), Remaining::Never);
    clock.advance(Duration::from_millis(1));
    assert_eq!(users.get("short").await.unwrap(), None);
    clock.advance(MINUTE * 60 * 24 * 365 * 90);
    assert_eq!(users.get("kept").await.unwrap(), Some(ada()));
    // A zero leaves nothing of what stood there before.
    users.set("kept", &ada()).ttl(Duration::ZERO).await.unwrap();
    assert_eq!(users.get("kept").await.unwrap(), None);
}

#[tokio::test]
async fn a_lifetime_must_be_said_somewhere() {
    let Fixture { users, .. } = fixture();
    let error = users.set(1, &ada()).await.unwrap_err();
    assert!(matches!(error, Error::InvalidArgument { operation: "set", .. }), "{error:?}");
    assert!(error.to_string().contains(".ttl(..)"), "{error}");
    assert!(users.set_many([(1, &ada())]).await.is_err());

    let hourly = users.default_ttl(MINUTE * 60);
    hourly.set(1, &ada()).await.unwrap();
    assert_eq!(users.ttl(1).await.unwrap(), Remaining::For(MINUTE * 60));
    hourly.set(1, &ada()).ttl(MINUTE).await.unwrap();
    assert_eq!(users.ttl(1).await.unwrap(), Remaining::For(MINUTE));
}

#[tokio::test]
async fn delete_take_and_expire() {
    let Fixture { users, .. } = fixture();
    users.set(1, &ada()).ttl(MINUTE).await.unwrap();
    assert!(users.expire(1, MINUTE * 5).await.unwrap());
    assert_eq!(users.ttl(1).await.unwrap(), Remaining::For(MINUTE * 5));
    assert_eq!(users.take(1).await.unwrap(), Some(ada()));
    assert_eq!(users.take(1).await.unwrap(), None);
    assert!(!users.delete(1).await.unwrap());
    users.set(1, &ada()).ttl(MINUTE).await.unwrap();
    assert!(users.delete(1).await.unwrap());
    assert!(!users.expire(1, MINUTE).await.unwrap());
}

#[tokio::test]
async fn many_keep_their_order_and_their_duplicates() {
    let Fixture { users, .. } = fixture();
    let bob = User { name: "Bob".into(), age: 7 };
    users.set_many([("a", &ada()), ("b", &bob)]).ttl(MINUTE).await.unwrap();
    let found = users.get_many(["b", "none", "a", "b"]).await.unwrap();
    assert_eq!(found, [Some(bob.clone()), None, Some(ada()), Some(bob)]);
    users.delete_many(["a", "none", "b", "a"]).await.unwrap();
    assert_eq!(users.get_many(["a", "b"]).await.unwrap(), [None, None]);
    assert_eq!(users.get_many(Vec::<u8>::new()).await.unwrap(), []);
}

#[tokio::test]
async fn codecs_and_schemas_do_not_read_each_other() {
    let fixture = fixture();
    let users = &fixture.users;
    let json = users.codec(Json);
    json.set(1, &ada()).ttl(MINUTE).await.unwrap();
    assert!(fixture.bytes("1").await.unwrap().ends_with(br#"{"name":"Ada","age":36}"#));
    assert_eq!(json.get(1).await.unwrap(), Some(ada()));
    assert_eq!(users.get(1).await.unwrap(), None);

    users.schema(2).set(2, &ada()).ttl(MINUTE).await.unwrap();
    assert_eq!(users.get(2).await.unwrap(), None);
    assert_eq!(users.schema(2).get(2).await.unwrap(), Some(ada()));
    assert_eq!(fixture.larder.stats().damaged.unsupported, 2);

    let texts = users.space().typed_with::<String, _>(RawBytes);
    texts.set(3, &"x".repeat(5000)).ttl(MINUTE).await.unwrap();
    assert!(fixture.bytes("3").await.unwrap().len() < 200);
    assert_eq!(texts.get(3).await.unwrap(), Some("x".repeat(5000)));
}

#[tokio::test]
async fn a_type_that_changed_is_a_miss_unless_it_still_fits() {
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Reordered {
        age: u8,
        #[serde(default)]
        email: Option<String>,
        name: String,
    }
    #[derive(Serialize, Deserialize)]
    struct Other {
        name: u8,
    }
    let Fixture { larder, users, .. } = fixture();
    users.set(1, &ada()).ttl(MINUTE).await.unwrap();
    let reordered = users.space().typed::<Reordered>().get(1).await.unwrap().unwrap();
    assert_eq!(reordered, Reordered { age: 36, email: None, name: "Ada".into() });
    assert!(users.space().typed::<Other>().get(1).await.unwrap().is_none());
    assert_eq!(larder.stats().damaged.undecodable, 1);
}

#[tokio::test]
async fn work_in_progress_is_no_value_and_blocks_nothing() {
    let fixture = fixture();
    let users = &fixture.users;
    for kind in Kind::ALL.into_iter().filter(|kind| ![Kind::Value, Kind::Absent].contains(kind)) {
        let mark = || Stamp::new(kind).to_bytes().to_vec();
        fixture.plant("k", mark()).await;
        assert_eq!(users.get("k").await.unwrap(), None, "{kind:?}");
        assert_eq!(users.ttl("k").await.unwrap(), Remaining::Missing, "{kind:?}");
        assert!(!users.expire("k", MINUTE).await.unwrap(), "{kind:?}");
        assert!(!users.set("k", &ada()).ttl(MINUTE).if_present().await.unwrap(), "{kind:?}");
        assert!(!users.delete("k").await.unwrap(), "{kind:?}");
        assert_eq!(fixture.bytes("k").await, None, "a delete removes it all the same");
        fixture.plant("k", mark()).await;
        assert!(users.set("k", &ada()).ttl(MINUTE).if_absent().await.unwrap(), "{kind:?}");
        assert_eq!(users.take("k").await.unwrap(), Some(ada()), "{kind:?}");
    }
    assert_eq!(fixture.larder.stats().damaged, Damaged::default());
}

#[tokio::test]
async fn what_cannot_be_used_blocks_nothing() {
    let fixture = fixture();
    let users = &fixture.users;
    users.set("good", &ada()).forever().await.unwrap();
    let good = fixture.bytes("good").await.unwrap();
    let mut flipped = good.to_vec();
    *flipped.last_mut().unwrap() ^= 1;
    for bad in [flipped, b"42".to_vec(), Vec::new(), good[..30].to_vec(), good.to_vec()] {
        // The last is a good one of another key.
        fixture.plant("bad", bad.clone()).await;
        assert_eq!(users.get("bad").await.unwrap(), None);
        assert!(users.set("bad", &ada()).forever().if_absent().await.unwrap(), "{bad:?}");
        assert_eq!(users.get("bad").await.unwrap(), Some(ada()));
        assert!(!users.set("bad", &ada()).forever().if_absent().await.unwrap());
    }
    let damaged = fixture.larder.stats().damaged;
    // Each was looked at twice.
    assert_eq!((damaged.corrupt, damaged.foreign), (6, 4));
}

#[tokio::test]
async fn a_value_that_may_be_stale_is_judged_by_the_clock() {
    let Fixture { clock, users, .. } = fixture();
    let users = users.stale_for(MINUTE * 5);
    users.set("k", &ada()).ttl(MINUTE).await.unwrap();
    assert_eq!(users.get("k").await.unwrap(), Some(ada()));
    assert_eq!(users.ttl("k").await.unwrap(), Remaining::For(MINUTE));
    clock.advance(MINUTE);
    assert_eq!(users.get("k").await.unwrap(), None);
    assert_eq!(users.ttl("k").await.unwrap(), Remaining::Missing);
    assert!(users.set("k", &ada()).ttl(MINUTE).if_absent().await.unwrap());
}

#[tokio::test]
async fn futures_own_what_they_need_and_do_nothing_before_they_are_polled() {
    let Fixture { larder, users, .. } = fixture();
    drop(users.set("never", &ada()).ttl(MINUTE).into_future());
    drop(users.delete("never"));
    assert_eq!(larder.stats().stored, 0);

    let spawned = {
        let name = String::from("k");
        let user = ada();
        tokio::spawn(users.set(&name, &user).ttl(MINUTE).into_future())
    };
    assert!(spawned.await.unwrap().unwrap());
    let many = tokio::spawn(users.get_many(["k", "none"]));
    assert_eq!(many.await.unwrap().unwrap().len(), 2);
    let get = tokio::spawn(users.get("k"));
    let (got, joined) = tokio::join!(get, users.get("k"));
    assert_eq!(got.unwrap().unwrap(), joined.unwrap());
    let set = users.set("k", &ada()).ttl(MINUTE).into_future();
    assert!(tokio::time::timeout(MINUTE, set).await.unwrap().unwrap());
}

#[tokio::test]
async fn errors_are_of_the_caller_or_the_store_and_hold_no_value() {
    let Fixture { larder, users, .. } = fixture();
    let long = "k".repeat(1025);
    assert!(matches!(users.get(&long).await, Err(Error::InvalidKey { .. })));
    assert!(matches!(users.set(&long, &ada()).forever().await, Err(Error::InvalidKey { .. })));
    let hashed = larder.namespace("users").unwrap().hash_long_keys().typed::<User>();
    hashed.set(&long, &ada()).ttl(MINUTE).await.unwrap();
    assert_eq!(hashed.get(&long).await.unwrap(), Some(ada()));
    let set = users.set(1, &User { name: "s3cret".into(), age: 1 }).ttl(MINUTE);
    assert!(!format!("{set:?} {users:?} {larder:?}").contains("s3cret"));
}
