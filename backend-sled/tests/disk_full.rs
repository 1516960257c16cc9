//! A disk that is full: a small tmpfs, mounted in a mount namespace of its own.
//!
//! The test runs itself again under `unshare`, so that nothing has to be cleared away and no right is
//! needed where user namespaces are allowed. Where they are not, it fails and says so.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use backend_sled::SledCache;
use bytes::Bytes;
use cache_api::{Cache, Error, Key, Namespace, SetOptions, Ttl};

const DISK: &str = "SLED_TEST_DISK";

/// Runs the test of this name again, on a tmpfs of this size. `None`: this is that run already.
fn on_a_small_disk(test: &str, mebibytes: u32) -> Option<()> {
    if std::env::var_os(DISK).is_some() {
        return None;
    }
    let disk = tempfile::tempdir().unwrap();
    let script = format!("mount -t tmpfs -o size={mebibytes}m none \"${DISK}\" && exec \"$@\"");
    // Root may mount as it is; others need a user namespace, which not every system allows.
    let ways: [&[&str]; 2] = [&["--mount"], &["--user", "--map-root-user", "--mount"]];
    let works = |way: &&&[&str]| {
        let mut trial = Command::new("unshare");
        trial.args(**way).args(["mount", "-t", "tmpfs", "none"]).arg(disk.path());
        trial.output().is_ok_and(|tried| tried.status.success())
    };
    let way = ways.iter().find(works).expect(
        "a small disk cannot be mounted: this test needs `unshare` (util-linux), and root or user \
         namespaces",
    );
    let output = Command::new("unshare")
        .args(*way)
        .args(["sh", "-c", &script, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(DISK, disk.path())
        .env("RUST_BACKTRACE", "0")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "on a small disk:\n{text}");
    Some(())
}

fn disk() -> std::path::PathBuf {
    std::env::var_os(DISK).unwrap().into()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

fn key(number: u64) -> Key {
    Namespace::new("n").unwrap().key(number.to_string()).unwrap()
}

/// A short one, or one in several parts.
fn value(number: u64) -> Bytes {
    vec![number as u8; if number.is_multiple_of(2) { 4_096 } else { 40_000 }].into()
}

fn never() -> SetOptions {
    SetOptions::new(Ttl::Never)
}

/// Leaves no room at all.
fn fill(path: &Path) {
    let mut size = 1 << 20;
    let mut file = fs::File::create(path).unwrap();
    while size > 0 {
        if std::io::Write::write_all(&mut file, &vec![1; size]).is_err() {
            size /= 2;
        }
    }
}

#[test]
fn reads_go_on_and_writes_resume_when_there_is_room() {
    if on_a_small_disk("reads_go_on_and_writes_resume_when_there_is_room", 24).is_some() {
        return;
    }
    runtime().block_on(async {
        let cache = SledCache::open(disk().join("cache")).await.unwrap();
        for number in 0..60 {
            assert!(cache.set(&key(number), value(number), never()).await.unwrap().is_stored());
        }
        cache.flush().await.unwrap();
        let ballast = disk().join("ballast");
        fill(&ballast);

        let (mut number, begin) = (60, Instant::now());
        let error = loop {
            match cache.set(&key(number), value(number), never()).await {
                Ok(outcome) => assert!(outcome.is_stored()),
                Err(error) => break error,
            }
            number += 1;
            assert!(begin.elapsed() < Duration::from_secs(20), "the disk was never full");
        };
        assert!(matches!(error, Error::WriteRefused { .. }), "{error:?}");
        assert!(!error.may_have_applied());
        for _ in 0..20 {
            let begin = Instant::now();
            let error = cache.set(&key(0), value(9), never()).await.unwrap_err();
            assert!(matches!(error, Error::WriteRefused { .. }), "{error:?}");
            assert!(cache.delete(&key(0)).await.is_err());
            assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
        }
        let mut found = 0;
        for number in 0..60 {
            if let Some(standing) = cache.get(&key(number)).await.unwrap() {
                assert_eq!(standing, value(number), "{number}");
                found += 1;
            }
        }
        assert!(found >= 40, "reads do not go on: {found} of 60 were found");

        fs::remove_file(ballast).unwrap();
        let begin = Instant::now();
        while let Err(error) = cache.set(&key(1), value(1), never()).await {
            assert!(begin.elapsed() < Duration::from_secs(10), "still {error:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(cache.quarantined().is_none());
        for number in 0..60 {
            assert_eq!(cache.get(&key(number)).await.unwrap(), Some(value(number)), "{number}");
        }
        assert!(cache.delete(&key(7)).await.unwrap());
        drop(cache);
        let cache = SledCache::open(disk().join("cache")).await.unwrap();
        assert_eq!(cache.get(&key(7)).await.unwrap(), None);
        assert_eq!(cache.get(&key(8)).await.unwrap(), Some(value(8)));
    });
}

#[test]
fn opening_on_a_full_disk_says_so_and_harms_nothing() {
    if on_a_small_disk("opening_on_a_full_disk_says_so_and_harms_nothing", 24).is_some() {
        return;
    }
    runtime().block_on(async {
        let directory = disk().join("cache");
        let cache = SledCache::open(&directory).await.unwrap();
        assert!(cache.set(&key(1), value(1), never()).await.unwrap().is_stored());
        drop(cache);
        let ballast = disk().join("ballast");
        fill(&ballast);
        let error = SledCache::open(&directory).await.err().unwrap();
        assert!(matches!(error, Error::Open { .. }), "{error:?}");
        assert!(error.to_string().contains("the disk is full"), "{error}");
        fs::remove_file(ballast).unwrap();
        let cache = SledCache::open(&directory).await.unwrap();
        assert!(cache.quarantined().is_none());
        assert_eq!(cache.get(&key(1)).await.unwrap(), Some(value(1)));
    });
}

#[test]
fn a_compaction_without_room_is_refused_and_changes_nothing() {
    if on_a_small_disk("a_compaction_without_room_is_refused_and_changes_nothing", 32).is_some() {
        return;
    }
    runtime().block_on(async {
        let cache = SledCache::open(disk().join("cache")).await.unwrap();
        for number in 0..300 {
            assert!(cache.set(&key(number), value(number), never()).await.unwrap().is_stored());
        }
        cache.flush().await.unwrap();
        let ballast = disk().join("ballast");
        fill(&ballast);
        let error = cache.compact().await.unwrap_err();
        assert!(matches!(error, Error::WriteRefused { .. }), "{error:?}");
        fs::remove_file(ballast).unwrap();
        for number in 0..300 {
            assert_eq!(cache.get(&key(number)).await.unwrap(), Some(value(number)), "{number}");
        }
        cache.compact().await.unwrap();
        for number in 0..300 {
            assert_eq!(cache.get(&key(number)).await.unwrap(), Some(value(number)), "{number}");
        }
    });
}
