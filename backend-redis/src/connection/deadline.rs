//! One deadline for everything that a request waits for.

use std::time::{Duration, Instant};

/// How exactly deadlines are kept. One timer per connection serves all its requests.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// What moving so many bytes may take besides: a millisecond for each 32 KiB.
pub(crate) fn allowance(bytes: usize) -> Duration {
    Duration::from_millis(bytes as u64 >> 15)
}

/// The time that one operation has, its retries included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    pub(crate) after: Duration,
    pub(crate) until: Instant,
}

impl Deadline {
    pub(crate) fn new(base: Duration, bytes: usize) -> Self {
        let after = base + allowance(bytes);
        Self { after, until: Instant::now() + after }
    }

    /// Waits, unless the deadline would pass meanwhile.
    pub(crate) async fn pause(&self, pause: Duration) -> bool {
        let fits = Instant::now() + pause < self.until;
        if fits {
            tokio::time::sleep(pause).await;
        }
        fits
    }
}
