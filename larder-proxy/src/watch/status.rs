//! `/status.json`: what the page shows.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use larder::Space;
use serde::Serialize;

use super::{
    Watch,
    beat::Health,
    history::Columns,
    latency::Percentiles,
    record::{MOST, Record},
    work::lock,
};
use crate::{front::Cached, metrics::Metrics};

/// How many keys are shown.
const KEYS: usize = 12;

/// All of it. Times in seconds, but for `…_ms`; ratios of one.
#[derive(Debug, Serialize)]
pub(crate) struct Status {
    server: Server,
    version: &'static str,
    origin: String,
    namespace: String,
    history: Columns,
    answers: Counts,
    statuses: Counts,
    first_byte_ms: FirstByte,
    body_bytes: u64,
    connections: u64,
    in_flight: u64,
    recordings: Vec<Recorded>,
    keys: Vec<Key>,
    servers: Vec<Server>,
    store: Store,
}

type Counts = BTreeMap<String, u64>;

#[derive(Debug, Serialize)]
struct FirstByte {
    cache: Option<Percentiles>,
    origin: Option<Percentiles>,
}

/// The recordings of one key, on all servers.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Recorded {
    key: String,
    recordings: u64,
    /// Answers that follow, on all servers.
    followers: u64,
    servers: Vec<String>,
    bytes: u64,
    length: Option<u64>,
    age_ms: u64,
}

#[derive(Debug, Serialize)]
struct Key {
    key: String,
    requests_per_second: f64,
    ratio: f64,
}

#[derive(Debug, Serialize)]
struct Server {
    name: String,
    /// It is the one that tells.
    this: bool,
    state: &'static str,
    gone_s: Option<u64>,
    up_s: u64,
    answers: u64,
    kept: u64,
    saved_bytes: u64,
    origin_requests: u64,
    answers_per_second: f64,
    ratio: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Store {
    name: &'static str,
    state: &'static str,
    answer_ms: Option<f64>,
    silent_s: Option<u64>,
    errors: u64,
}

impl Watch {
    pub(crate) fn status(&self, metrics: &Metrics, space: &Space, draining: bool) -> Status {
        let own = self.record(metrics, draining);
        let others = lock(&self.fleet).others(Instant::now());
        let health = *lock(&self.health);
        let told = matches!(health, Health::Answers(_) | Health::Full(_));
        let there = others.iter().filter(|(_, gone)| gone.is_none()).map(|(record, _)| record);
        let recordings = recorded(std::iter::once(&own).chain(there));
        let others = others.iter().map(|(record, gone)| Server::of(record, false, *gone, told));
        let mut servers: Vec<_> =
            std::iter::once(Server::of(&own, true, None, true)).chain(others).collect();
        servers.sort_by(|a, b| (a.gone_s.is_some(), &a.name).cmp(&(b.gone_s.is_some(), &b.name)));
        let [cache, origin] = lock(&self.recent).each_ref().map(super::Recent::percentiles);
        let keys = lock(&self.top).list(KEYS);
        Status {
            server: Server::of(&own, true, None, true),
            version: env!("CARGO_PKG_VERSION"),
            origin: self.origin.clone(),
            namespace: space.namespace().to_string(),
            history: lock(&self.history).columns(),
            answers: Cached::ALL.map(|c| (c.word().to_owned(), metrics.answers(c))).into(),
            statuses: (0..10)
                .map(|digit| (format!("{digit}xx"), metrics.statuses(digit)))
                .filter(|(_, count)| *count > 0)
                .collect(),
            first_byte_ms: FirstByte { cache, origin },
            body_bytes: metrics.body_bytes(),
            connections: metrics.connections.count(),
            in_flight: metrics.in_flight.count(),
            recordings,
            keys: keys
                .into_iter()
                .map(|ranked| Key {
                    key: ranked.name,
                    requests_per_second: ranked.requests_per_second,
                    ratio: ranked.kept,
                })
                .collect(),
            servers,
            store: Store::of(health, space),
        }
    }
}

impl Server {
    fn of(record: &Record, this: bool, gone: Option<Duration>, told: bool) -> Self {
        Self {
            name: record.name.clone(),
            this,
            state: match gone {
                _ if !told => "unknown",
                Some(_) => "gone",
                None if record.draining => "draining",
                None => "serving",
            },
            gone_s: gone.map(|gone| gone.as_secs()),
            up_s: record.up_s,
            answers: record.answers,
            kept: record.kept,
            saved_bytes: record.saved_bytes,
            origin_requests: record.origin_requests,
            answers_per_second: record.answers_per_second,
            ratio: record.ratio,
        }
    }
}

impl Store {
    fn of(health: Health, space: &Space) -> Self {
        let larder = space.larder();
        let (state, answer_ms, silent_s) = match health {
            Health::Unknown => ("unknown", None, None),
            Health::Answers(took) => ("answers", Some(took.as_secs_f64() * 1e3), None),
            Health::Full(took) => ("full", Some(took.as_secs_f64() * 1e3), None),
            Health::Silent(since) => ("silent", None, Some(since.elapsed().as_secs())),
        };
        let (name, errors) = (larder.store().name(), larder.stats().errors);
        Self { name, state, answer_ms, silent_s, errors }
    }
}

/// What is recorded on any of these servers, with those who follow it on any of them.
fn recorded<'a>(records: impl Iterator<Item = &'a Record> + Clone) -> Vec<Recorded> {
    let mut all: BTreeMap<&str, Recorded> = BTreeMap::new();
    for record in records.clone() {
        for recording in &record.recordings {
            let one = all.entry(&recording.key).or_default();
            one.recordings += 1;
            one.bytes = one.bytes.max(recording.bytes);
            one.length = one.length.max(recording.length);
            one.age_ms = one.age_ms.max(recording.age_ms);
            if !one.servers.contains(&record.name) {
                one.servers.push(record.name.clone());
            }
        }
    }
    for (key, followers) in records.flat_map(|record| &record.followed) {
        if let Some(one) = all.get_mut(key.as_str()) {
            one.followers = one.followers.saturating_add(*followers);
        }
    }
    let mut all: Vec<_> =
        all.into_iter().map(|(key, one)| Recorded { key: key.into(), ..one }).collect();
    all.sort_by_key(|one| std::cmp::Reverse(one.age_ms));
    all.truncate(MOST);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::work::Recording;

    #[test]
    fn followers_anywhere_belong_to_the_recording_somewhere() {
        let recording = Recording { key: "/a".into(), bytes: 7, length: Some(9), age_ms: 5 };
        let writer = Record {
            name: "a".into(),
            recordings: vec![recording.clone(), recording],
            followed: vec![("/a".into(), 1)],
            ..Record::default()
        };
        let follower = Record {
            name: "b".into(),
            followed: vec![("/a".into(), 3), ("/ended".into(), 1)],
            ..Record::default()
        };
        let expected = Recorded {
            key: "/a".into(),
            recordings: 2,
            followers: 4,
            servers: vec!["a".into()],
            bytes: 7,
            length: Some(9),
            age_ms: 5,
        };
        assert_eq!(recorded([&writer, &follower].into_iter()), [expected]);
    }
}
