//! A process that is killed at any moment, or aborts after a removal, and a second process.
//!
//! The processes are this test binary run again: [`child`] is the job they do.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::HashMap,
    env,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use backend_sled::SledCache;
use bytes::Bytes;
use cache_api::{Cache, Condition, Error, Key, Namespace, Prefix, SetOptions, Ttl};
use futures_util::TryStreamExt;
use tokio::runtime::Runtime;

const JOB: &str = "SLED_TEST_JOB";
const DIRECTORY: &str = "SLED_TEST_DIRECTORY";
const NUMBER: &str = "SLED_TEST_NUMBER";

fn spawn(job: &str, directory: &Path, number: u64) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .env(JOB, job)
        .env(DIRECTORY, directory)
        .env(NUMBER, number.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn namespace() -> Namespace {
    Namespace::new("n").unwrap()
}

fn key(number: u64) -> Key {
    namespace().key(number.to_string()).unwrap()
}

/// What the other processes do. In the test run itself: nothing.
#[test]
fn child() {
    let Ok(job) = env::var(JOB) else { return };
    let directory = env::var_os(DIRECTORY).unwrap();
    let number: u64 = env::var(NUMBER).unwrap().parse().unwrap();
    match job.as_str() {
        "write" => runtime().block_on(write_for_ever(directory.as_ref(), number)),
        "compact" => runtime().block_on(compact_for_ever(directory.as_ref())),
        "remove" => runtime().block_on(remove_and_abort(directory.as_ref(), number)),
        "raw" => raw_remove_and_abort(directory.as_ref()),
        "hold" => runtime().block_on(hold(directory.as_ref())),
        _ => unreachable!("{job}"),
    }
}

/// Tells the parent in one write, so that a kill leaves no half of a line but at the end.
fn tell(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("@{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

/// The `@` lines of a child, until it ends.
fn told(child: &mut Child) -> impl Iterator<Item = Vec<String>> + use<> {
    let lines = BufReader::new(child.stdout.take().unwrap()).split(b'\n');
    lines.map_while(Result::ok).filter_map(|line| {
        let line = String::from_utf8(line).ok()?;
        // The test harness prints to the same place, without an end of line.
        let (_, line) = line.split_once('@')?;
        Some(line.split(' ').map(str::to_owned).collect())
    })
}

/// A value that says whose it is in each of its bytes.
fn value(number: u64, version: u64) -> Bytes {
    let length = 16 + (version * 7919 + number * 104_729) % 50_000;
    let mut value = [number.to_le_bytes(), version.to_le_bytes()].concat();
    value.resize(length as usize, (number * 31 + version) as u8);
    value.into()
}

fn version_of(number: u64, found: &Bytes) -> u64 {
    let version = u64::from_le_bytes(found[8..16].try_into().unwrap());
    assert_eq!(*found, value(number, version), "a wrong value under {number}");
    version
}

async fn write_for_ever(directory: &Path, mut version: u64) {
    let cache = SledCache::open(directory).await.unwrap();
    assert!(cache.quarantined().is_none());
    tell("ready");
    loop {
        version += 1;
        let number = version.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58;
        if version.is_multiple_of(11) {
            tell(&format!("delete {number} {version}"));
            let _ = cache.delete(&key(number)).await.unwrap();
            tell(&format!("deleted {number} {version}"));
        } else {
            tell(&format!("set {number} {version}"));
            let options = SetOptions::new(Duration::from_secs(3600));
            assert!(
                cache.set(&key(number), value(number, version), options).await.unwrap().is_stored()
            );
        }
        if version.is_multiple_of(17) {
            cache.flush().await.unwrap();
            tell(&format!("flushed {version}"));
        }
    }
}

/// What may stand under a key after a crash.
#[derive(Default)]
struct Expected {
    /// Since the last thing known to be on disk: versions whose `set` began.
    begun: Vec<u64>,
    /// What is on disk for certain: a version, or that nothing stands there.
    certain: Option<u64>,
    /// A removal began since.
    removing: bool,
}

impl Expected {
    fn allows(&self, found: Option<u64>) -> bool {
        match found {
            None => self.certain.is_none() || self.removing,
            Some(version) => self.certain == Some(version) || self.begun.contains(&version),
        }
    }
}

#[test]
fn killed_at_any_moment_it_opens_and_what_was_flushed_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let mut expected: HashMap<u64, Expected> = HashMap::new();
    let mut version = 0;
    for round in 0..100u64 {
        let mut child = spawn("write", directory.path(), version);
        let mut lines = told(&mut child);
        assert_eq!(lines.next().unwrap(), ["ready"], "round {round}: the child did not open");
        let pause = Duration::from_millis(5 + round * 37 % 60);
        let killer = std::thread::spawn(move || {
            std::thread::sleep(pause);
            child.kill().unwrap();
            child.wait().unwrap();
        });
        // What was set and not removed since, in order.
        let mut set: HashMap<u64, u64> = HashMap::new();
        for line in lines {
            let word = |index: usize| line.get(index)?.parse::<u64>().ok();
            match line[0].as_str() {
                "set" => {
                    let (Some(number), Some(now)) = (word(1), word(2)) else { continue };
                    expected.entry(number).or_default().begun.push(now);
                    set.insert(number, now);
                    version = now;
                }
                "delete" => {
                    let (Some(number), Some(now)) = (word(1), word(2)) else { continue };
                    expected.entry(number).or_default().removing = true;
                    version = now;
                }
                "deleted" => {
                    let Some(number) = word(1) else { continue };
                    expected.insert(number, Expected::default());
                    set.remove(&number);
                }
                "flushed" => {
                    for (number, version) in set.drain() {
                        let certain = Some(version);
                        expected.insert(number, Expected { certain, ..Expected::default() });
                    }
                }
                _ => {}
            }
        }
        killer.join().unwrap();
        // The last line may be lost with the kill; the versions go on well past it.
        version += 100;
        runtime().block_on(async {
            let cache = SledCache::open(directory.path()).await.unwrap();
            assert!(cache.quarantined().is_none(), "round {round}");
            for number in 0..64 {
                let found = cache.get(&key(number)).await.unwrap();
                let found = found.map(|found| version_of(number, &found));
                let allowed = expected.entry(number).or_default();
                assert!(
                    allowed.allows(found),
                    "round {round}, key {number}: {found:?}, certain {:?}, begun {:?}",
                    allowed.certain,
                    allowed.begun
                );
                *allowed = Expected { certain: found, ..Expected::default() };
            }
            assert_eq!(cache.stats().await.unwrap().damaged, 0, "round {round}");
            let listed: Vec<Key> =
                cache.scan().unwrap().keys(&namespace()).try_collect().await.unwrap();
            assert_eq!(cache.stats().await.unwrap().entries, listed.len() as u64);
        });
    }
}

async fn compact_for_ever(directory: &Path) {
    let cache = SledCache::open(directory).await.unwrap();
    tell("ready");
    loop {
        cache.compact().await.unwrap();
    }
}

#[test]
fn killed_during_a_compaction_it_holds_what_it_held() {
    let directory = tempfile::tempdir().unwrap();
    let check = async || {
        let cache = SledCache::open(directory.path()).await.unwrap();
        assert!(cache.quarantined().is_none());
        for number in 0..100 {
            let found = cache.get(&key(number)).await.unwrap().expect("it was flushed");
            assert_eq!(version_of(number, &found), 1);
        }
        cache
    };
    runtime().block_on(async {
        let cache = SledCache::open(directory.path()).await.unwrap();
        for number in 0..100 {
            let never = SetOptions::new(Ttl::Never);
            assert!(cache.set(&key(number), value(number, 1), never).await.unwrap().is_stored());
        }
        cache.flush().await.unwrap();
    });
    for round in 0..20 {
        let mut child = spawn("compact", directory.path(), 0);
        assert_eq!(told(&mut child).next().unwrap(), ["ready"]);
        std::thread::sleep(Duration::from_millis(1 + round * 13 % 80));
        child.kill().unwrap();
        child.wait().unwrap();
        drop(runtime().block_on(check()));
        let databases = std::fs::read_dir(directory.path()).unwrap();
        let names = databases.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        assert_eq!(names.filter(|name| name.starts_with("data-")).count(), 1);
    }
}

/// Writes an entry for good, removes it in one of the ways there are, and aborts.
async fn remove_and_abort(directory: &Path, number: u64) {
    let cache = SledCache::open(directory).await.unwrap();
    let (name, never) = (key(number), SetOptions::new(Ttl::Never));
    let namespace = Namespace::new(&format!("clear{number}")).unwrap();
    let cleared = namespace.key("k").unwrap();
    let held = Condition::StartsWith(Prefix::new(b"held").unwrap());
    for key in [&name, &cleared] {
        assert!(cache.set(key, "held".into(), never).await.unwrap().is_stored());
    }
    cache.flush().await.unwrap();
    match number % 7 {
        0 => assert!(cache.delete(&name).await.unwrap()),
        1 => assert!(cache.delete_if(&name, held).await.unwrap()),
        2 => assert_eq!(cache.take(&name).await.unwrap().unwrap(), "held"),
        3 => cache.clear(&namespace).await.unwrap(),
        4 => assert!(cache.set(&name, "new".into(), never.when(held)).await.unwrap().is_stored()),
        5 => assert_eq!(cache.delete_many(std::slice::from_ref(&name)).await.unwrap(), 1),
        _ => assert!(cache.expire(&name, Duration::ZERO.into(), held).await.unwrap()),
    }
    std::process::abort();
}

#[test]
fn nothing_that_was_removed_comes_back_after_an_abort() {
    let directory = tempfile::tempdir().unwrap();
    for number in 0..100 {
        let status = spawn("remove", directory.path(), number).wait().unwrap();
        assert!(status.code().is_none(), "the child failed before it aborted: {status}");
    }
    runtime().block_on(async {
        let cache = SledCache::open(directory.path()).await.unwrap();
        for number in 0..100 {
            let found = cache.get(&key(number)).await.unwrap();
            let cleared = Namespace::new(&format!("clear{number}")).unwrap().key("k").unwrap();
            let expected = match number % 7 {
                3 => Some(&b"held"[..]),
                4 => Some(&b"new"[..]),
                _ => None,
            };
            assert_eq!(found.as_deref(), expected, "{number}");
            assert_eq!(cache.get(&cleared).await.unwrap().is_none(), number % 7 == 3, "{number}");
        }
    });
}

fn raw_remove_and_abort(directory: &Path) {
    let db = sled::open(directory).unwrap();
    let _ = db.insert("k", "held").unwrap();
    let _ = db.flush().unwrap();
    assert!(db.remove("k").unwrap().is_some());
    std::process::abort();
}

#[test]
fn control_without_a_flush_removed_entries_come_back() {
    let mut back = 0;
    for _ in 0..10 {
        let directory = tempfile::tempdir().unwrap();
        let status = spawn("raw", directory.path(), 0).wait().unwrap();
        assert!(status.code().is_none(), "{status}");
        back += u64::from(sled::open(directory.path()).unwrap().contains_key("k").unwrap());
    }
    assert!(back > 0, "sled flushes by itself: the flushes of removals are no longer needed");
}

async fn hold(directory: &Path) {
    let cache = SledCache::open(directory).await.unwrap();
    let never = SetOptions::new(Ttl::Never);
    assert!(cache.set(&key(1), "mine".into(), never).await.unwrap().is_stored());
    cache.flush().await.unwrap();
    tell("ready");
    std::future::pending::<()>().await;
}

#[test]
fn a_second_process_is_told_so_and_harms_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = spawn("hold", directory.path(), 0);
    assert_eq!(told(&mut child).next().unwrap(), ["ready"]);
    let refused = runtime().block_on(SledCache::open(directory.path()));
    let error = refused.err().unwrap();
    assert!(matches!(error, Error::Open { .. }), "{error:?}");
    assert!(error.to_string().contains("is in use"), "{error}");
    child.kill().unwrap();
    child.wait().unwrap();
    runtime().block_on(async {
        let cache = SledCache::open(directory.path()).await.unwrap();
        assert!(cache.quarantined().is_none());
        assert_eq!(cache.get(&key(1)).await.unwrap().unwrap(), "mine");
    });
}
