//! Counts that fade: what is told of "now" is of the last minute mostly, and costs no list of times.

/// Numbers for counts of which each second takes its part.
pub(super) struct Fading;

impl Fading {
    /// What a second leaves of a count, so that half of it is left after half a minute: two to the power of
    /// `-1 / 30`.
    pub(super) const PER_SECOND: f64 = 0.977_159_968_434_245_6;

    /// What makes a count that was added to for so many seconds an amount per second.
    pub(super) fn rate(seconds: i32) -> f64 {
        (1.0 - Self::PER_SECOND) / (1.0 - Self::PER_SECOND.powi(seconds.max(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_is_left_after_half_a_minute() {
        assert!((Fading::PER_SECOND - 0.5_f64.powf(1.0 / 30.0)).abs() < 1e-15);
    }

    #[test]
    fn a_rate_is_right_from_the_start() {
        let mut count = 0.0;
        for second in 1..=1_000 {
            count = count * Fading::PER_SECOND + 7.0;
            assert!((count * Fading::rate(second) - 7.0).abs() < 1e-9, "{second}");
        }
        assert!(Fading::rate(0).is_finite() && Fading::rate(i32::MAX).is_finite());
    }
}
