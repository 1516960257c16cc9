//! What became of the requests, in figures.

use std::time::Duration;

use super::{RECOVERY, TIMEOUT, faults::Outage, reader::Answered, traffic::Sample};
use crate::time::{Lateness, Moment, nanos};

/// Stores keep their deadlines to about 10 ms.
const KEPT: Duration = Duration::from_millis(20);
/// Nothing is excused beyond this, however late the machine was.
const LIMIT: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(super) struct Figures {
    pub(super) requests: u64,
    pub(super) hits: u64,
    pub(super) kept: u64,
    pub(super) uncached: u64,
    pub(super) failed: u64,
    /// The most that a request took besides its loader.
    pub(super) worst: Duration,
    /// How many lost more than the timeout.
    pub(super) over: u64,
    /// Those that did only while a bare timer or a bare request was as late. Not counted as over.
    pub(super) late: u64,
    /// While the breaker was open and no bare timer late: how many, and what 99 of 100 lost at most.
    pub(super) open: u64,
    pub(super) open_p99: Duration,
    /// What 99 of 100 bare ones lost at most, in the same time.
    pub(super) bare_p99: Duration,
    /// After the store was back, at worst: until the first hit, and until the last answer that the store had
    /// no part in.
    pub(super) first_hit: Option<Duration>,
    pub(super) last_uncached: Duration,
}

impl Figures {
    pub(super) fn of(samples: &[Sample], outages: &[Outage], lateness: &Lateness) -> Self {
        let mut figures = Self::default();
        let (mut open, mut bare) = (Vec::new(), Vec::new());
        let slow: Vec<_> =
            samples.iter().filter(|other| other.answered.is_none() && other.added > KEPT).collect();
        for sample in samples {
            let late = lateness.between(sample.due, sample.done);
            if sample.open && late.is_zero() {
                let among = if sample.answered.is_some() { &mut open } else { &mut bare };
                among.push(sample.added);
            }
            let Some(answered) = sample.answered else { continue };
            figures.requests += 1;
            *match answered {
                Answered::Hit => &mut figures.hits,
                Answered::Kept => &mut figures.kept,
                Answered::Uncached => &mut figures.uncached,
                Answered::Failed => &mut figures.failed,
            } += 1;
            figures.worst = figures.worst.max(sample.added);
            if sample.added > TIMEOUT + KEPT {
                // What a bare one lost at the same time is not the store's doing either.
                let meanwhile =
                    slow.iter().filter(|bare| bare.due <= sample.done && sample.due <= bare.done);
                let late = meanwhile.map(|bare| bare.added).fold(late, Duration::max);
                let excused = sample.added <= (TIMEOUT + KEPT + late).min(LIMIT);
                *if excused { &mut figures.late } else { &mut figures.over } += 1;
            }
        }
        figures.open = open.len() as u64;
        (figures.open_p99, figures.bare_p99) = (p99(open), p99(bare));
        figures.recovery(samples, outages);
        figures
    }

    /// Of each outage after which the store had the time.
    fn recovery(&mut self, samples: &[Sample], outages: &[Outage]) {
        for (index, outage) in outages.iter().enumerate() {
            let next = outages.get(index + 1).map_or(Moment::MAX, |next| next.from);
            if next - outage.until < nanos(RECOVERY) {
                continue;
            }
            let after = |answered| {
                let after = samples.iter().filter(move |sample| {
                    sample.answered == Some(answered)
                        && outage.until <= sample.due
                        && sample.done < next
                });
                after.map(|sample| Duration::from_nanos(sample.done - outage.until))
            };
            let hit = after(Answered::Hit).min().unwrap_or(Duration::MAX);
            self.first_hit = self.first_hit.max(Some(hit));
            self.last_uncached =
                after(Answered::Uncached).max().unwrap_or_default().max(self.last_uncached);
        }
    }
}

fn p99(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() * 99 / 100).copied().unwrap_or_default()
}
