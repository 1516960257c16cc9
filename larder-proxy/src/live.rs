//! Counting what is there now: connections, requests, bodies.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

/// How many there are of something.
#[derive(Debug, Clone, Default)]
pub(crate) struct Live(Arc<AtomicU64>);

impl Live {
    /// One more, until it is dropped.
    pub(crate) fn one(&self) -> One {
        self.0.fetch_add(1, Relaxed);
        One(self.clone())
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// One of what is counted.
#[derive(Debug)]
pub(crate) struct One(Live);

impl Drop for One {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_counts_while_it_lives() {
        let live = Live::default();
        let (one, two) = (live.one(), live.one());
        assert_eq!(live.count(), 2);
        drop(one);
        assert_eq!(live.count(), 1);
        drop(two);
        assert_eq!(live.count(), 0);
    }
}
