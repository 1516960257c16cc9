//! Numbers of the calls to a store, for the facade [`metrics`]. What loading counts has its place
//! beside `series`, under `larder_load_…`.

mod series;

use std::{sync::Arc, time::Instant};

use ::metrics::SharedString;
use cache_api::{Cache, Clock, Op, SystemClock};
use series::Series;

use super::{
    Layer,
    around::{Answer, Around, Call, wrap},
    outcome::{Answered, Outcome},
};

/// Counts calls and their outcomes, their time, their bytes.
///
/// | name | kind | labels | |
/// |---|---|---|---|
/// | `larder_store_calls_total` | counter | `store`, `operation`, `outcome` | calls, by how they ended |
/// | `larder_store_call_duration_seconds` | histogram | `store`, `operation` | how long they took, those that failed and were abandoned included |
/// | `larder_store_hits_total` | counter | `store`, `operation` | values that `get`, `get_many` and `take` found |
/// | `larder_store_misses_total` | counter | `store`, `operation` | values that they did not find |
/// | `larder_store_read_bytes_total` | counter | `store`, `operation` | bytes of the values found |
/// | `larder_store_written_bytes_total` | counter | `store`, `operation` | bytes of the values that `set` and `set_many` stored |
///
/// `store` is the store's own name, or [the one it is given](Self::store); `operation` the name of the
/// method; `outcome` is one of
///
/// | outcome | |
/// |---|---|
/// | `ok` | done |
/// | `hit`, `miss` | of `get`, `take`, `ttl`, `delete_if` and `expire`: whether an entry was found, and removed or extended |
/// | `refused` | of `set`: the condition did not hold |
/// | `timeout`, `unavailable` | the store did not answer, or is out of reach |
/// | `write_refused` | it takes no writes |
/// | `denied`, `invalid`, `unsupported`, `failed` | it does not let us; the call's own mistake; it cannot; anything else |
/// | `abandoned` | the caller went away before the answer came |
///
/// No label ever holds a key, so that their number is bounded. Each name and its unit is described to the
/// recorder. Install that first: a series is bound to the recorder that it finds at its first call.
///
/// Costs two readings of the clock, one allocation and a few additions per call.
///
/// ```
/// use larder::{Larder, MemoryCache, layer::Metrics};
///
/// let larder = Larder::builder(MemoryCache::new()).layer(Metrics::new().store("sessions")).build();
/// # drop(larder);
/// ```
#[derive(Debug, Clone)]
pub struct Metrics {
    store: Option<SharedString>,
    clock: Arc<dyn Clock>,
}

impl Metrics {
    /// Under the store's own name.
    #[must_use]
    pub fn new() -> Self {
        Self { store: None, clock: Arc::new(SystemClock) }
    }

    /// The label `store`, to tell several stores of one kind apart.
    #[must_use]
    pub fn store(mut self, name: impl Into<SharedString>) -> Self {
        self.store = Some(name.into());
        self
    }

    /// The clock to measure by, for tests. Default: the machine's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Layer for Metrics {
    fn layer(&self, inner: Arc<dyn Cache>) -> Arc<dyn Cache> {
        series::describe();
        let store = self.store.clone().unwrap_or_else(|| inner.name().into());
        let meter = Meter { series: Series::new(store), clock: Arc::clone(&self.clock) };
        wrap(inner, meter)
    }
}

#[derive(Debug)]
struct Meter {
    series: Series,
    clock: Arc<dyn Clock>,
}

impl Around for Meter {
    fn around<'a, T: Answered>(
        &'a self,
        call: Call<'a>,
        send: impl FnOnce() -> Answer<'a, T> + Clone + Send + 'a,
    ) -> Answer<'a, T> {
        Box::pin(async move {
            let begun = self.clock.now();
            let mut under_way =
                UnderWay { meter: self, op: call.op, begun, ended: Outcome::Abandoned };
            let answer = send().await;
            under_way.ended = Outcome::of(&answer);
            if let Ok(answer) = &answer {
                self.series.values(call.op, answer.values());
            }
            if under_way.ended == Outcome::Ok {
                self.series.written(call.op, call.bytes);
            }
            answer
        })
    }
}

/// A call that has not ended. Dropped before it has, it was abandoned.
struct UnderWay<'a> {
    meter: &'a Meter,
    op: Op,
    begun: Instant,
    ended: Outcome,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let took = self.meter.clock.now() - self.begun;
        self.meter.series.ended(self.op, self.ended, took);
    }
}

#[cfg(test)]
mod tests;
