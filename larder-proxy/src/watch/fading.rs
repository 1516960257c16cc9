//! Counts that fade: what is told of "now" is of the last minute mostly, and costs no list of times.

/// Numbers for counts of which each second takes its part.
pub(super) struct Fading;

impl Fading {
    /// What a second leaves of a count, so that half of it is left after half a minute: two to the power of
    /// `-1 / 30`.
    pub(super) const PER_SECOND: f64 = 0.977_159_968_434_245_6;
    /// A count that has become steady, times this, is how much is added each second.
    pub(super) const RATE: f64 = 1.0 - Self::PER_SECOND;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_is_left_after_half_a_minute() {
        assert!((Fading::PER_SECOND - 0.5_f64.powf(1.0 / 30.0)).abs() < 1e-15);
    }
}
