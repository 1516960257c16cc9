//! Requests that come when they are due, whatever became of those before.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::{
    runtime::Handle,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

use super::{
    KEYS, PACE,
    reader::{Answered, Loaded, Reader, load},
};
use crate::{
    Result,
    time::{Moment, nanos, now},
};

/// What became of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    /// When it was due.
    pub(super) due: Moment,
    pub(super) done: Moment,
    /// What it took, but for the time in which its loader worked.
    pub(super) added: Duration,
    /// `None`: it was a bare one, which only loads.
    pub(super) answered: Option<Answered>,
    /// Whether the breaker was open all that time.
    pub(super) open: bool,
}

/// Requests under way.
#[derive(Debug)]
pub(super) struct Traffic {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
    samples: UnboundedReceiver<Sample>,
}

impl Traffic {
    /// Starts on the present runtime. The clock that it goes by is a thread of its own: tokio's timers are
    /// coarser than the pace.
    pub(super) fn start(reader: Reader, seed: u64) -> Self {
        let (stop, runtime) = (Arc::new(AtomicBool::new(false)), Handle::current());
        let (tell, samples) = unbounded_channel();
        let (stopped, reader) = (Arc::clone(&stop), Arc::new(reader));
        let thread = thread::spawn(move || {
            let mut rng = StdRng::seed_from_u64(seed);
            let mut due = now();
            while !stopped.load(SeqCst) {
                due += nanos(PACE);
                thread::sleep(Duration::from_nanos(due.saturating_sub(now())));
                let key = rng.random_range(0..KEYS);
                runtime.spawn(request(Arc::clone(&reader), key, due, tell.clone()));
                runtime.spawn(bare(Arc::clone(&reader), due, tell.clone()));
            }
        });
        Self { stop, thread, samples }
    }

    /// No more of them; what became of all.
    pub(super) async fn end(mut self) -> Result<Vec<Sample>> {
        self.stop.store(true, SeqCst);
        let mut samples = Vec::new();
        // Until the last of them has told.
        while let Some(sample) = self.samples.recv().await {
            samples.push(sample);
        }
        self.thread.join().map_err(|_| "the thread of the requests panicked")?;
        Ok(samples)
    }
}

async fn request(reader: Arc<Reader>, key: u64, due: Moment, tell: UnboundedSender<Sample>) {
    let before = reader.outage();
    let read = reader.read(key).await;
    let done = now();
    let open = before.is_some() && reader.outage() == before;
    let (loaded, answered) = match read {
        Ok((loaded, answered)) => (Some(loaded), answered),
        Err(_) => (None, Answered::Failed),
    };
    let added = added(due, done, loaded);
    // Nobody listens any more: the proof has failed otherwise.
    let _ = tell.send(Sample { due, done, added, answered: Some(answered), open });
}

async fn bare(reader: Arc<Reader>, due: Moment, tell: UnboundedSender<Sample>) {
    let before = reader.outage();
    let loaded = load().await.ok();
    let done = now();
    let open = before.is_some() && reader.outage() == before;
    let added = added(due, done, loaded);
    let _ = tell.send(Sample { due, done, added, answered: None, open });
}

/// The time from when it was due, but for what its load took of that.
fn added(due: Moment, done: Moment, loaded: Option<Loaded>) -> Duration {
    let loading =
        loaded.map_or(0, |loaded| loaded.done.min(done).saturating_sub(loaded.begun.max(due)));
    Duration::from_nanos((done - due).saturating_sub(loading))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_counts_as_far_as_it_fell_into_the_request() {
        for (begun, done, rest) in [(20, 50, 70), (5, 15, 95), (90, 130, 80), (1, 9, 100)] {
            let loaded = Loaded { begun, done };
            assert_eq!(added(10, 110, Some(loaded)).as_nanos(), rest, "{loaded:?}");
        }
        assert_eq!(added(10, 110, None).as_nanos(), 100);
    }
}
