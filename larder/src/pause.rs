//! Pauses between attempts.

use std::time::Duration;

/// Pauses that grow up to a bound, each of a length by chance up to what it has grown to, so that those
/// who try for the same thing do not all come back at once.
#[derive(Debug)]
pub(crate) struct Pauses {
    next: Duration,
    longest: Duration,
}

impl Pauses {
    pub(crate) const fn new(first: Duration, longest: Duration) -> Self {
        Self { next: first, longest }
    }

    pub(crate) fn next(&mut self) -> Duration {
        let pause = self.next.mul_f64(rand::random_range(0.0..=1.0));
        self.next = (self.next * 2).min(self.longest);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_grow_up_to_the_bound_and_are_all_of_different_lengths() {
        let (first, longest) = (Duration::from_millis(10), Duration::from_millis(60));
        let mut pauses = Pauses::new(first, longest);
        for grown in [10, 20, 40, 60, 60, 60] {
            assert!(pauses.next() <= Duration::from_millis(grown));
        }
        let (a, b, c) = (pauses.next(), pauses.next(), pauses.next());
        assert!(a != b || b != c);
    }
}
