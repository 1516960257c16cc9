use std::time::Duration;

use cache_api::Ttl;

use crate::lease::Terms;

/// How the recordings of a space are made. See the builder methods of `Streams` for each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    pub(crate) ttl: Ttl,
    pub(crate) heartbeat: Duration,
    pub(crate) max_fill_time: Duration,
    pub(crate) read_grace: Duration,
    pub(crate) max_length: u64,
    pub(crate) linger: Duration,
    pub(crate) window: usize,
    pub(crate) head_wait: Duration,
    pub(crate) over_marks: bool,
}

/// A range of durations, both ends within it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    least: Duration,
    most: Duration,
}

impl Bounds {
    const fn new(least: Duration, most: Duration) -> Self {
        Self { least, most }
    }

    /// The nearest that is within it.
    pub(crate) const fn clamp(self, time: Duration) -> Duration {
        let nanos = time.as_nanos();
        if nanos < self.least.as_nanos() {
            self.least
        } else if nanos > self.most.as_nanos() {
            self.most
        } else {
            time
        }
    }
}

/// Shorter ones are more load than news; longer ones keep the key of a dead writer for minutes.
pub(crate) const HEARTBEATS: Bounds =
    Bounds::new(Duration::from_millis(50), Duration::from_secs(60));

/// Nobody waits longer for a head. As all of these it is far from where a time overflows.
pub(crate) const HEAD_WAITS: Bounds = Bounds::new(Duration::ZERO, Duration::from_secs(3600));

pub(crate) const LINGERS: Bounds = Bounds::new(Duration::ZERO, Duration::from_secs(10));

pub(crate) const FILL_TIMES: Bounds = Bounds::new(Duration::ZERO, DAY);

/// At least so long that what is read already can be read to its end, and never for ever.
pub(crate) const READ_GRACES: Bounds = Bounds::new(Duration::from_secs(1), DAY);

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Default for Options {
    fn default() -> Self {
        Self {
            ttl: Ttl::After(Duration::from_secs(3600)),
            heartbeat: Duration::from_millis(1500),
            max_fill_time: Duration::from_secs(600),
            read_grace: Duration::from_secs(600),
            max_length: 64 << 20,
            linger: Duration::from_millis(20),
            window: 1 << 20,
            head_wait: Duration::from_secs(1),
            over_marks: false,
        }
    }
}

/// A body of at most so many bytes stands in its manifest, and takes no chunks.
pub(crate) const INLINE: u64 = 16 << 10;

/// The longest head, encoded, in bytes.
pub(crate) const MAX_HEAD: usize = 256 << 10;

/// A source that has not even answered with a head for so long holds its key no longer.
const LONGEST_LEASE: Duration = Duration::from_secs(60);

/// How long a lost answer to a conditional write is enquired after.
const PATIENCE: Duration = Duration::from_secs(2);

impl Options {
    pub(crate) fn terms(&self) -> Terms {
        Terms {
            heartbeat: self.heartbeat,
            renew_for: self.max_fill_time.min(LONGEST_LEASE),
            patience: PATIENCE,
        }
    }

    /// How long a chunk lives: as long as a manifest that is committed at the last moment, and the
    /// reader who opens that one at its last. Else the first chunk would die before the manifest.
    pub(crate) fn chunk_life(&self, ttl: Duration) -> Duration {
        let life = ttl.saturating_add(self.max_fill_time).saturating_add(self.read_grace);
        // Over that it would be for ever.
        life.min(Ttl::LONGEST)
    }
}
