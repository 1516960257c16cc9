//! Two ways of doing one thing, in turn: A B A B …, so that a machine that drifts drifts for both.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use tokio::runtime::Runtime;

/// What a measurement of two ways came to.
#[derive(Debug, Clone, Copy)]
pub struct Paired {
    /// Median of ours.
    pub ours: f64,
    /// Median of the peer's.
    pub peer: f64,
    /// Median of the ratios ours / peer, pair by pair.
    pub ratio: f64,
    /// Least and greatest of those ratios: how noisy the run was.
    pub spread: (f64, f64),
}

/// Runs ours and the peer's in turn, once uncounted and then `rounds` times.
///
/// Each closure does its work once and returns its figure. Which of the two goes first changes from
/// pair to pair.
pub fn alternate(
    rounds: usize,
    mut ours: impl FnMut() -> f64,
    mut peer: impl FnMut() -> f64,
) -> Paired {
    ours();
    peer();
    let mut pairs = Vec::with_capacity(rounds);
    for round in 0..rounds {
        pairs.push(if round % 2 == 0 {
            let first = ours();
            (first, peer())
        } else {
            let first = peer();
            (ours(), first)
        });
    }
    let ratios = sorted(pairs.iter().map(|(ours, peer)| ours / peer));
    Paired {
        ours: middle(&sorted(pairs.iter().map(|pair| pair.0))),
        peer: middle(&sorted(pairs.iter().map(|pair| pair.1))),
        ratio: middle(&ratios),
        spread: (ratios[0], ratios[ratios.len() - 1]),
    }
}

/// The figure that a share of all figures stays under: 0.5 is the median, 0.99 the 99th percentile.
pub fn percentile(figures: impl IntoIterator<Item = f64>, share: f64) -> f64 {
    let figures = sorted(figures);
    match figures.len() {
        0 => f64::NAN,
        n => figures[((n as f64 * share) as usize).min(n - 1)],
    }
}

/// How long the processors have worked for this process so far, all its threads together.
pub fn cpu() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let nanos = tasks.filter_map(|task| {
        let stat = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        stat.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}

/// Nanoseconds per call, of `calls` calls that took this long.
pub fn nanos_per_call(took: Duration, calls: usize) -> f64 {
    took.as_nanos() as f64 / calls as f64
}

/// Asks for each of these in turn, in one task: nanoseconds per call.
///
/// # Panics
///
/// If an answer is no hit: that is not what is measured.
pub fn hits(
    runtime: &Runtime,
    asked: impl IntoIterator<Item = usize>,
    get: impl AsyncFn(usize) -> bool,
) -> f64 {
    let (mut calls, begin) = (0, Instant::now());
    runtime.block_on(async {
        for index in asked {
            assert!(black_box(get(index).await));
            calls += 1;
        }
    });
    nanos_per_call(begin.elapsed(), calls)
}

/// How long it takes.
pub async fn timed<T>(work: impl Future<Output = T>) -> (Duration, T) {
    let begin = Instant::now();
    let result = work.await;
    (begin.elapsed(), result)
}

fn sorted(figures: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut figures: Vec<f64> = figures.into_iter().collect();
    figures.sort_by(f64::total_cmp);
    figures
}

fn middle(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[half] } else { (sorted[half - 1] + sorted[half]) / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_the_median_of_pairs() {
        let mut ours = [0.0, 2.0, 4.0, 6.0].into_iter();
        let mut peer = [0.0, 1.0, 1.0, 2.0].into_iter();
        let paired = alternate(3, || ours.next().unwrap(), || peer.next().unwrap());
        assert_eq!((paired.ours, paired.peer, paired.ratio), (4.0, 1.0, 3.0));
        assert_eq!(paired.spread, (2.0, 4.0));
    }

    #[test]
    fn percentiles_come_from_the_sorted_figures() {
        assert_eq!(percentile((0..100).rev().map(f64::from), 0.99), 99.0);
        assert_eq!(percentile([5.0], 0.5), 5.0);
    }
}
