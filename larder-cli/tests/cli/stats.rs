//! `stats`: the entries of a namespace, counted.

use std::time::Duration;

use serde_json::json;

use crate::common::{Store, noise};

on_each_store!(
    entries_are_counted_by_what_they_are,
    nothing_is_counted_too,
    hostile_bytes_are_damage
);

async fn entries_are_counted_by_what_they_are(store: &Store) {
    {
        let cache = store.open().await;
        let values = cache.namespace("shop").expect("it is a name").typed::<String>();
        for key in 0..4_u8 {
            let set = values.set(key, &"x".repeat(900)).ttl(Duration::from_secs(600)).tag("t");
            assert!(set.await.expect("the store answers"));
        }
    }
    let on = |arguments: &[&'static str]| [&["--namespace", "shop"], arguments].concat();
    store.run(&on(&["increment", "n", "--ttl", "never"])).await.exits(0);
    store.run_with(&on(&["record", "s", "--ttl", "1h"]), &noise(300_000)).await.exits(0);
    store.run(&["--namespace", "shop/inner", "set", "k", "v", "--ttl", "30s"]).await.exits(0);
    store.run(&["--namespace", "shop2", "set", "k", "v"]).await.exits(0);

    let stats = store.run(&on(&["stats", "--json", "--top", "2"])).await.exits(0).json().remove(0);
    let entries = |sort: &str| stats["sorts"][sort]["entries"].as_u64().expect("a number");
    assert_eq!((entries("value"), entries("raw"), entries("stream")), (4, 2, 1), "{stats}");
    assert_eq!((entries("tag"), entries("damaged")), (1, 0), "{stats}");
    assert!(entries("piece") >= 2, "{stats}");
    assert_eq!(stats["sorts"]["raw"]["bytes"], 2, "{stats}");
    assert_eq!(stats["answers"], json!({"fresh": 4, "stale": 0, "past": 0}));
    assert_eq!(stats["ages"]["minute"], 4, "{stats}");
    let lifetimes = &stats["lifetimes"];
    assert_eq!((&lifetimes["minute"], &lifetimes["never"]), (&json!(1), &json!(2)), "{stats}");
    let largest = stats["largest"].as_array().expect("a list");
    assert_eq!((largest.len(), &largest[0]["sort"]), (2, &json!("piece")), "{stats}");
    assert!(largest[0]["bytes"].as_u64() >= largest[1]["bytes"].as_u64(), "{stats}");

    let ran = store.run(&on(&["stats"])).await.exits(0);
    for part in ["in shop", "value", "4 fresh, 0 stale", "2 for ever", "largest", "shop/.chunk:"] {
        assert!(ran.text().contains(part), "no {part:?} in {ran:?}");
    }
    assert!(!ran.text().contains("damaged"), "{ran:?}");
}

async fn nothing_is_counted_too(store: &Store) {
    let ran = store.run(&["stats"]).await.exits(0).fits_a_terminal();
    assert!(ran.text().contains("0 fresh") && !ran.text().contains("largest"), "{ran:?}");
    let stats = store.run(&["stats", "--json"]).await.exits(0).json().remove(0);
    assert_eq!((&stats["entries"], &stats["largest"]), (&json!(0), &json!([])));
}

async fn hostile_bytes_are_damage(store: &Store) {
    for (key, kind) in [("a", 1), ("b", 3), ("c", 10), ("d", 200)] {
        let bytes = [&[0xCA, 0x4C, 1, kind][..], &noise(100)].concat();
        store.run_with(&["set", key, "-"], &bytes).await.exits(0);
    }
    store.run(&["set", "plain", "text"]).await.exits(0);
    let stats = store.run(&["stats", "--json", "--top", "0"]).await.exits(0).json().remove(0);
    assert_eq!(stats["sorts"]["damaged"], json!({"entries": 4, "bytes": 416}));
    assert_eq!(
        (&stats["damaged"]["corrupt"], &stats["damaged"]["foreign"]),
        (&json!(3), &json!(1))
    );
    let ran = store.run(&["stats"]).await.exits(0).fits_a_terminal();
    assert!(ran.text().contains("3 cut short or changed"), "{ran:?}");
}
