//! A typed `get` on memory, beside bare moka and rmp-serde by hand.

use std::{hint::black_box, sync::Arc, time::Instant};

use backend_memory::MemoryCache;
use bytes::Bytes;
use larder::Larder;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use crate::{
    measure::{alternate, nanos_per_call},
    report::{Goal, Report},
    zipf,
};

const KEYS: usize = 1_000;
const CALLS: usize = 200_000;

/// Ten fields of the sorts that records have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct User {
    id: u64,
    name: String,
    email: String,
    team: String,
    age: u8,
    active: bool,
    score: f64,
    created: i64,
    updated: i64,
    note: Option<String>,
}

impl User {
    pub(crate) fn new(id: u64) -> Self {
        Self {
            id,
            name: format!("User Number {id}"),
            email: format!("user{id}@example.com"),
            team: "infrastructure".into(),
            age: 42,
            active: true,
            score: 0.731,
            created: 1_700_000_000,
            updated: 1_750_000_000,
            note: None,
        }
    }
}

pub(crate) fn run(report: &mut Report, runtime: &Runtime, rounds: usize) {
    report.section("typed values: a record of 10 fields, 1,000 keys, one thread, ns per call");
    let larder = Larder::new(MemoryCache::builder().max_bytes(1 << 30).build());
    let users = larder.namespace("users").expect("a valid name").typed::<User>();
    let peer = moka::future::Cache::<Arc<str>, Bytes>::new(10_000_000);
    let names: Vec<Arc<str>> = (0..KEYS).map(|id| format!("users:{id}").into()).collect();
    runtime.block_on(async {
        for id in 0..KEYS as u64 {
            let user = User::new(id);
            users.set(id, &user).forever().await.expect("memory takes it");
            let bytes = rmp_serde::to_vec_named(&user).expect("a plain record");
            peer.insert(Arc::clone(&names[id as usize]), bytes.into()).await;
        }
    });
    let asked = zipf::indices(KEYS, 0.99, CALLS);
    let ours = || {
        let begin = Instant::now();
        runtime.block_on(async {
            for index in &asked {
                let user = users.get(*index as u64).await;
                assert!(black_box(user).is_ok_and(|user| user.is_some()));
            }
        });
        nanos_per_call(begin.elapsed(), asked.len())
    };
    let theirs = || {
        let begin = Instant::now();
        runtime.block_on(async {
            for index in &asked {
                let bytes = peer.get(&names[*index]).await.expect("it was put there");
                let user: Result<User, _> = rmp_serde::from_slice(&bytes);
                assert!(black_box(user).is_ok());
            }
        });
        nanos_per_call(begin.elapsed(), asked.len())
    };
    let paired = alternate(rounds, ours, theirs);
    report.pair("typed get / moka future + rmp-serde", "ns", paired, Some(Goal::AtMost(1.25)));
}
