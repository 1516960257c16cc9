//! What is said wrong, and what goes wrong, and what the program says to it.

use crate::common::{Store, larder};
use integration_tests::servers::RedisServer;

#[tokio::test]
async fn a_mistake_on_the_command_line_is_named() {
    let on = |arguments: &'static [&'static str]| larder("memory:", arguments, b"");
    on(&["set", "k", "v", "--ttl", "10"]).await.exits(2).says("10s, 10m or 10h");
    on(&["set", "k", "v", "--ttl", "soon"]).await.exits(2).says("write it like 90s");
    on(&["set", "k", "v", "--ttl", "10 parsecs"]).await.exits(2).says("parsecs");
    on(&["set", "k", "v", "--ttl", "0s"]).await.exits(2).says("larder delete KEY");
    on(&["set", "k", "v", "--ttl=-5s"]).await.exits(2).says("negative");
    on(&["expire", "k", "-5s"]).await.exits(2).says("negative");
    on(&["increment", "k", "many"]).await.exits(2).says("invalid digit");
    on(&["increment", "k", "9223372036854775808"]).await.exits(2).says("too large");
    on(&["set", "k"]).await.exits(2).says("<VALUE>");
    on(&["delete"]).await.exits(2).says("<KEY>");
    on(&["gett", "k"]).await.exits(2).says("'get'");
    on(&[]).await.exits(2).says("Usage");
    on(&["--namespace", "a:b", "get", "k"]).await.exits(2).says("A–Z").says("--namespace");
    on(&["--namespace", ".tag", "get", "k"]).await.exits(2).says("belong to the library");
}

#[tokio::test]
async fn a_mistake_in_the_url_is_named_with_the_choices() {
    larder("postgres://127.0.0.1", &["get", "k"], b"")
        .await
        .exits(2)
        .prints("")
        .says("postgres")
        .says("redis");
    larder("memory:?max=lots", &["get", "k"], b"").await.exits(2).says("lots");
    larder("memory:?maximum=1MiB", &["get", "k"], b"").await.exits(2).says("maximum").says("max");
}

#[tokio::test]
async fn a_key_that_is_too_long_is_refused() {
    let store = Store::sled();
    let key = "k".repeat(1025);
    store.run(&["set", &key, "v"]).await.exits(2).says("1025").says("1024");
    store.run(&["set", &key[1..], "v"]).await.exits(0);
    store.run(&["get", &key[1..]]).await.exits(0).prints("v");
}

#[tokio::test]
async fn memory_says_that_it_does_not_last() {
    larder("memory:", &["set", "k", "v"], b"").await.exits(0).says("lives and dies").says("sled:");
    larder("memory:", &["get", "k"], b"").await.exits(1).says("lives and dies");
    let store = Store::sled();
    let lasting = store.run(&["set", "k", "v"]).await.exits(0);
    assert!(!lasting.stderr.contains("lives and dies"), "{lasting:?}");
}

#[tokio::test]
async fn the_environment_names_the_cache_and_the_command_line_wins() {
    let (first, second) = (Store::sled(), Store::sled());
    first.run(&["set", "k", "first"]).await.exits(0);
    second.run(&["set", "k", "second"]).await.exits(0);
    first.run(&["get", "k"]).await.prints("first");
    first.run(&["--cache", &second.url, "get", "k"]).await.prints("second");
}

#[tokio::test]
async fn a_wrong_password_is_an_error_that_does_not_show_it() {
    let server = RedisServer::builder().password("right-s3cret").start().await.expect("it starts");
    let right = server.url();
    larder(&right, &["set", "k", "v"], b"").await.exits(0);
    let url = format!("redis://:wr0ng-s3cret@{}", server.address());
    for arguments in [
        &["get", "k"][..],
        &["--json", "get", "k"],
        &["set", "k", "v"],
        &["record", "k"],
        &["replay", "k"],
        &["list"],
        &["explain", "k"],
        &["invalidate", "k"],
        &["stats"],
        &["conform"],
        &["demo"],
    ] {
        let refused = larder(&url, arguments, b"x").await.exits(2);
        assert!(refused.stdout.is_empty(), "{refused:?}");
        assert!(!refused.stderr.contains("s3cret"), "{arguments:?}: {refused:?}");
        assert!(!refused.stderr.contains("panicked"), "{arguments:?}: {refused:?}");
        assert!(refused.stderr.contains("password"), "what to do: {refused:?}");
    }
    let flawed = format!("redis://:wr0ng-s3cret@{}x", server.address());
    let refused = larder(&flawed, &["get", "k"], b"").await.exits(2);
    assert!(!refused.stderr.contains("s3cret"), "{refused:?}");
    let help = larder(&url, &["--help"], b"").await.exits(0);
    assert!(!help.text().contains("s3cret"), "{help:?}");
    let usage = larder(&url, &["get"], b"").await.exits(2);
    assert!(!usage.stderr.contains("s3cret"), "{usage:?}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_in_one_line() {
    let server = RedisServer::start().await.expect("it starts");
    let url = server.url();
    drop(server);
    let failed = larder(&url, &["get", "k"], b"").await.exits(2).says("does the server run");
    assert_eq!(failed.stderr.lines().count(), 1, "{failed:?}");
    let failed = larder(&url, &["get", "k", "--json"], b"").await.exits(2);
    let told: serde_json::Value = serde_json::from_str(&failed.stderr).expect("stderr is JSON");
    assert!(told["error"].as_str().is_some_and(|error| error.contains("redis")), "{told}");
    assert!(told["hint"].is_string(), "{told}");
}

#[tokio::test]
async fn a_full_server_refuses_with_advice() {
    let server = RedisServer::builder().config("maxmemory 1mb").start().await.expect("it starts");
    let value = vec![b'x'; 2 << 20];
    larder(&server.url(), &["set", "k", "-"], &value).await.exits(2).says("make room");
    larder(&server.url(), &["get", "k"], b"").await.exits(1);
}

#[tokio::test]
async fn each_command_has_help_with_an_example() {
    for command in [
        "get",
        "set",
        "delete",
        "ttl",
        "expire",
        "increment",
        "list",
        "clear",
        "record",
        "replay",
        "explain",
        "invalidate",
        "stats",
        "conform",
        "serve",
        "completions",
        "man",
        "demo",
    ] {
        let help = larder("memory:", &[command, "--help"], b"").await.exits(0);
        assert!(help.text().contains("Example"), "{command}: {help:?}");
        assert!(
            help.text().contains(&format!("larder {command}"))
                || command == "clear"
                || help.text().contains(&format!(" {command}")),
            "{command}: {help:?}"
        );
        let widest = help.text().lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(80), "{command}: {widest:?}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_behind_stdout_is_an_error() {
    let store = Store::sled();
    store.run(&["set", "k", "v"]).await.exits(0);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has one");
    let ran = tokio::process::Command::new(env!("CARGO_BIN_EXE_larder"))
        .args(["get", "k"])
        .env("LARDER_CACHE", &store.url)
        .stdout(full)
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the program starts");
    let ran = ran.wait_with_output().await.expect("it ends");
    let told = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(2), "{told}");
    assert!(told.contains("cannot write to stdout") && !told.contains("panicked"), "{told}");
}

#[tokio::test]
async fn a_server_that_is_down_is_an_error_and_no_broken_rule() {
    for command in ["conform", "demo"] {
        let ran = larder("redis://127.0.0.1:1", &[command], b"").await.exits(2);
        assert!(ran.stderr.contains("connect") && !ran.text().contains("broken"), "{ran:?}");
    }
}
