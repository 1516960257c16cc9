use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// A number that grows. With the feature `metrics` it is a series of the recorder too, from its first
/// increment on.
pub(crate) struct Counter {
    value: AtomicU64,
    #[cfg(feature = "metrics")]
    series: (&'static str, std::sync::OnceLock<metrics::Counter>),
}

impl Counter {
    #[cfg_attr(
        not(feature = "metrics"),
        expect(unused_variables, reason = "only a recorder wants to know its name")
    )]
    pub(crate) const fn new(name: &'static str) -> Self {
        Self {
            value: AtomicU64::new(0),
            #[cfg(feature = "metrics")]
            series: (name, std::sync::OnceLock::new()),
        }
    }

    pub(crate) fn get(&self) -> u64 {
        self.value.load(Relaxed)
    }

    pub(crate) fn add(&self, more: u64) {
        // Numbers for people: no order is needed between them.
        self.value.fetch_add(more, Relaxed);
        #[cfg(feature = "metrics")]
        {
            let (name, series) = &self.series;
            series.get_or_init(|| metrics::counter!(*name)).increment(more);
        }
    }
}

/// One more.
pub(crate) fn count(counter: &Counter) {
    counter.add(1);
}

/// How long a load took, for the recorder.
#[cfg_attr(
    not(feature = "metrics"),
    expect(unused_variables, clippy::missing_const_for_fn, reason = "there is no recorder")
)]
pub(super) fn record_load(took: Duration) {
    #[cfg(feature = "metrics")]
    metrics::histogram!("larder_load_duration_seconds").record(took);
}

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}
