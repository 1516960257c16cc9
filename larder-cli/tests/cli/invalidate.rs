//! `invalidate`: keys, tags, all; taken by the store, or an error.

use std::time::Duration;

use larder::Space;
use serde_json::{Value, json};

use crate::{
    common::{Store, larder},
    explain::gone,
};

const HOUR: Duration = Duration::from_secs(3600);

on_each_store!(keys_are_gone, a_tag_reaches_what_has_it, all_is_this_namespace, softly_is_stale,);

async fn keys_are_gone(store: &Store) {
    for key in ["a", "b", "c"] {
        store.run(&["set", key, "v"]).await.exits(0);
    }
    store.run(&["invalidate", "a"]).await.exits(0).prints("").says("applied: key `a`");
    let ran = store.run(&["invalidate", "b", "never there", "--json"]).await.exits(0);
    let expected = json!({"outcome": "applied", "keys": 2, "tags": 0, "soft": false});
    assert_eq!(ran.json(), [expected]);
    store.run(&["list"]).await.exits(0).prints("c\n");
}

async fn a_tag_reaches_what_has_it(store: &Store) {
    write(store, |space| space).await;
    store.run(&["invalidate", "--tag", "x", "--tag", "y"]).await.exits(0).says("2 tags");
    assert_eq!(verdicts(store, &[]).await, ["miss", "miss", "fresh"]);
}

async fn all_is_this_namespace(store: &Store) {
    write(store, |space| space).await;
    store.run(&["--namespace", "other", "set", "k", "v"]).await.exits(0);
    let ran = store.run(&["invalidate", "--all"]).await.exits(0);
    ran.says("applied: `default` is empty");
    store.run(&["list", "--all"]).await.exits(0).prints("");
    store.run(&["--namespace", "other", "get", "k"]).await.exits(0).prints("v");

    write(store, Space::with_generations).await;
    assert_eq!(verdicts(store, &["--generations"]).await, ["fresh"; 3]);
    let ran = store.run(&["invalidate", "--all", "--generations"]).await.exits(0);
    ran.says("applied: `default` has a new generation");
    assert_eq!(verdicts(store, &["--generations"]).await, ["miss"; 3]);
}

async fn softly_is_stale(store: &Store) {
    write(store, Space::with_generations).await;
    store.run(&["invalidate", "x", "--soft"]).await.exits(0);
    store.run(&["invalidate", "--tag", "y", "--soft"]).await.exits(0);
    assert_eq!(verdicts(store, &[]).await, ["stale", "stale", "fresh"]);
    store.run(&["invalidate", "--all", "--generations", "--soft"]).await.exits(0);
    assert_eq!(verdicts(store, &["--generations"]).await, ["stale"; 3]);
}

/// Values `x`, `y` and `z`, each with a tag of its name, that may be served stale.
async fn write(store: &Store, space: impl FnOnce(Space) -> Space) {
    let cache = store.open().await;
    let values =
        space(cache.namespace("default").expect("it is a name")).typed::<u8>().stale_for(HOUR);
    for key in ["x", "y", "z"] {
        assert!(values.set(key, &1).ttl(HOUR).tag(key).await.expect("the store answers"));
    }
}

/// What a reader gets of each.
async fn verdicts(store: &Store, arguments: &[&str]) -> Vec<Value> {
    let mut verdicts = Vec::new();
    for key in ["x", "y", "z"] {
        let ran = store.run(&[&["explain", key, "--json"], arguments].concat()).await;
        verdicts.push(ran.json()[0]["verdict"].clone());
    }
    verdicts
}

#[tokio::test]
async fn what_is_to_be_invalidated_must_be_said_once() {
    let on = |arguments: &'static [&'static str]| larder("memory:", arguments, b"");
    on(&["invalidate"]).await.exits(2).says("<KEY|--tag <TAG>|--all>");
    on(&["invalidate", "k", "--all"]).await.exits(2).says("cannot be used with");
    on(&["invalidate", "k", "--tag", "t"]).await.exits(2).says("cannot be used with");
    on(&["invalidate", "k", "--generations"]).await.exits(2).says("cannot be used with");
    on(&["invalidate", "--all", "--soft"]).await.exits(2).says("add --generations");
    let long = "t".repeat(256);
    larder("memory:", &["invalidate", "--tag", &long], b"").await.exits(2).says("255");
}

#[tokio::test]
async fn what_did_not_reach_the_store_is_an_error_that_says_what_to_do() {
    let url = gone().await;
    for what in [&["k"][..], &["--tag", "t"], &["--all"], &["a", "b"]] {
        let ran = larder(&url, &[&["invalidate"], what].concat(), b"").await.exits(2).prints("");
        let ran = ran.says("queued, and lost as this program ends").says("run it again");
        assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
    }
    let ran = larder(&url, &["invalidate", "k", "--json"], b"").await.exits(2);
    assert_eq!(ran.json()[0]["outcome"], "queued");
    let told: Value = serde_json::from_str(&ran.stderr).expect("stderr is JSON");
    assert!(told["error"].as_str().is_some_and(|error| error.contains("queued")), "{told}");
}
