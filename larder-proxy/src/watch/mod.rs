//! What the page of a server shows beyond the plain counters. Kept only where there is a page: with an admin
//! address.

mod asking;
mod beat;
mod fading;
mod fleet;
mod history;
mod latency;
mod record;
mod status;
mod top;
mod work;

use std::{
    hash::RandomState,
    sync::{Arc, Mutex, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use http::{Uri, uri::Authority};

use self::{
    asking::{Asking, shown},
    beat::Health,
    fleet::Fleet,
    history::{History, Sample},
    latency::{Latency, Recent},
    record::{MOST, Record},
    top::Top,
    work::{Works, lock},
};
pub(crate) use self::{
    status::Status,
    work::{Fetching, Following},
};
use crate::{Config, front::Cached, metrics::Metrics};

/// What is watched of a server.
#[derive(Debug)]
pub(crate) struct Watch {
    id: String,
    name: String,
    origin: String,
    began: Instant,
    with_query: bool,
    numbers: RandomState,
    top: Mutex<Top>,
    works: Arc<Works>,
    /// First bytes of answers from the cache, and from the origin.
    first_byte: [Latency; 2],
    recent: Mutex<[Recent; 2]>,
    history: Mutex<History>,
    fleet: Mutex<Fleet>,
    health: Mutex<Health>,
}

/// A request that is watched on its way to the origin.
#[derive(Debug, Clone)]
pub(crate) struct Watched {
    watch: Arc<Watch>,
    asking: Arc<Asking>,
}

impl Watch {
    pub(crate) fn new(config: &Config, listens: std::net::SocketAddr) -> Self {
        let number: u64 = rand::random();
        let id = format!("{number:016x}");
        Self {
            name: shown(&format!("{}@{listens}", config.name)),
            origin: shown(&config.origin.to_string()),
            began: Instant::now(),
            with_query: config.log_query,
            numbers: RandomState::new(),
            top: Mutex::default(),
            works: Arc::default(),
            first_byte: Default::default(),
            recent: Mutex::default(),
            history: Mutex::default(),
            fleet: Mutex::new(Fleet::new(id.clone(), number as usize)),
            health: Mutex::default(),
            id,
        }
    }

    /// A request comes.
    pub(crate) fn asked(self: &Arc<Self>, authority: Option<&Authority>, uri: &Uri) -> Watched {
        let asking = Arc::new(Asking::new(authority, uri, self.with_query));
        Watched { watch: Arc::clone(self), asking }
    }

    /// A second has passed.
    fn fade(&self, metrics: &Metrics) {
        lock(&self.top).fade();
        for (recent, all) in lock(&self.recent).iter_mut().zip(&self.first_byte) {
            recent.fade(all);
        }
        lock(&self.history).push(sample(metrics));
    }

    /// What this server says of itself.
    fn record(&self, metrics: &Metrics, draining: bool) -> Record {
        let Sample { answers, kept } = sample(metrics);
        let history = lock(&self.history);
        Record {
            id: self.id.clone(),
            name: self.name.clone(),
            draining,
            up_s: self.began.elapsed().as_secs(),
            answers,
            kept,
            saved_bytes: metrics.saved_bytes(),
            origin_requests: metrics.origin_requests(),
            answers_per_second: history.answers_per_second(),
            ratio: history.ratio(),
            recordings: self.works.recordings(MOST),
            followed: self.works.followed(MOST),
        }
    }
}

impl Watched {
    /// Its answer is on its way. What is returned lives as long as its body does.
    pub(crate) fn answered(&self, cached: Cached, took: Duration) -> Option<Following> {
        let Self { watch, asking } = self;
        if cached == Cached::Own {
            return None;
        }
        let kept = cached.is_kept();
        watch.first_byte[usize::from(!kept)].record(took);
        // Nobody waits for a statistic: who finds it taken is not counted.
        if let Ok(mut top) = watch.top.try_lock() {
            top.record(asking.id(&watch.numbers), kept, || asking.name());
        }
        match cached {
            // A stale answer has a refresh behind it.
            Cached::Recorded | Cached::Stale => asking.recorded.store(true, Relaxed),
            Cached::Followed => return Some(watch.works.follow(asking.name())),
            _ => {}
        }
        None
    }

    /// The origin begins to send what was asked for.
    pub(crate) fn fetch(&self, length: Option<u64>) -> Fetching {
        self.watch.works.fetch(Arc::clone(&self.asking), length)
    }
}

fn sample(metrics: &Metrics) -> Sample {
    let answers = Cached::ALL.into_iter().filter(|cached| *cached != Cached::Own);
    let kept = answers.clone().filter(|cached| cached.is_kept());
    Sample {
        answers: answers.map(|cached| metrics.answers(cached)).sum(),
        kept: kept.map(|cached| metrics.answers(cached)).sum(),
    }
}
