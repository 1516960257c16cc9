//! `get`, `set`, `delete`, `ttl`, `expire`, `increment`, `list`, `clear`.

use crate::common::Store;
use serde_json::json;

on_each_store!(
    a_value_is_set_got_and_deleted,
    any_bytes_are_a_value,
    conditions_are_exit_codes,
    lifetimes_are_shown_and_changed,
    a_counter_counts,
    keys_are_listed_and_cleared_by_namespace,
    machines_read_json,
    a_stream_is_deleted_too,
);

async fn a_value_is_set_got_and_deleted(store: &Store) {
    store.run(&["get", "greeting"]).await.exits(1).prints("").says("`greeting`");
    store.run(&["set", "greeting", "hello"]).await.exits(0).prints("").says("5 bytes");
    store.run(&["get", "greeting"]).await.exits(0).prints("hello");
    store.run(&["--namespace", "other", "get", "greeting"]).await.exits(1).prints("");
    store.run(&["delete", "greeting", "missing"]).await.exits(1).prints("").says("1 of 2");
    store.run(&["get", "greeting"]).await.exits(1);
    store.run(&["delete", "greeting"]).await.exits(1).says("0 of 1");
}

async fn any_bytes_are_a_value(store: &Store) {
    let every_byte: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    for value in [&every_byte[..], b"", b"\n", b"-"] {
        store.run_with(&["set", "k", "-"], value).await.exits(0);
        store.run(&["get", "k"]).await.exits(0).prints(value);
    }
    store.run(&["set", "k", ""]).await.exits(0);
    store.run(&["get", "k"]).await.exits(0).prints("");
    store.run(&["set", "k", "-5"]).await.exits(0);
    store.run(&["get", "k"]).await.exits(0).prints("-5");
    store.run(&["set", "", "the empty key"]).await.exits(0);
    store.run(&["get", ""]).await.exits(0).prints("the empty key");
}

#[cfg(unix)]
#[tokio::test]
async fn any_bytes_are_a_key() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    let store = Store::sled();
    let run = |arguments: [&'static [u8]; 3]| {
        let url = store.url.clone();
        async move { crate::common::larder(&url, &arguments.map(OsStr::from_bytes), b"").await }
    };
    for key in [&b"\xff*?[]{}:"[..], b"\\x", b"a b\n"] {
        run([b"set", key, b"v\xfe"]).await.exits(0);
        run([b"--namespace=default", b"get", key]).await.exits(0).prints(b"v\xfe");
    }
    let keys = run([b"--namespace=default", b"--json", b"list"]).await.exits(0).json();
    let raw = |key: &&serde_json::Value| key["key_base64"] == "/yo/W117fTo=";
    assert_eq!(keys.iter().filter(raw).count(), 1, "{keys:?}");
}

async fn conditions_are_exit_codes(store: &Store) {
    store.run(&["set", "k", "1", "--if-present"]).await.exits(1).says("nothing stands there");
    store.run(&["get", "k"]).await.exits(1);
    store.run(&["set", "k", "2", "--if-absent"]).await.exits(0);
    store.run(&["set", "k", "3", "--if-absent"]).await.exits(1).says("something stands there");
    store.run(&["get", "k"]).await.prints("2");
    store.run(&["set", "k", "4", "--if-present"]).await.exits(0);
    store.run(&["get", "k"]).await.prints("4");
    store.run(&["set", "k", "5", "--if-present", "--if-absent"]).await.exits(2);
}

async fn lifetimes_are_shown_and_changed(store: &Store) {
    store.run(&["ttl", "k"]).await.exits(1).prints("");
    store.run(&["expire", "k", "10m"]).await.exits(1);
    store.run(&["set", "k", "v"]).await.exits(0);
    let shown = store.run(&["ttl", "k"]).await.exits(0);
    assert!(shown.text().starts_with("59m 5"), "one hour is the default: {shown:?}");
    store.run(&["expire", "k", "10m"]).await.exits(0);
    let left = store.run(&["--json", "ttl", "k"]).await.exits(0).json();
    let left = left[0]["ttl_ms"].as_u64().expect("a number");
    assert!((540_000..=600_000).contains(&left), "{left}");
    store.run(&["expire", "k", "never"]).await.exits(0);
    store.run(&["ttl", "k"]).await.exits(0).prints("never\n");
    let left = store.run(&["--json", "ttl", "k"]).await.json();
    assert_eq!(left, [json!({"found": true, "key": "k", "ttl_ms": null})]);
    store.run(&["set", "k", "v", "--ttl", "never"]).await.exits(0);
    store.run(&["ttl", "k"]).await.prints("never\n");
    store.run(&["set", "brief", "v", "--ttl", "1ms"]).await.exits(0);
    store.run(&["get", "brief"]).await.exits(1);
}

async fn a_counter_counts(store: &Store) {
    store.run(&["increment", "n"]).await.exits(0).prints("1\n");
    store.run(&["increment", "n", "41"]).await.exits(0).prints("42\n");
    store.run(&["increment", "n", "-50", "--ttl", "never"]).await.exits(0).prints("-8\n");
    store.run(&["get", "n"]).await.prints("-8");
    let left = store.run(&["ttl", "n"]).await;
    assert!(left.text().starts_with("59m"), "it keeps the lifetime it began with: {left:?}");
    store.run(&["set", "n", &i64::MAX.to_string()]).await.exits(0);
    store.run(&["increment", "n"]).await.exits(2).prints("").says("64-bit");
    store.run(&["set", "n", "seven"]).await.exits(0);
    store.run(&["increment", "n"]).await.exits(2).says("no decimal").says("larder set KEY 0");
    store.run(&["get", "n"]).await.prints("seven");
}

async fn keys_are_listed_and_cleared_by_namespace(store: &Store) {
    for (namespace, key) in [("shop", "a"), ("shop", "b\nc"), ("shop/carts", "d"), ("shop2", "e")] {
        store.run(&["--namespace", namespace, "set", key, "v"]).await.exits(0);
    }
    let lines = |ran: crate::common::Ran| {
        let mut lines: Vec<String> = ran.exits(0).text().lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let shop = ["--namespace", "shop"];
    assert_eq!(lines(store.run(&[&shop[..], &["list"]].concat()).await), ["a", r"b\nc"]);
    let all = lines(store.run(&[&shop[..], &["list", "--all"]].concat()).await);
    assert_eq!(all, ["shop/carts:d", "shop:a", r"shop:b\nc"]);

    let mut keys = store.run(&[&shop[..], &["list", "--json"]].concat()).await.exits(0).json();
    keys.sort_by_key(ToString::to_string);
    assert_eq!(keys, [json!({"key": "a"}), json!({"key": "b\nc"})]);

    store.run(&[&shop[..], &["clear"]].concat()).await.exits(0).prints("").says("`shop`");
    store.run(&[&shop[..], &["list", "--all"]].concat()).await.exits(0).prints("");
    store.run(&["--namespace", "shop2", "get", "e"]).await.exits(0).prints("v");
}

async fn machines_read_json(store: &Store) {
    let set = store.run(&["--json", "set", "k", "Zoë"]).await.exits(0).json();
    assert_eq!(set, [json!({"key": "k", "stored": true})]);
    let refused = store.run(&["--json", "set", "k", "x", "--if-absent"]).await.exits(1).json();
    assert_eq!(refused, [json!({"key": "k", "stored": false})]);
    let got = store.run(&["get", "k", "--json"]).await.exits(0).json();
    assert_eq!(got, [json!({"found": true, "key": "k", "value": "Zoë"})]);

    store.run_with(&["set", "k", "-"], b"\xff\0").await.exits(0);
    let got = store.run(&["get", "k", "--json"]).await.exits(0).json();
    assert_eq!(got, [json!({"found": true, "key": "k", "value_base64": "/wA="})]);

    let counted = store.run(&["increment", "n", "--json"]).await.exits(0).json();
    assert_eq!(counted, [json!({"key": "n", "value": 1})]);
    let expired = store.run(&["expire", "n", "1h", "--json"]).await.exits(0).json();
    assert_eq!(expired, [json!({"found": true, "key": "n"})]);
    let deleted = store.run(&["delete", "k", "n", "z", "--json"]).await.exits(1).json();
    assert_eq!(deleted, [json!({"asked": 3, "deleted": 2})]);
    let missing = store.run(&["get", "k", "--json"]).await.exits(1).json();
    assert_eq!(missing, [json!({"found": false, "key": "k"})]);
    let missing = store.run(&["ttl", "k", "--json"]).await.exits(1).json();
    assert_eq!(missing, [json!({"found": false, "key": "k"})]);
    let cleared = store.run(&["clear", "--json"]).await.exits(0).json();
    assert_eq!(cleared, [json!({"cleared": "default"})]);
}

async fn a_stream_is_deleted_too(store: &Store) {
    store.run_with(&["record", "s"], &crate::common::noise(300_000)).await.exits(0);
    store.run(&["delete", "s"]).await.exits(0).says("1 of 1");
    store.run(&["replay", "s"]).await.exits(1);
}
