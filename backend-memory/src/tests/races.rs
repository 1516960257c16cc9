//! Two writers of one key, one of them conditional: whatever the timing, the ending is that of one
//! after the other.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
    time::Instant,
};

use cache_api::{Condition, Prefix, Remaining};
use futures_util::FutureExt;
use moka::ops::compute::Op;

use super::*;

/// 6 games of 17,000 rounds of 2 writes.
const ROUNDS: u32 = 17_000;
const KEYS: u32 = 8;

fn never() -> SetOptions {
    SetOptions::new(Ttl::Never)
}

fn starts_with(prefix: &str) -> Condition {
    Condition::StartsWith(Prefix::new(prefix.as_bytes()).unwrap())
}

/// Plays rounds over a few keys: `set_up`, then both moves at once, then `judge`. Gives the number of
/// rounds that ended wrong.
fn play<A: Send, B: Send>(
    rounds: u32,
    set_up: impl Fn(&Key),
    one: impl Fn(&Key) -> A + Sync,
    other: impl Fn(&Key) -> B + Sync,
    judge: impl Fn(&Key, A, B) -> bool,
) -> u32 {
    let keys: Vec<_> = (0..KEYS).map(key).collect();
    let (begin, end) = (Spin::new(), Spin::new());
    let over = AtomicBool::new(false);
    let mut wrong = 0;
    thread::scope(|scope| {
        let (sender, moves) = std::sync::mpsc::channel();
        let (keys, begin, end, over) = (&keys, &begin, &end, &over);
        let other = &other;
        scope.spawn(move || {
            for key in keys.iter().cycle() {
                begin.wait();
                if over.load(Ordering::Acquire) {
                    return;
                }
                sender.send(other(key)).unwrap();
                end.wait();
            }
        });
        for (_, key) in (0..rounds).zip(keys.iter().cycle()) {
            set_up(key);
            begin.wait();
            let first = one(key);
            end.wait();
            wrong += u32::from(!judge(key, first, moves.recv().unwrap()));
        }
        over.store(true, Ordering::Release);
        begin.wait();
    });
    wrong
}

/// A barrier for two that spins: a sleeping one wakes its threads one after the other.
struct Spin(AtomicU32);

impl Spin {
    fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    fn wait(&self) {
        let mine = self.0.fetch_add(1, Ordering::AcqRel);
        let full = (mine | 1).wrapping_add(1);
        let mut turns = 0;
        while self.0.load(Ordering::Acquire) < full {
            turns += 1;
            if turns % 100 == 0 {
                thread::yield_now();
            }
            std::hint::spin_loop();
        }
    }
}

fn now<T>(future: impl Future<Output = cache_api::Result<T>>) -> T {
    future.now_or_never().expect("no call of this store waits").unwrap()
}

#[test]
fn mixed_writes_end_as_one_after_the_other() {
    let cache = &MemoryCache::new();
    let set = |key: &Key, value: &str| {
        assert!(now(cache.set(key, value.to_owned().into(), never())).is_stored());
    };
    let get = |key: &Key| now(cache.get(key));
    let set_a = |key: &Key| set(key, "A");

    let replace = |key: &Key| now(cache.set(key, "B".into(), never().when(starts_with("A"))));
    let wrong =
        play(ROUNDS, set_a, replace, |key| set(key, "C"), |key, _, ()| get(key).unwrap() == "C");
    assert_eq!(wrong, 0, "replace against set");

    let delete = |key: &Key| assert!(now(cache.delete(key)));
    let wrong = play(ROUNDS, set_a, replace, delete, |key, _, ()| get(key).is_none());
    assert_eq!(wrong, 0, "replace against delete");

    let delete_if = |key: &Key| now(cache.delete_if(key, starts_with("A")));
    let wrong = play(
        ROUNDS,
        set_a,
        delete_if,
        |key| set(key, "C"),
        |key, _, ()| get(key).is_some_and(|value| value == "C"),
    );
    assert_eq!(wrong, 0, "delete_if against set");

    let expire = |key: &Key| now(cache.expire(key, (SECOND * 3600).into(), starts_with("A")));
    let wrong = play(
        ROUNDS,
        set_a,
        expire,
        |key| set(key, "C"),
        |key, _, ()| get(key).unwrap() == "C" && now(cache.ttl(key)) == Remaining::Never,
    );
    assert_eq!(wrong, 0, "expire against set");

    let take = |key: &Key| now(cache.take(key)).unwrap();
    let wrong = play(
        ROUNDS,
        set_a,
        take,
        |key| set(key, "C"),
        |key, taken, ()| {
            let left = get(key);
            taken == "A" && left.is_some_and(|left| left == "C")
                || taken == "C" && get(key).is_none()
        },
    );
    assert_eq!(wrong, 0, "take against set");

    let increment = |key: &Key| now(cache.increment(key, 1, Ttl::Never));
    let wrong = play(
        ROUNDS,
        |key| set(key, "5"),
        increment,
        |key| set(key, "10"),
        |key, sum, ()| {
            let left = get(key).unwrap();
            sum == 6 && left == "10" || sum == 11 && left == "11"
        },
    );
    assert_eq!(wrong, 0, "increment against set");
}

/// The control: moka's own compare-and-set excludes its own kind, not a plain insert.
#[test]
fn without_stripes_the_same_writes_end_wrong() {
    let map = &moka::sync::Cache::<Key, &str>::new(1000);
    let replace = |key: &Key| {
        map.entry(key.clone()).and_compute_with(|standing| match standing {
            Some(entry) if *entry.value() == "A" => Op::Put("B"),
            _ => Op::Nop,
        });
    };
    let begun = Instant::now();
    let mut wrong = 0;
    while wrong == 0 && begun.elapsed() < SECOND * 60 {
        wrong += play(
            ROUNDS,
            |key| map.insert(key.clone(), "A"),
            replace,
            |key| map.insert(key.clone(), "C"),
            |key, (), ()| map.get(key) == Some("C"),
        );
    }
    assert!(wrong > 0);
}

#[test]
fn absent_has_one_winner_and_no_increment_is_lost() {
    let cache = &MemoryCache::new();
    let (tasks, rounds) = (4, 500_i64);
    let barrier = &Barrier::new(tasks);
    let wins: i64 = thread::scope(|scope| {
        let threads: Vec<_> = (0..tasks)
            .map(|_| {
                scope.spawn(|| {
                    let mut wins = 0;
                    for round in 0..rounds {
                        barrier.wait();
                        let absent = never().when(Condition::Absent);
                        let outcome = now(cache.set(&key(round), "mine".into(), absent));
                        wins += i64::from(outcome.is_stored());
                        now(cache.increment(&key("sum"), 1, Ttl::Never));
                    }
                    wins
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(wins, rounds);
    assert_eq!(now(cache.increment(&key("sum"), 0, Ttl::Never)), rounds * tasks as i64);
}
