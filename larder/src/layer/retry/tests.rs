use backend_memory::MemoryCache;
use bytes::Bytes;
use cache_api::{Error, Key, Namespace, Prefix, SetItem, SetOptions, TestClock, Ttl};
use integration_tests::faults::{Scripted, full, not_connected, on, timed_out};

use super::*;

struct Bench {
    clock: TestClock,
    scripted: Scripted,
    store: Arc<dyn Cache>,
    key: Key,
}

fn bench(retry: Retry) -> Bench {
    let (clock, scripted) = (TestClock::new(), Scripted::new(Arc::new(MemoryCache::new())));
    let store = retry.clock(Arc::new(clock.clone())).layer(Arc::new(scripted.clone()));
    Bench { clock, scripted, store, key: Namespace::new("n").unwrap().key("k").unwrap() }
}

impl Bench {
    /// Lets time pass, a little at a time, until the call is done.
    async fn passing<T>(&self, call: impl Future<Output = T>) -> T {
        let mut call = std::pin::pin!(call);
        loop {
            tokio::select! {
                biased;
                done = &mut call => return done,
                () = tokio::task::yield_now() => self.clock.advance(Duration::from_millis(1)),
            }
        }
    }

    fn item(&self, condition: Condition) -> SetItem {
        let options = SetOptions::new(Ttl::Never).when(condition);
        SetItem { key: self.key.clone(), value: Bytes::from_static(b"v"), options }
    }
}

/// Sends one call, whose first answer is lost, and says how often it was sent.
macro_rules! sent {
    ($op:ident, |$bench:ident| $call:expr) => {{
        let $bench = bench(Retry::new());
        $bench.scripted.lose_reply(Op::$op);
        let answer = $bench.passing($call).await;
        assert_eq!(answer.is_ok(), $bench.scripted.calls(Op::$op) == 2);
        $bench.scripted.calls(Op::$op)
    }};
}

#[tokio::test]
async fn what_does_no_harm_is_repeated_and_nothing_else() {
    assert_eq!(sent!(Get, |b| b.store.get(&b.key)), 2);
    assert_eq!(sent!(Ttl, |b| b.store.ttl(&b.key)), 2);
    assert_eq!(sent!(GetMany, |b| b.store.get_many(std::slice::from_ref(&b.key))), 2);
    assert_eq!(sent!(DeleteMany, |b| b.store.delete_many(std::slice::from_ref(&b.key))), 2);
    assert_eq!(sent!(DeleteIf, |b| b.store.delete(&b.key)), 2);

    assert_eq!(sent!(Take, |b| b.store.take(&b.key)), 1);
    assert_eq!(sent!(Increment, |b| b.store.increment(&b.key, 1, Ttl::Never)), 1);
    assert_eq!(sent!(Clear, |b| b.store.clear(&b.key.namespace())), 1);

    let version = Condition::StartsWith(Prefix::new(b"v").unwrap());
    for condition in [Condition::Always, Condition::Absent, Condition::Present, version] {
        let sent = if condition == Condition::Always { 2 } else { 1 };
        let options = SetOptions::new(Ttl::Never).when(condition);
        assert_eq!(sent!(Set, |b| b.store.set(&b.key, "v".into(), options)), sent);
        assert_eq!(sent!(DeleteIf, |b| b.store.delete_if(&b.key, condition)), sent);
        let items = |b: &Bench| vec![b.item(condition), b.item(Condition::Always)];
        assert_eq!(sent!(SetMany, |b| b.store.set_many(items(&b))), sent);
        assert_eq!(sent!(Expire, |b| b.store.expire(&b.key, Ttl::Never, condition)), 1);
    }
}

/// The naive way: whatever failed is sent again.
#[derive(Debug)]
struct Naive;

impl Around for Naive {
    fn around<'a, T: Answered>(
        &'a self,
        _: Call<'a>,
        send: impl FnOnce() -> Answer<'a, T> + Clone + Send + 'a,
    ) -> Answer<'a, T> {
        Box::pin(async move {
            loop {
                match send.clone()().await {
                    Err(error) if error.is_unavailable() => {}
                    answer => return answer,
                }
            }
        })
    }
}

/// What three callers are told who want the same thing: that they have it, that they may have it, or that
/// somebody else has.
async fn race(store: &dyn Cache, key: &Key) -> [usize; 3] {
    let once = SetOptions::new(Ttl::Never).when(Condition::Absent);
    let mut told = [0; 3];
    for _ in 0..3 {
        told[match store.set(key, "mine".into(), once).await {
            Ok(set) if set.is_stored() => 0,
            Err(error) if error.may_have_applied() => 1,
            _ => 2,
        }] += 1;
    }
    told
}

#[tokio::test]
async fn absent_has_one_winner_because_it_is_sent_once() {
    let bench = bench(Retry::new());
    bench.scripted.lose_reply(Op::Set);
    assert_eq!(race(&*bench.store, &bench.key).await, [0, 1, 2]);

    // The control: all three are told that somebody else has it, and it stays taken.
    let scripted = Scripted::new(Arc::new(MemoryCache::new()));
    let naive = wrap(Arc::new(scripted.clone()), Naive);
    scripted.lose_reply(Op::Set);
    assert_eq!(race(&*naive, &bench.key).await, [0, 0, 3]);

    // Or it is taken, given back, and then taken by nobody, for a first attempt lands at last.
    scripted.clear(&bench.key.namespace()).await.unwrap();
    let late = scripted.late(Op::Set);
    assert_eq!(race(&*naive, &bench.key).await, [1, 0, 2]);
    assert!(naive.delete(&bench.key).await.unwrap());
    assert_eq!(late.land().await.unwrap(), 1);
    assert_eq!(race(&*naive, &bench.key).await, [0, 0, 3]);
}

#[tokio::test]
async fn attempts_are_bounded_in_number_and_in_time() {
    let bench = self::bench(Retry::new().attempts(5).within(Duration::MAX));
    bench.scripted.lose_request(on(Op::Get).always());
    assert!(bench.passing(bench.store.get(&bench.key)).await.is_err());
    assert_eq!(bench.scripted.calls(Op::Get), 5);

    for attempts in [0, 1] {
        let bench = self::bench(Retry::new().attempts(attempts));
        bench.scripted.lose_request(on(Op::Get).always());
        assert!(bench.store.get(&bench.key).await.is_err());
        assert_eq!(bench.scripted.calls(Op::Get), 1);
    }

    let within = Duration::from_millis(300);
    let bench = self::bench(Retry::new().attempts(u32::MAX).within(within));
    bench.scripted.lose_request(on(Op::Get).always());
    let begun = bench.clock.now();
    assert!(bench.passing(bench.store.get(&bench.key)).await.is_err());
    let took = bench.clock.now() - begun;
    assert!(took <= within + Duration::from_millis(1) && took > within / 4, "{took:?}");
    // 10, 20, 40, 80, 160, 320 ms, each at least half as long.
    assert!((5..=8).contains(&bench.scripted.calls(Op::Get)), "{}", bench.scripted.calls(Op::Get));
}

#[tokio::test]
async fn only_what_may_pass_is_waited_for() {
    let passing: [Error; 2] = [not_connected(Op::Get), timed_out(Op::Get)];
    for error in passing {
        let bench = self::bench(Retry::new());
        bench.scripted.fail(on(Op::Get).times(2), error);
        assert!(bench.passing(bench.store.get(&bench.key)).await.is_ok());
        assert_eq!(bench.scripted.calls(Op::Get), 3);
    }
    let bench = self::bench(Retry::new());
    bench.scripted.fail(Op::Set, full(Op::Set));
    let set = bench.store.set(&bench.key, "v".into(), SetOptions::new(Ttl::Never));
    assert!(matches!(set.await, Err(Error::WriteRefused { .. })));
    assert_eq!(bench.scripted.calls(Op::Set), 1);
}
