//! One process, on every kind of store.

use std::{path::Path, sync::Arc, time::Duration};

use backend_memory::MemoryCache;
use backend_redis::RedisCache;
use backend_sled::SledCache;
use cache_api::Cache;
use integration_tests::servers::RedisServer;
use larder::Tiered;

use super::{
    reader::{Protocol, Reader},
    round::{Crowd, Rounds},
};
use crate::{Report, Result, Run, time::now};

/// How long to wait for what others load, where nobody has to wait.
const WAIT: Duration = Duration::from_secs(5);
/// How long the Redis may take to answer.
const DEADLINE: Duration = Duration::from_secs(5);
/// How long every other load takes. The rest is over at once, which is when latecomers find nothing to share.
const LOAD: Duration = Duration::from_millis(5);

/// All stores, and as many tasks as there may be.
pub(super) async fn run(run: &Run, report: &mut Report) -> Result<()> {
    let redis = RedisServer::start().await?;
    let directory = tempfile::tempdir()?;
    let mut keys = 0..;
    for (name, store) in stores(&redis.url(), directory.path()).await? {
        let reader = reader(Protocol::Larder, &store)?;
        for (tasks, rounds) in run.of(
            [(10, 20), (100, 20), (1_000, 10), (10_000, 2)],
            [(10, 100), (100, 100), (1_000, 100), (10_000, 100)],
        ) {
            let seen = play(&reader, keys.by_ref().take(rounds), tasks).await?;
            let what = format!("{tasks} tasks × {name}, {rounds} keys: loads of each");
            report.row(what, "1", seen.to_string(), seen.are_single());
        }
        let (tasks, rounds) = (100, 10);
        let naive = self::reader(Protocol::Aside, &store)?;
        let seen = play(&naive, keys.by_ref().take(rounds), tasks).await?;
        let what = format!("control, look/load/write, {tasks} tasks × {name}, {rounds} keys");
        report.row(what, "> 1", seen.to_string(), seen.most_loads > 1);
    }
    Ok(())
}

async fn play(
    reader: &Arc<Reader>,
    keys: impl Iterator<Item = u64>,
    tasks: usize,
) -> Result<Rounds> {
    let mut rounds = Rounds::default();
    for key in keys {
        let load = move || async move {
            if key.is_multiple_of(2) {
                tokio::time::sleep(LOAD).await;
            }
            Ok(())
        };
        let seen = Crowd::gather(reader, key, tasks, load).release(now()).await?;
        rounds.add(seen);
    }
    Ok(rounds)
}

fn reader(protocol: Protocol, store: &Arc<dyn Cache>) -> Result<Arc<Reader>> {
    Ok(Arc::new(Reader::new(protocol, Arc::clone(store), WAIT, false)?))
}

/// All kinds of stores, by name.
async fn stores(url: &str, directory: &Path) -> Result<[(&'static str, Arc<dyn Cache>); 5]> {
    // It is not in trouble, only late when the machine is: 10,000 questions at once take their time.
    let redis = || async { RedisCache::builder(url)?.deadline(DEADLINE).open().await };
    let near = || MemoryCache::builder().max_bytes(16 << 20).build();
    let copies = SledCache::open(directory.join("copies")).await?;
    Ok([
        ("memory", Arc::new(MemoryCache::new())),
        ("Redis", Arc::new(redis().await?)),
        ("sled", Arc::new(SledCache::open(directory.join("store")).await?)),
        ("memory over Redis", Arc::new(Tiered::new(near(), redis().await?))),
        (
            "memory over sled over Redis",
            Arc::new(Tiered::new(near(), Tiered::new(copies, redis().await?))),
        ),
    ])
}
