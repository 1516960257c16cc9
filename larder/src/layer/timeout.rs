use std::{sync::Arc, time::Duration};

use cache_api::{Cache, Clock, Error, Op, SystemClock};
use futures_util::FutureExt;

use super::{
    Layer,
    around::{Answer, Around, Call, wrap},
    outcome::Answered,
};

/// A bound on every call: what has not answered by then is [`Error::Timeout`].
///
/// The stores here bound their own waits; this is for a shorter bound, or for a store that has none. A
/// write that was given up [may have been applied](Error::may_have_applied), or may yet be. `clear` walks
/// over all keys and has [a bound of its own](Self::clear). Streams of keys and of changes are left alone.
///
/// Costs nothing but one allocation where the store answers at once; else a timer.
///
/// ```
/// use larder::{Larder, MemoryCache, layer::Timeout};
/// use std::time::Duration;
///
/// let larder = Larder::builder(MemoryCache::new())
///     .layer(Timeout::new(Duration::from_millis(50)))
///     .build();
/// # drop(larder);
/// ```
#[derive(Debug, Clone)]
pub struct Timeout {
    after: Duration,
    clear: Duration,
    clock: Arc<dyn Clock>,
}

impl Timeout {
    /// So long for every call, and a minute for `clear`.
    #[must_use]
    pub fn new(after: Duration) -> Self {
        Self { after, clear: Duration::from_secs(60), clock: Arc::new(SystemClock) }
    }

    /// How long `clear` may take.
    #[must_use]
    pub const fn clear(mut self, after: Duration) -> Self {
        self.clear = after;
        self
    }

    /// The clock to judge by, for tests. Default: the machine's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }
}

impl Layer for Timeout {
    fn layer(&self, inner: Arc<dyn Cache>) -> Arc<dyn Cache> {
        wrap(inner, self.clone())
    }
}

impl Around for Timeout {
    fn around<'a, T: Answered>(
        &'a self,
        call: Call<'a>,
        send: impl FnOnce() -> Answer<'a, T> + Clone + Send + 'a,
    ) -> Answer<'a, T> {
        let after = if call.op == Op::Clear { self.clear } else { self.after };
        Box::pin(async move {
            let mut answer = send();
            // A store in memory has answered by now: no timer is set for it.
            if let Some(answer) = (&mut answer).now_or_never() {
                return answer;
            }
            tokio::select! {
                biased;
                answer = answer => answer,
                () = self.clock.sleep(after) => Err(Error::Timeout {
                    backend: call.store,
                    operation: call.op.name(),
                    after,
                    may_have_applied: call.op.is_write(),
                }),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use backend_memory::MemoryCache;
    use cache_api::{Namespace, SetOptions, TestClock, Ttl};
    use integration_tests::faults::Scripted;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn a_call_is_given_up_when_its_time_is_over_and_not_before() {
        let (clock, scripted) = (TestClock::new(), Scripted::new(Arc::new(MemoryCache::new())));
        let timeout = Timeout::new(SECOND).clear(60 * SECOND).clock(Arc::new(clock.clone()));
        let store = timeout.layer(Arc::new(scripted.clone()));
        let key = Namespace::new("n").unwrap().key("k").unwrap();
        scripted.freeze();

        let mut get = store.get(&key);
        let mut set = store.set(&key, "v".into(), SetOptions::new(Ttl::Never));
        let namespace = key.namespace();
        let mut clear = store.clear(&namespace);
        assert!((&mut get).now_or_never().is_none() && (&mut set).now_or_never().is_none());
        assert!((&mut clear).now_or_never().is_none());
        clock.advance(SECOND - Duration::from_nanos(1));
        assert!((&mut get).now_or_never().is_none() && (&mut set).now_or_never().is_none());
        clock.advance(Duration::from_nanos(1));
        let error = get.await.unwrap_err();
        assert_eq!(error.to_string(), "memory: get got no answer within 1s");
        assert!(!error.may_have_applied() && error.is_unavailable());
        assert!(set.await.unwrap_err().may_have_applied());
        assert!((&mut clear).now_or_never().is_none());
        clock.advance(59 * SECOND);
        assert!(clear.await.unwrap_err().may_have_applied());
    }

    /// The control: the same store without the layer waits for as long as it takes.
    #[tokio::test]
    async fn without_it_a_hanging_store_hangs_its_caller() {
        let scripted = Scripted::new(Arc::new(MemoryCache::new()));
        let key = Namespace::new("n").unwrap().key("k").unwrap();
        scripted.freeze();
        let mut get = scripted.get(&key);
        for _ in 0..1000 {
            assert!((&mut get).now_or_never().is_none());
            tokio::task::yield_now().await;
        }
        scripted.thaw();
        assert!(get.await.unwrap().is_none());
    }
}
