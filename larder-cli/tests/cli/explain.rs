//! `explain`: what stands under a key, and why it is or is not served.

use std::{convert::Infallible, time::Duration};

use integration_tests::servers::RedisServer;
use larder::{codec::Json, envelope::Kind};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::common::{Ran, Store, larder, noise};

const HOUR: Duration = Duration::from_secs(3600);

on_each_store!(
    nothing_is_missing,
    bytes_and_counters_are_what_they_are,
    a_value_is_fresh_until_a_tag_is_invalidated,
    a_stream_is_told_with_its_chunks,
    any_bytes_are_explained,
);

async fn nothing_is_missing(store: &Store) {
    let ran = store.run(&["explain", "k"]).await.exits(1).fits_a_terminal();
    assert!(ran.text().starts_with("reader    a miss: nothing stands there"), "{ran:?}");
    let told = store.run(&["explain", "k", "--json"]).await.exits(1).json();
    let expected = json!({
        "key": "k", "found": false, "kind": "nothing", "verdict": "miss", "cause": "nothing",
        "queued": false,
    });
    assert_eq!(told, [expected]);
}

async fn bytes_and_counters_are_what_they_are(store: &Store) {
    store.run(&["set", "k", "hello", "--ttl", "10m"]).await.exits(0);
    let ran = store.run(&["explain", "k"]).await.exits(0).fits_a_terminal();
    assert!(ran.text().contains("the bytes they are") && ran.text().contains("5 B"), "{ran:?}");
    assert!(ran.text().contains("keeps it for 9m 5"), "{ran:?}");
    assert!(!ran.text().contains("hello"), "values are not printed: {ran:?}");
    store.run(&["increment", "n", "--ttl", "never"]).await.exits(0);
    let told = told(store, &["n"]).await;
    assert_eq!((&told["verdict"], &told["is_number"]), (&json!("raw"), &json!(true)));
    assert_eq!((&told["ttl_ms"], &told["version"]), (&Value::Null, &Value::Null));
}

async fn a_value_is_fresh_until_a_tag_is_invalidated(store: &Store) {
    {
        let cache = store.open().await;
        let values = cache
            .namespace("default")
            .expect("it is a name")
            .typed::<String>()
            .codec(Json)
            .schema(7);
        let value = "a page ".repeat(1000);
        let set = values.set("k", &value).ttl(HOUR).tag("staff").tag(("team", 7));
        assert!(set.await.expect("the store answers"));
    }
    let fresh = told(store, &["k"]).await;
    assert_eq!((&fresh["verdict"], &fresh["cause"]), (&json!("fresh"), &Value::Null));
    assert_eq!((&fresh["codec"], &fresh["schema"]), (&json!("json"), &json!(7)));
    assert_eq!((&fresh["raw_bytes"], &fresh["compressed"]), (&json!(7002), &json!(true)));
    assert_eq!((&fresh["fresh_for_ms"], &fresh["stale_for_ms"]), (&json!(3_600_000), &json!(0)));
    let left = fresh["fresh_left_ms"].as_u64().expect("it ends");
    let in_store = fresh["fresh_left_in_store_ms"].as_u64().expect("it ends there, too");
    assert!(left > 3_000_000 && left.abs_diff(in_store) < 5_000, "{fresh}");
    assert_eq!(fresh["tags"][0], json!({"tag": "staff", "generation": false, "hold": "same"}));
    assert_eq!(fresh["version"].as_str().map(str::len), Some(16));

    store.run(&["invalidate", "--tag", "staff"]).await.exits(0);
    let ran = store.run(&["explain", "k"]).await.exits(0).fits_a_terminal();
    assert!(ran.text().starts_with("reader    a miss: a tag was invalidated"), "{ran:?}");
    assert!(ran.text().contains("`staff` is not there: INVALIDATED since"), "{ran:?}");
    assert!(ran.text().contains("value, JSON, schema 7") && ran.text().contains("zstd"), "{ran:?}");
    assert!(!ran.text().contains("a page"), "{ran:?}");
    let dead = told(store, &["k"]).await;
    assert_eq!((&dead["verdict"], &dead["cause"]), (&json!("miss"), &json!("tag")));
    let without = told(store, &["k", "--generations"]).await;
    assert_eq!(without["cause"], "tag", "that is what a reader meets first: {without}");
}

async fn a_stream_is_told_with_its_chunks(store: &Store) {
    store.run_with(&["record", "s"], &noise(300_000)).await.exits(0);
    let ran = store.run(&["explain", "s"]).await.exits(0).fits_a_terminal();
    assert!(ran.text().contains("chunks, all there"), "{ran:?}");
    let whole = told(store, &["s"]).await;
    assert_eq!((&whole["verdict"], &whole["length"]), (&json!("fresh"), &json!(300_000)));
    assert_eq!((&whole["kind"], &whole["chunks_missing"]), (&json!("stream"), &json!(0)));
    {
        let cache = store.open().await;
        let generation = whole["generation"].as_str().expect("it has one");
        let chunks = cache
            .namespace("default")
            .expect("it is a name")
            .namespace()
            .reserved("chunk")
            .expect("it is short");
        let first = chunks.key(format!("{generation}:0")).expect("it is short");
        assert!(cache.store().delete(&first).await.expect("the store answers"));
    }
    let ran = store.run(&["explain", "s"]).await.exits(0).fits_a_terminal();
    assert!(ran.text().contains("1 are missing") && ran.text().contains("a miss:"), "{ran:?}");
    assert_eq!(told(store, &["s"]).await["cause"], "chunks");
}

async fn any_bytes_are_explained(store: &Store) {
    let magic = |kind: u8, rest: &[u8]| [&[0xCA, 0x4C, 1, kind][..], rest].concat();
    let many_tags = [&magic(4, &[7; 8])[..], &[255, 255, 0]].concat();
    let mut planted = vec![noise(100), Vec::new(), many_tags, vec![0xCA, 0x4C], vec![0xCA; 200]];
    planted.extend((0..12).map(|kind| magic(kind, &noise(90))));
    // A store that outlives its processes drops the marks of the dead at its opening.
    let dropped = |bytes: &[u8]| Kind::ALL.iter().any(|k| k.is_transient() && k.begins(bytes));
    for bytes in planted.into_iter().filter(|bytes| store.redis.is_some() || !dropped(bytes)) {
        store.run_with(&["set", "k", "-"], &bytes).await.exits(0);
        let ran = store.run(&["explain", "k"]).await.exits(0).fits_a_terminal();
        assert_eq!(ran.stderr, "", "{bytes:02x?}");
        let told = told(store, &["k"]).await;
        assert_eq!((&told["found"], &told["bytes"]), (&json!(true), &json!(bytes.len())));
        assert_ne!(told["verdict"], "fresh", "{told}");
    }
}

/// What machines are told.
async fn told(store: &Store, arguments: &[&str]) -> Value {
    let ran: Ran = store.run(&[&["explain", "--json"], arguments].concat()).await.exits(0);
    assert_eq!(ran.stderr, "");
    ran.json().remove(0)
}

#[tokio::test]
async fn a_load_of_another_process_is_told() {
    let store = Store::redis().await;
    let cache = store.open().await;
    let values = cache.namespace("default").expect("it is a name").typed::<u8>().default_ttl(HOUR);
    let (go, wait) = oneshot::channel::<()>();
    let (started, starts) = oneshot::channel();
    let load = move || async move {
        let _ = started.send(());
        let _ = wait.await;
        Ok::<_, Infallible>(1)
    };
    let loading = tokio::spawn(values.get_or_load("k", load).into_future());
    starts.await.expect("it is asked");
    let ran = store.run(&["explain", "k"]).await.exits(0).fits_a_terminal();
    assert!(ran.text().contains("somebody asks the source"), "{ran:?}");
    let told = told(&store, &["k"]).await;
    assert_eq!((&told["verdict"], &told["kind"]), (&json!("working"), &json!("lease")));
    assert!(told["ttl_ms"].as_u64().is_some_and(|left| left <= 3000), "{told}");
    go.send(()).expect("it waits");
    loading.await.expect("it does not panic").expect("it is loaded");
    // Whoever goes by generations takes no entry without one.
    let ran = store.run(&["explain", "k", "--generations"]).await.exits(0);
    assert!(ran.text().contains("written without a generation"), "{ran:?}");
    let ran = store.run(&["explain", "k"]).await.exits(0);
    assert!(ran.text().starts_with("reader    fresh for 59m 5"), "{ran:?}");
}

#[tokio::test]
async fn a_server_that_is_down_is_an_error() {
    let url = gone().await;
    for command in [&["explain", "k"][..], &["stats"]] {
        let ran = larder(&url, command, b"").await.exits(2).prints("");
        ran.says("does the server run");
    }
}

/// Where a server was.
pub(crate) async fn gone() -> String {
    let server = RedisServer::start().await.expect("it starts");
    server.url()
}
