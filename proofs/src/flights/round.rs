//! Many who ask for one key at the same moment.

use std::{
    fmt,
    ops::AddAssign,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{sync::Barrier, task::JoinSet};

use super::reader::Reader;
use crate::{
    Result,
    time::{Moment, now},
};

/// Tasks that wait for a word to ask for the same key.
#[derive(Debug)]
pub(super) struct Crowd {
    calls: JoinSet<Call>,
    released: Arc<Barrier>,
    loads: Arc<Loads>,
}

/// The loads that they make.
#[derive(Debug, Default)]
struct Loads {
    begun: AtomicU64,
    /// How long the longest took, in nanoseconds.
    longest: AtomicU64,
}

/// What one of them met with.
#[derive(Debug)]
struct Call {
    took: Duration,
    failed: Option<String>,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen {
    /// How many asked.
    pub(super) calls: u64,
    /// How many got no value, or a wrong one, and the first reason.
    pub(super) failed: u64,
    pub(super) error: Option<String>,
    /// How many loads they made.
    pub(super) loads: u64,
    /// How long the slowest call took.
    pub(super) took: Duration,
    /// And how much of that was not spent loading: how long it waited for others.
    pub(super) waited: Duration,
}

impl Crowd {
    /// All of them are there when this returns or soon after, and ask when they are released.
    pub(super) fn gather<F, Fut>(reader: &Arc<Reader>, key: u64, tasks: usize, load: F) -> Self
    where
        F: FnOnce() -> Fut + Clone + Send + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        let released = Arc::new(Barrier::new(tasks + 1));
        let (mut calls, loads) = (JoinSet::new(), Arc::<Loads>::default());
        for _ in 0..tasks {
            let (reader, load, loads) = (Arc::clone(reader), load.clone(), Arc::clone(&loads));
            let released = Arc::clone(&released);
            calls.spawn(async move {
                released.wait().await;
                let begun = now();
                let read = reader.read(key, move || loads.load(key, load)).await;
                let took = Duration::from_nanos(now() - begun);
                let failed = match read {
                    Ok(value) if value == key => None,
                    Ok(value) => Some(format!("{value} instead of {key}")),
                    Err(error) => Some(error.to_string()),
                };
                Call { took, failed }
            });
        }
        Self { calls, released, loads }
    }

    /// Lets them ask, at this moment if it is still to come.
    pub(super) async fn release(mut self, at: Moment) -> Result<Seen> {
        if let Some(left) = at.checked_sub(now()) {
            tokio::time::sleep(Duration::from_nanos(left)).await;
        }
        self.released.wait().await;
        let mut seen = Seen::default();
        while let Some(call) = self.calls.join_next().await {
            let Call { took, failed } = call?;
            seen.calls += 1;
            seen.failed += u64::from(failed.is_some());
            seen.error = seen.error.or(failed);
            seen.took = seen.took.max(took);
        }
        let longest = Duration::from_nanos(self.loads.longest.load(SeqCst));
        seen.loads = self.loads.begun.load(SeqCst);
        seen.waited = seen.took.saturating_sub(longest);
        Ok(seen)
    }
}

impl Loads {
    async fn load<Fut>(self: Arc<Self>, key: u64, load: impl FnOnce() -> Fut) -> Result<u64>
    where
        Fut: Future<Output = Result<()>>,
    {
        self.begun.fetch_add(1, SeqCst);
        let begun = now();
        load().await?;
        self.longest.fetch_max(now() - begun, SeqCst);
        Ok(key)
    }
}

/// What others saw besides.
impl AddAssign for Seen {
    fn add_assign(&mut self, other: Self) {
        self.calls += other.calls;
        self.failed += other.failed;
        self.error = self.error.take().or(other.error);
        self.loads += other.loads;
        self.took = self.took.max(other.took);
        self.waited = self.waited.max(other.waited);
    }
}

/// What was seen of several keys.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    pub(super) all: Seen,
    pub(super) keys: u64,
    /// How many loads there were of the key that was loaded most.
    pub(super) most_loads: u64,
}

impl Rounds {
    /// One more key.
    pub(super) fn add(&mut self, seen: Seen) {
        self.keys += 1;
        self.most_loads = self.most_loads.max(seen.loads);
        self.all += seen;
    }

    /// Whether each key was loaded once, and everyone got its value.
    pub(super) fn are_single(&self) -> bool {
        self.keys > 0 && self.most_loads == 1 && self.all.loads == self.keys && self.all.failed == 0
    }
}

impl fmt::Display for Rounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Seen { calls, failed, error, loads, took, .. } = &self.all;
        match (self.most_loads, *loads == self.keys) {
            (1, true) => write!(f, "1")?,
            (most, _) => write!(f, "≤ {most}, {loads} in all")?,
        }
        write!(f, " ({calls} calls, {failed} failed, slowest {took:.1?})")?;
        error.iter().try_for_each(|error| write!(f, ": {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(loads: &[u64], failed: u64) -> Rounds {
        let mut rounds = Rounds::default();
        for loads in loads {
            rounds.add(Seen { calls: 10, loads: *loads, failed, ..Seen::default() });
        }
        rounds
    }

    #[test]
    fn each_key_is_to_be_loaded_once_and_by_everyone_got() {
        assert!(rounds(&[1, 1], 0).are_single());
        for (loads, failed) in [(&[][..], 0), (&[1, 2], 0), (&[1, 0], 0), (&[2, 0], 0), (&[1], 1)] {
            assert!(!rounds(loads, failed).are_single(), "{loads:?} {failed}");
        }
        assert_eq!(
            rounds(&[3, 1], 0).to_string(),
            "≤ 3, 4 in all (20 calls, 0 failed, slowest 0.0ns)"
        );
    }

    #[test]
    fn of_several_servers_the_slowest_counts_and_all_the_loads() {
        let ms = Duration::from_millis;
        let mut seen = Seen { calls: 1, loads: 1, took: ms(30), waited: ms(1), ..Seen::default() };
        seen += Seen { calls: 2, loads: 2, took: ms(20), waited: ms(20), ..Seen::default() };
        assert_eq!((seen.calls, seen.loads, seen.took, seen.waited), (3, 3, ms(30), ms(20)));
    }
}
