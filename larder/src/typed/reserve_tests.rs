//! Fills outside a closure, and what happens between the reservation and the write.

use std::{convert::Infallible, pin::pin, time::Duration};

use bytes::Bytes;
use cache_api::{Op, Ttl};
use futures_util::{FutureExt, future::BoxFuture};
use integration_tests::faults::{full, on};

use crate::{
    Reserved, Ticket, Typed,
    envelope::{Kind, Stamp},
    testing::{Bench, bench, dropped_after, soon, until},
};

const MINUTE: Duration = Duration::from_secs(60);
const KEY: &str = "42";

impl Bench {
    fn users(&self) -> Typed<u32> {
        self.space().typed().default_ttl(MINUTE)
    }
}

async fn ticket(users: &Typed<u32>) -> Ticket<u32> {
    match users.reserve(KEY).tag("team").await.unwrap() {
        Reserved::Ticket(ticket) => ticket,
        other => panic!("{other:?}"),
    }
}

async fn is_busy(users: &Typed<u32>) -> bool {
    matches!(users.reserve(KEY).await.unwrap(), Reserved::Busy)
}

#[tokio::test]
async fn a_ticket_is_filled_once_and_then_the_value_is_found() {
    let bench = bench();
    let users = bench.users();
    let ticket = ticket(&users).await;
    assert!(is_busy(&users).await && is_busy(&bench.elsewhere().typed()).await);
    assert_eq!(users.get(KEY).await.unwrap(), None);
    assert!(ticket.set(&7).await.unwrap());
    assert!(matches!(users.reserve(KEY).await.unwrap(), Reserved::Found(7)));
    users.invalidate_tag("team").await.applied().unwrap();
    assert_eq!(users.get(KEY).await.unwrap(), None);

    let asked = users
        .clone()
        .negative_ttl(MINUTE)
        .get_or_find("none", || async { Ok::<_, Infallible>(None::<u32>) });
    assert_eq!(asked.await.unwrap(), None);
    assert!(matches!(users.reserve("none").await.unwrap(), Reserved::Absent));
    // What another program left there is in nobody's way.
    users.space().raw().set("other", "text").forever().await.unwrap();
    assert!(matches!(users.reserve("other").await.unwrap(), Reserved::Ticket(_)));
    let stats = bench.larder.stats();
    assert_eq!((stats.stored, stats.refused, stats.errors), (2, 0, 0));
}

#[tokio::test]
async fn how_many_round_trips_it_takes() {
    let bench = bench();
    let users = bench.users();
    let Reserved::Ticket(ticket) = users.reserve(KEY).await.unwrap() else { panic!() };
    assert!(ticket.set(&7).await.unwrap());
    let calls: Vec<_> = bench.store.log().into_iter().map(|(op, _)| op).collect();
    assert_eq!(calls, [Op::Get, Op::Set, Op::Set]);
}

type Invalidation = fn(Typed<u32>) -> BoxFuture<'static, ()>;

const INVALIDATIONS: [Invalidation; 5] = [
    |users| async move { assert!(!users.delete(KEY).await.unwrap()) }.boxed(),
    |users| async move { users.invalidate(KEY).await.applied().unwrap() }.boxed(),
    |users| async move { users.invalidate_tag("team").await.applied().unwrap() }.boxed(),
    |users| async move { users.invalidate_tag("team").soft().await.applied().unwrap() }.boxed(),
    |users| async move { users.space().clear().await.unwrap() }.boxed(),
];

#[tokio::test]
async fn what_was_read_before_an_invalidation_is_not_stored_after_it() {
    for invalidate in INVALIDATIONS {
        for elsewhere in [false, true] {
            let bench = bench();
            let (users, mut source) = (bench.users(), 1);
            let ticket = ticket(&users).await;
            let read = source;
            source += 1;
            invalidate(if elsewhere { bench.elsewhere().typed() } else { users.clone() }).await;
            assert!(!ticket.set(&read).await.unwrap());
            assert_ne!(users.get(KEY).await.unwrap(), Some(read));

            // Who reads now reads what is true, and may store it.
            let ticket = self::ticket(&users).await;
            assert!(ticket.set(&source).await.unwrap());
            assert_eq!(users.get(KEY).await.unwrap(), Some(2));
        }
    }
}

/// The naive way: look, read the source, set. A tag alone is too late as well: it is read by the `set`.
#[tokio::test]
async fn control_a_plain_set_brings_back_what_was_invalidated() {
    for invalidate in INVALIDATIONS {
        let bench = bench();
        let users = bench.users();
        assert_eq!(users.get(KEY).await.unwrap(), None);
        let read = 1;
        invalidate(users.clone()).await;
        users.set(KEY, &read).tag("team").await.unwrap();
        assert_eq!(users.get(KEY).await.unwrap(), Some(read), "for all its time");
    }
}

#[tokio::test]
async fn it_is_kept_while_it_is_held_and_no_longer_than_the_bound() {
    let bench = bench();
    let users = bench.users().hard_timeout(Duration::from_secs(20));
    let held = ticket(&users).await;
    bench.wait(Duration::from_secs(15)).await;
    assert!(is_busy(&users).await);
    bench.wait(Duration::from_secs(10)).await;
    assert!(!is_busy(&users).await, "that was a ticket, and is given back");
    assert!(!held.set(&7).await.unwrap());
}

#[tokio::test]
async fn who_loads_the_key_waits_for_the_ticket() {
    let bench = bench();
    let users = bench.users();
    let load = || async { Ok::<_, Infallible>(8) };
    let held = ticket(&users).await;
    let mut loading = pin!(users.get_or_load(KEY, load).into_future());
    assert!((&mut loading).now_or_never().is_none());
    assert!(held.set(&7).await.unwrap());
    assert_eq!(soon(loading).await.unwrap(), 7);

    // Given back, whichever way: the clock stands still, so whoever waits was told.
    for release in [true, false] {
        users.delete(KEY).await.unwrap();
        let held = ticket(&users).await;
        let mut loading = pin!(users.get_or_load(KEY, load).into_future());
        assert!((&mut loading).now_or_never().is_none());
        if release {
            held.release().await;
        } else {
            drop(held);
        }
        assert_eq!(soon(loading).await.unwrap(), 8);
    }
}

#[tokio::test]
async fn an_answer_past_its_time_stays_until_it_is_replaced() {
    for deleted in [false, true] {
        let bench = bench();
        let users = bench.users().stale_for(MINUTE);
        users.set(KEY, &1).await.unwrap();
        bench.clock.advance(MINUTE);
        let ticket = ticket(&users).await;
        assert!(is_busy(&users).await && is_busy(&bench.elsewhere().typed()).await);
        let load = || async { Ok::<_, Infallible>(9) };
        assert_eq!(users.get_or_load(KEY, load).await.unwrap(), 1, "it may still be served");
        if deleted {
            users.delete(KEY).await.unwrap();
        }
        assert_eq!(ticket.set(&2).await.unwrap(), !deleted);
        assert_eq!(users.get(KEY).await.unwrap(), (!deleted).then_some(2));
    }
}

#[tokio::test]
async fn where_nobody_should_queue_everyone_gets_a_ticket_and_the_first_one_holds() {
    let bench = bench();
    let users = bench.users();
    let pass = Bytes::copy_from_slice(&Stamp::new(Kind::Pass).to_bytes());
    users.space().raw().set(KEY, pass).ttl(MINUTE).await.unwrap();
    let (a, b) = (ticket(&users).await, ticket(&users).await);
    assert!(b.set(&2).await.unwrap());
    assert!(!a.set(&1).await.unwrap());
    assert_eq!(users.get(KEY).await.unwrap(), Some(2));
}

#[tokio::test]
async fn a_store_that_is_out_of_order_is_told_of() {
    let bench = bench();
    let users = bench.users();
    let held = ticket(&users).await;
    bench.store.lose_reply(Op::Set);
    assert!(bench.passing(held.set(&1).into_future()).await.unwrap(), "it was found to stand");
    users.delete(KEY).await.unwrap();

    let held = ticket(&users).await;
    bench.store.fail(on(Op::Set), full(Op::Set));
    let error = bench.passing(held.set(&1).into_future()).await.unwrap_err();
    assert!(!error.may_have_applied());
    let held = ticket(&users).await;
    bench.store.lose_request(on(Op::Set).always());
    bench.store.lose_request(on(Op::DeleteIf).always());
    let error = bench.passing(held.set(&1).into_future()).await.unwrap_err();
    assert!(error.may_have_applied());
    bench.store.forget();

    bench.store.down();
    assert!(users.reserve(KEY).await.is_err());
    bench.store.up();
    let forgotten = bench.space().typed::<u32>().reserve("new").await.unwrap();
    let Reserved::Ticket(ticket) = forgotten else { panic!("{forgotten:?}") };
    let error = ticket.set(&1).await.unwrap_err();
    assert!(error.to_string().contains(".ttl(..)"), "{error}");
    until("it was given back", async || {
        let again = bench.space().typed::<u32>().reserve("new").await.unwrap();
        matches!(again, Reserved::Ticket(_))
    })
    .await;
}

#[tokio::test]
async fn whoever_is_cancelled_leaves_no_lease() {
    let bench = bench();
    bench.store.hesitate();
    let users = bench.users();
    let mut polls = 0;
    while dropped_after(polls, users.reserve(KEY).into_future()).await.is_none() {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        bench.until_empty().await;
        polls += 1;
    }
    assert!(polls >= 3, "there are places to be dropped at: {polls}");
    bench.until_empty().await;

    let mut polls = 0;
    loop {
        let Reserved::Ticket(ticket) = users.reserve(KEY).await.unwrap() else { panic!() };
        let set = dropped_after(polls, ticket.set(&7).ttl(Ttl::Never).into_future()).await;
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        // Either it stands whole, or nothing does.
        if users.get(KEY).await.unwrap().is_some() {
            users.delete(KEY).await.unwrap();
        }
        bench.until_empty().await;
        if set.is_some() {
            break;
        }
        polls += 1;
    }
    assert!(polls >= 2, "there are places to be dropped at: {polls}");
}
