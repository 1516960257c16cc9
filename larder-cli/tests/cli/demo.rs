//! `demo`: it must work, on each store, and leave nothing behind.

use crate::common::{Ran, Store, larder};

/// What each row must say, whatever the store.
#[track_caller]
fn is_as_it_should_be(ran: &Ran, processes: u64) {
    let play = &ran.json()[0];
    assert_eq!(play["ok"], true, "{play}");
    assert_eq!(play["server_processes"], processes, "{play}");
    let scenes = play["scenes"].as_array().expect("a list");
    let column =
        |name: &str| -> Vec<_> { scenes.iter().map(|scene| scene[name].clone()).collect() };
    assert_eq!(column("origin_calls"), [1, 1, 0, 0, 1, 0, 0, 1, 0, 1, 1], "{play}");
    let got = column("got");
    let count = |word: &str| got.iter().filter(|got| *got == word).count();
    assert_eq!((count("whole"), count("left"), count("error")), (9, 1, 1), "{play}");
}

#[tokio::test]
async fn in_one_process_on_memory() {
    let ran = larder("memory:", &["demo", "--json"], b"").await.exits(0);
    is_as_it_should_be(&ran, 1);
    assert_eq!(ran.stderr, "");
}

#[tokio::test]
async fn in_one_process_on_sled() {
    let store = Store::sled();
    store.run(&["set", "mine", "stays"]).await.exits(0);
    let ran = store.run(&["demo", "--json"]).await.exits(0);
    is_as_it_should_be(&ran, 1);
    store.run(&["list", "--all"]).await.exits(0).prints("default:mine\n");
}

#[tokio::test]
async fn as_two_processes_on_redis() {
    let store = Store::redis().await;
    store.run(&["set", "mine", "stays"]).await.exits(0);
    let ran = store.run(&["demo", "--json"]).await.exits(0);
    is_as_it_should_be(&ran, 2);
    let redis = store.redis.as_ref().expect("this is Redis");
    let left = redis.cli(&["DBSIZE"]).await.expect("it answers");
    assert_eq!(left.number(), Some(1), "the namespace of the run is cleared");
}

#[tokio::test]
async fn people_read_a_table_that_fits_their_terminal() {
    let ran = larder("memory:", &["demo"], b"").await.exits(0);
    for line in ran.text().lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert!(ran.text().contains("B follows while A streams"), "{ran:?}");
    assert!(!ran.text().contains("WRONG"), "{ran:?}");
    assert!(ran.text().contains("every byte was the origin's"), "{ran:?}");
}
