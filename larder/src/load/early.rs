//! When to refresh an answer before its time is over.
//!
//! A. Vattani, F. Chierichetti, K. Lowenstein, *Optimal Probabilistic Cache Stampede Prevention*, VLDB
//! 2015: now, if `now + cost · β · −ln(random) ≥ end`. A read decides by itself; of a thousand a second
//! some decide early, and the lease decides which of them does it.

use std::time::Duration;

use crate::envelope::Lifetime;

/// Whether this read should refresh. `random`: evenly from (0, 1].
pub(crate) fn is_due(lifetime: &Lifetime, eagerness: f64, now_ms: u64, random: f64) -> bool {
    let left = lifetime.fresh_left(now_ms);
    left.is_some_and(|left| ahead(lifetime, eagerness, random) >= left)
}

/// How long before its end an answer is refreshed, by this throw of the dice.
pub(crate) fn ahead(lifetime: &Lifetime, eagerness: f64, random: f64) -> Duration {
    let factor = eagerness * -random.max(f64::MIN_POSITIVE).ln();
    // An hour is ahead of anything that is worth it, and nowhere near an overflow.
    let most = Duration::from_secs(3600);
    Duration::try_from_secs_f64(lifetime.load_cost().as_secs_f64() * factor)
        .map_or(most, |time| time.min(most))
}

#[cfg(test)]
mod tests {
    use cache_api::Ttl;

    use super::*;

    fn lifetime(cost_ms: u32) -> Lifetime {
        let ttl = Ttl::After(Duration::from_secs(60));
        Lifetime { load_cost_ms: cost_ms, ..Lifetime::new(0, ttl, Duration::ZERO) }
    }

    /// P(refresh) = e^(−left / (β · cost)).
    #[test]
    fn the_nearer_the_end_and_the_dearer_the_load_the_likelier() {
        for (cost_ms, left_ms, expected) in
            [(400, 400, 0.3679), (400, 2_000, 0.0067), (2_000, 2_000, 0.3679), (400, 0, 1.0)]
        {
            let draws = 100_000;
            let due = (1..=draws)
                .filter(|draw| {
                    let random = f64::from(*draw) / f64::from(draws);
                    is_due(&lifetime(cost_ms), 1.0, 60_000 - left_ms, random)
                })
                .count();
            let share = due as f64 / f64::from(draws);
            assert!((share - expected).abs() < 0.001, "{cost_ms} {left_ms}: {share}");
        }
    }

    #[test]
    fn what_lives_for_ever_is_never_due() {
        let lifetime = Lifetime { load_cost_ms: 1000, ..Lifetime::plain(0, Ttl::Never) };
        assert!(!is_due(&lifetime, 100.0, u64::MAX, f64::MIN_POSITIVE));
    }
}
