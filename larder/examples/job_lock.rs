//! A nightly job that every server of a fleet begins, and one of them does.
//!
//! `cargo run -p larder --example job_lock`, or with a store: `… -- redis://127.0.0.1`.

use std::{
    env,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use larder::{Space, lock::LockError};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What only one of them should do. A real one says where it is at each await: if the lock is lost, it is
/// dropped there.
async fn close_the_books() -> u32 {
    tokio::time::sleep(Duration::from_millis(300)).await;
    42
}

/// What each server does at midnight. Whether it did the job.
async fn nightly(server: &str, jobs: Space, night: String) -> Result<bool, Failure> {
    // If the holder dies, the next one may begin ten seconds later.
    let lock = jobs.lock(&night).ttl(Duration::from_secs(10)).wait(Duration::from_secs(5));
    let guard = match lock.acquire().await {
        Ok(guard) => guard,
        Err(LockError::Busy { .. }) => {
            println!("server {server}: someone is at it");
            return Ok(false);
        }
        Err(error) => return Err(error.into()),
    };
    // The lock says that nobody is at it now; the mark says whether somebody was.
    let done = jobs.typed::<String>();
    if let Some(by) = done.get(&night).await? {
        println!("server {server}: done already, by server {by}");
        return Ok(false);
    }
    println!("server {server}: closing the books");
    let entries = guard.run(close_the_books()).await?;
    // A lock is advisory: should two have been at it after all, one of them learns it here.
    let first = done.set(&night, &server.to_owned()).ttl(7 * DAY).if_absent().await?;
    println!("server {server}: {entries} entries closed, with {:.1?} left", guard.valid_for());
    guard.release().await;
    Ok(first)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let url = env::args().nth(1).unwrap_or_else(|| "memory:".into());
    let night = format!("night-{}", SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis());

    // Two servers. A store in memory is one process's, so there they have to share it.
    let here = larder::open(&url).await?;
    let shared = here.store().capabilities().shared;
    let there = if shared { larder::open(&url).await? } else { here.clone() };
    let (a, b) = tokio::try_join!(
        nightly("a", here.namespace("jobs")?, night.clone()),
        nightly("b", there.namespace("jobs")?, night),
    )?;
    match u32::from(a) + u32::from(b) {
        1 => println!("the job ran once"),
        times => return Err(format!("the job ran {times} times").into()),
    }
    Ok(())
}
