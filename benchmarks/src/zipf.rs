//! Which key is asked for: some often, most seldom, as in real caches.

use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};

/// `count` indices under `keys`, by Zipf's law with this exponent, from a fixed seed.
pub fn indices(keys: usize, exponent: f64, count: usize) -> Vec<usize> {
    let mut total = 0.0;
    let cumulated: Vec<f64> = (1..=keys)
        .map(|rank| {
            total += (rank as f64).powf(-exponent);
            total
        })
        .collect();
    let mut rng = StdRng::seed_from_u64(7);
    let mut places: Vec<usize> = (0..keys).collect();
    shuffle(&mut places, &mut rng);
    (0..count)
        .map(|_| {
            let at = rng.random_range(0.0..total);
            places[cumulated.partition_point(|sum| *sum < at).min(keys - 1)]
        })
        .collect()
}

/// Popular keys lie anywhere, not side by side in memory.
fn shuffle(places: &mut [usize], rng: &mut impl Rng) {
    for last in (1..places.len()).rev() {
        places.swap(last, rng.random_range(0..=last));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_keys_are_asked_for_often() {
        let indices = indices(1000, 0.99, 100_000);
        let mut counts = vec![0; 1000];
        indices.iter().for_each(|index| counts[*index] += 1);
        counts.sort_unstable();
        assert!(counts[999] > 50 * counts[500].max(1), "{} {}", counts[999], counts[500]);
    }
}
