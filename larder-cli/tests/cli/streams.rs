//! `record` and `replay`.

use std::{process::Stdio, time::Duration};

use crate::common::{Store, larder, noise};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::Command,
    time::timeout,
};

on_each_store!(
    a_recording_is_replayed_byte_for_byte,
    an_empty_stream_is_a_stream,
    ranges_are_as_in_http,
    what_is_no_stream_is_missing,
    a_reader_that_has_seen_enough_is_no_error,
    a_recording_is_replaced_whole,
);

async fn a_recording_is_replayed_byte_for_byte(store: &Store) {
    let body = noise(5 << 20);
    let recorded = store.run_with(&["record", "big", "--ttl", "10m"], &body).await;
    recorded.exits(0).prints("").says("recorded 5.0 MiB");
    let replayed = store.run(&["replay", "big"]).await.exits(0);
    assert!(replayed.stdout == body, "{} bytes came back", replayed.stdout.len());
    let left = store.run(&["ttl", "big"]).await.exits(0);
    assert!(left.text().starts_with("9m 5"), "{left:?}");

    let recorded = store.run_with(&["record", "small", "--json"], b"abc").await.exits(0).json();
    assert_eq!((&recorded[0]["stored"], &recorded[0]["length"]), (&json!(true), &json!(3)));
    let replayed = store.run(&["replay", "small", "--json"]).await.exits(0).prints("abc");
    let summary: Value = serde_json::from_str(&replayed.stderr).expect("stderr is JSON");
    assert_eq!(summary, json!({"found": true, "key": "small", "length": 3}));
}

async fn an_empty_stream_is_a_stream(store: &Store) {
    store.run_with(&["record", "k"], b"").await.exits(0);
    store.run(&["replay", "k"]).await.exits(0).prints("");
    store.run(&["replay", "k", "--range", "0-"]).await.exits(1).prints("").says("0 bytes");
}

async fn ranges_are_as_in_http(store: &Store) {
    let body = noise(700_000);
    store.run_with(&["record", "k"], &body).await.exits(0);
    for (range, bytes) in [
        ("0-99", &body[..100]),
        ("0-0", &body[..1]),
        ("65530-65545", &body[65_530..65_546]),
        ("699990-", &body[699_990..]),
        ("699990-9999999", &body[699_990..]),
        ("-10", &body[699_990..]),
        ("-9999999", &body[..]),
        ("1-699998", &body[1..699_999]),
    ] {
        store.run(&["replay", "k", "--range", range]).await.exits(0).prints(bytes);
    }
    for range in ["700000-", "700000-700001", "-0"] {
        let refused = store.run(&["replay", "k", "--range", range]).await;
        refused.exits(1).prints("").says("700000 bytes");
    }
    store.run(&["replay", "k", "--range", "9-3"]).await.exits(2).says("before it begins");
    store.run(&["replay", "k", "--range", "x"]).await.exits(2).says("0-99");
}

async fn what_is_no_stream_is_missing(store: &Store) {
    store.run(&["replay", "k"]).await.exits(1).prints("").says("`k`");
    store.run(&["replay", "k", "--range", "0-9"]).await.exits(1).prints("");
    store.run(&["replay", "k", "--follow"]).await.exits(1).prints("");
    store.run(&["set", "k", "a raw value"]).await.exits(0);
    store.run(&["replay", "k"]).await.exits(1).prints("");
}

async fn a_reader_that_has_seen_enough_is_no_error(store: &Store) {
    store.run_with(&["record", "k"], &noise(3 << 20)).await.exits(0);
    let mut child = Command::new(env!("CARGO_BIN_EXE_larder"))
        .args(["replay", "k"])
        .env("LARDER_CACHE", &store.url)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdout = child.stdout.take().expect("stdout is piped");
    stdout.read_exact(&mut [0; 10]).await.expect("ten bytes come");
    drop(stdout);
    let ended = timeout(Duration::from_secs(20), child.wait_with_output()).await;
    let ended = ended.expect("it ends in time").expect("its end is seen");
    assert_eq!((ended.status.code(), &*ended.stderr), (Some(0), &b""[..]), "{ended:?}");
}

async fn a_recording_is_replaced_whole(store: &Store) {
    let (long, short) = (noise(500_000), b"short");
    store.run_with(&["record", "k"], &long).await.exits(0);
    store.run_with(&["record", "k"], short).await.exits(0);
    store.run(&["replay", "k"]).await.exits(0).prints(short);
}

#[tokio::test]
async fn a_stream_lives_for_a_time() {
    let store = Store::sled();
    let refused = store.run_with(&["record", "k", "--ttl", "never"], b"x").await;
    refused.exits(2).says("for ever").says("--ttl 365days");
    store.run(&["replay", "k"]).await.exits(1);
}

#[tokio::test]
async fn another_process_follows_what_is_still_recorded() {
    let followed = timeout(Duration::from_secs(60), follow_across_processes()).await;
    followed.expect("it ends in time");
}

async fn follow_across_processes() {
    let store = Store::redis().await;
    let mut recorder = Command::new(env!("CARGO_BIN_EXE_larder"))
        .args(["record", "k"])
        .env("LARDER_CACHE", &store.url)
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let mut source = recorder.stdin.take().expect("stdin is piped");
    source.write_all(b"first ").await.expect("it reads");

    // The placeholder appears when the recorder has come up.
    let mut follower = loop {
        let mut follower = Command::new(env!("CARGO_BIN_EXE_larder"))
            .args(["replay", "k", "--follow"])
            .env("LARDER_CACHE", &store.url)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut first = [0; 6];
        let stdout = follower.stdout.as_mut().expect("stdout is piped");
        if stdout.read_exact(&mut first).await.is_ok() {
            assert_eq!(&first, b"first ");
            break follower;
        }
        assert!(recorder.try_wait().expect("it is ours").is_none(), "the recorder ended");
    };
    // Not committed yet: only who follows sees it.
    larder(&store.url, &["replay", "k"], b"").await.exits(1).prints("");
    source.write_all(b"last").await.expect("it reads");
    drop(source);
    let mut rest = Vec::new();
    let stdout = follower.stdout.as_mut().expect("stdout is piped");
    stdout.read_to_end(&mut rest).await.expect("it is read");
    assert_eq!(rest, b"last");
    assert!(follower.wait().await.expect("it ends").success());
    assert!(recorder.wait().await.expect("it ends").success());
    store.run(&["replay", "k"]).await.exits(0).prints("first last");
}

#[tokio::test]
async fn a_stream_is_shortened_and_not_lengthened_and_get_says_what_it_is() {
    let store = Store::sled();
    store.run_with(&["record", "r", "--ttl", "1h"], b"0123456789").await.exits(0);
    for longer in ["2h", "never"] {
        let ran = store.run(&["expire", "r", longer]).await.exits(1);
        assert!(ran.stderr.contains("can only be shortened"), "{ran:?}");
    }
    store.run(&["expire", "r", "10m"]).await.exits(0);
    store.run(&["replay", "r"]).await.exits(0).prints("0123456789");
    assert!(store.run(&["get", "r"]).await.exits(0).stderr.contains("larder replay"));
}
