//! Files with flipped bits and missing ends: it opens, with what is whole or with nothing.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    process::Command,
};

use backend_sled::SledCache;
use bytes::Bytes;
use cache_api::{Cache, Key, Namespace, SetOptions, Ttl};
use futures_util::TryStreamExt;
use rand::{RngExt, SeedableRng, rngs::StdRng};

const ENTRIES: u64 = 200;

fn key(number: u64) -> Key {
    Namespace::new("n").unwrap().key(number.to_string()).unwrap()
}

fn value(number: u64) -> Bytes {
    let length = [20, 300, 5_000, 70_000][number as usize % 4];
    let mut value = vec![number as u8; length];
    value[..8].copy_from_slice(&number.to_le_bytes());
    value.into()
}

fn never() -> SetOptions {
    SetOptions::new(Ttl::Never)
}

async fn filled(directory: &Path) {
    let cache = SledCache::open(directory).await.unwrap();
    for number in 0..ENTRIES {
        assert!(cache.set(&key(number), value(number), never()).await.unwrap().is_stored());
    }
    for number in 0..ENTRIES / 4 {
        assert!(cache.delete(&key(number * 4)).await.unwrap());
    }
}

/// Every file of the cache but the lock.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.file_name().unwrap() != "lock" {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Damages one file in one way. Says which and how.
fn damage(directory: &Path, random: &mut StdRng, case: usize) -> String {
    // sled keeps large pages in files of their own, far more of them than of all others.
    let (large, others): (Vec<_>, Vec<_>) =
        files(directory).into_iter().partition(|file| file.parent().unwrap().ends_with("blobs"));
    let of = if case % 4 == 3 && !large.is_empty() { &large } else { &others };
    let file = &of[random.random_range(0..of.len())];
    let mut bytes = fs::read(file).unwrap();
    let length = bytes.len();
    let what = match case / 4 % 5 {
        0 if length > 0 => {
            let bit = random.random_range(0..length * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            format!("bit {bit} flipped")
        }
        1 => {
            for _ in 0..100.min(length) {
                let at = random.random_range(0..length);
                bytes[at] = random.random();
            }
            "100 bytes scribbled over".into()
        }
        2 => {
            bytes.truncate(random.random_range(0..=length));
            format!("cut to {}", bytes.len())
        }
        3 if length > 0 => {
            let from = random.random_range(0..length);
            let to = (from + 4096).min(length);
            bytes[from..to].fill(0);
            format!("zeros from {from}")
        }
        _ => {
            bytes.clear();
            "emptied".into()
        }
    };
    fs::write(file, bytes).unwrap();
    format!("case {case}: {} of {length} bytes, {what}", file.display())
}

/// Opens, reads everything, writes, and reads again after another opening.
async fn use_it(directory: &Path, what: &str) -> bool {
    let cache =
        SledCache::open(directory).await.unwrap_or_else(|error| panic!("{what}: {error:?}"));
    let mut missing = 0;
    for number in 0..ENTRIES {
        match cache.get(&key(number)).await.unwrap_or_else(|error| panic!("{what}: {error:?}")) {
            Some(found) => assert_eq!(found, value(number), "{what}: a wrong value"),
            None => missing += 1,
        }
    }
    let aside = cache.quarantined().map(Path::to_owned);
    if let Some(aside) = &aside {
        assert!(aside.is_dir(), "{what}: {}", aside.display());
    }
    let _: Vec<Key> =
        cache.scan().unwrap().keys(&Namespace::new("n").unwrap()).try_collect().await.unwrap();
    for number in ENTRIES..ENTRIES + 20 {
        let set = cache.set(&key(number), value(number), never()).await;
        assert!(set.unwrap_or_else(|error| panic!("{what}: {error:?}")).is_stored());
    }
    cache.flush().await.unwrap_or_else(|error| panic!("{what}: {error:?}"));
    drop(cache);
    let cache =
        SledCache::open(directory).await.unwrap_or_else(|error| panic!("{what}: {error:?}"));
    for number in ENTRIES..ENTRIES + 20 {
        let found = cache.get(&key(number)).await.unwrap();
        assert!(found.is_none_or(|found| found == value(number)), "{what}");
    }
    aside.is_some() || missing > ENTRIES / 4
}

#[test]
fn damaged_files_cost_entries_and_never_more() {
    // In a process of its own: sled prints its panics, a hundred of them.
    if std::env::var_os("SLED_TEST_DAMAGE").is_none() {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "damaged_files_cost_entries_and_never_more", "--nocapture"])
            .env("SLED_TEST_DAMAGE", "1")
            .env("RUST_BACKTRACE", "0")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        let tail = text.lines().rev().take(30).collect::<Vec<_>>();
        assert!(output.status.success(), "{:?}", tail.into_iter().rev().collect::<Vec<_>>());
        return;
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let whole = tempfile::tempdir().unwrap();
    runtime.block_on(filled(whole.path()));
    let mut random = StdRng::seed_from_u64(7);
    let (mut hurt, cases) = (0, 120);
    for case in 0..cases {
        let directory = tempfile::tempdir().unwrap();
        copy(whole.path(), directory.path());
        let what = damage(directory.path(), &mut random, case);
        eprintln!("{what}");
        hurt += u32::from(runtime.block_on(use_it(directory.path(), &what)));
    }
    assert!(hurt > 20, "only {hurt} of {cases} cases did any damage: the test does not reach it");
}

/// The control: what sled alone makes of the same damage.
#[test]
fn control_sled_alone_panics_or_errs() {
    let whole = tempfile::tempdir().unwrap();
    let db = sled::open(whole.path()).unwrap();
    for number in 0..ENTRIES {
        let _ = db.insert(number.to_be_bytes(), &value(number)[..]).unwrap();
    }
    drop(db);
    let mut random = StdRng::seed_from_u64(7);
    let failed = (0..30).filter(|case| {
        let directory = tempfile::tempdir().unwrap();
        copy(whole.path(), directory.path());
        damage(directory.path(), &mut random, *case);
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let db = sled::open(directory.path())?;
            db.iter().try_for_each(|entry| entry.map(|_| ()))
        }));
        !matches!(opened, Ok(Ok(())))
    });
    assert!(failed.count() > 3, "sled survives by itself: the guards are no longer needed");
}
