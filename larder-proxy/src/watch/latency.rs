//! Percentiles of how long things took in the last minute or so, from counts in fixed buckets.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use serde::Serialize;

use super::fading::Fading;

/// Four buckets to each doubling, from a microsecond to a bit over a minute: a percentile is off by less
/// than a tenth.
const BUCKETS: usize = 4 * 26;

/// Counts of durations.
#[derive(Debug)]
pub(super) struct Latency([AtomicU64; BUCKETS]);

/// The same, fading.
#[derive(Debug)]
pub(super) struct Recent {
    counts: [f64; BUCKETS],
    seen: [u64; BUCKETS],
}

/// How long it took for half, for 95 and for 99 of 100, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Percentiles {
    pub(super) p50: f64,
    pub(super) p95: f64,
    pub(super) p99: f64,
}

impl Default for Latency {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; BUCKETS])
    }
}

impl Default for Recent {
    fn default() -> Self {
        Self { counts: [0.0; BUCKETS], seen: [0; BUCKETS] }
    }
}

impl Latency {
    pub(super) fn record(&self, took: Duration) {
        self.0[bucket(took.as_secs_f64() * 1e6)].fetch_add(1, Relaxed);
    }
}

impl Recent {
    /// A second has passed.
    pub(super) fn fade(&mut self, all: &Latency) {
        let each = self.counts.iter_mut().zip(&mut self.seen).zip(&all.0);
        for ((count, seen), now) in each {
            let now = now.load(Relaxed);
            let new = now.wrapping_sub(std::mem::replace(seen, now));
            *count = *count * Fading::PER_SECOND + new as f64;
        }
    }

    /// `None` where there was hardly anything.
    pub(super) fn percentiles(&self) -> Option<Percentiles> {
        let all: f64 = self.counts.iter().sum();
        (all > 0.05).then(|| {
            let [p50, p95, p99] = [0.50, 0.95, 0.99].map(|part| self.below(all * part) / 1e3);
            Percentiles { p50, p95, p99 }
        })
    }

    /// How many microseconds this many took at most: within a bucket, as if they were spread evenly.
    fn below(&self, many: f64) -> f64 {
        let mut sum = 0.0;
        for (bucket, &count) in self.counts.iter().enumerate() {
            if sum + count >= many && count > 0.0 {
                let part = (many - sum) / count;
                return bound(bucket as f64 + part);
            }
            sum += count;
        }
        bound(BUCKETS as f64)
    }
}

/// The bucket of so many microseconds.
fn bucket(micros: f64) -> usize {
    let bucket = micros.max(1.0).log2() * 4.0;
    // A float beyond the range is cut to it, and never out of bounds.
    (bucket as usize).min(BUCKETS - 1)
}

/// Where a bucket begins, in microseconds.
fn bound(bucket: f64) -> f64 {
    (bucket / 4.0).exp2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_off_by_less_than_a_tenth() {
        let (all, mut recent) = (Latency::default(), Recent::default());
        for micros in 1..=10_000 {
            all.record(Duration::from_micros(micros));
        }
        recent.fade(&all);
        let found = recent.percentiles().unwrap();
        for (found, exact) in [(found.p50, 5.0), (found.p95, 9.5), (found.p99, 9.9)] {
            assert!((found / exact - 1.0).abs() < 0.1, "{found} for {exact}");
        }
    }

    #[test]
    fn what_is_past_fades() {
        let (all, mut recent) = (Latency::default(), Recent::default());
        assert_eq!(recent.percentiles(), None);
        for _ in 0..1_000 {
            all.record(Duration::from_millis(100));
        }
        for _ in 0..200 {
            recent.fade(&all);
            for _ in 0..10 {
                all.record(Duration::from_millis(1));
            }
        }
        let found = recent.percentiles().unwrap();
        assert!(found.p95 < 2.0 && found.p99 < 120.0, "{found:?}");
        for _ in 0..1_000 {
            recent.fade(&all);
        }
        assert_eq!(recent.percentiles(), None);
    }

    #[test]
    fn any_duration_has_a_bucket() {
        let (all, mut recent) = (Latency::default(), Recent::default());
        for took in [Duration::ZERO, Duration::MAX, Duration::from_secs(3600)] {
            all.record(took);
        }
        recent.fade(&all);
        let found = recent.percentiles().unwrap();
        assert!(found.p99 < 100_000.0 && found.p50 > 0.0, "{found:?}");
    }
}
