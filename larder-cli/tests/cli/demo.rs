//! `demo`: it must work, on each store, and leave nothing behind.

use std::{process::Stdio, time::Duration};

use integration_tests::servers::RedisServer;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
    time::{sleep, timeout},
};

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

    let price = &play["price"];
    let calls = ["first_reads", "near_hit", "invalidation"]
        .map(|act| price[format!("{act}_origin_calls")].as_u64().expect("a number"));
    assert_eq!(calls, [1, 0, 1], "one load of each price: {price}");
    assert_eq!((&price["stale_reads_on_a"], &price["mistakes"]), (&json!(0), &json!([])));
    assert!(price["reads_on_a"].as_u64() >= Some(20), "{price}");
    assert!(price["invalidation_heard_ms"].as_f64().is_some_and(|heard| heard >= 0.0), "{price}");
    assert_eq!(price["invalidation_bound_ms"], 3000.0, "{price}");
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
async fn where_redis_does_not_let_us_hear_of_changes_copies_are_short_lived() {
    let rules = "~* &* +@all -client|tracking";
    let redis = RedisServer::builder().user("ada", "s3cret", rules).start().await;
    let redis = redis.expect("redis-server starts");
    let ran = larder(&redis.url_as("ada", "s3cret"), &["demo", "--json"], b"").await.exits(0);
    is_as_it_should_be(&ran, 2);
}

#[tokio::test]
async fn a_password_reaches_the_server_processes_and_nobody_else() {
    let redis = RedisServer::builder().password("s3cret").start().await;
    let redis = redis.expect("redis-server starts");
    let (child, address) = kept(&redis.url()).await;
    assert!(ask(&address).await.is_some_and(|answer| answer.starts_with("HTTP/1.1 200")));
    // Everyone on the machine may read the arguments of a process.
    #[cfg(target_os = "linux")]
    {
        let arguments = |entry: std::io::Result<std::fs::DirEntry>| {
            let read = std::fs::read(entry.ok()?.path().join("cmdline")).ok()?;
            Some(String::from_utf8_lossy(&read).into_owned())
        };
        let processes = std::fs::read_dir("/proc").expect("Linux has one");
        let shown: Vec<_> = processes.filter_map(arguments).collect();
        let servers = shown.iter().filter(|shown| shown.contains("demo-server")).count();
        assert!(servers >= 2, "{shown:?}");
        assert!(!shown.iter().any(|shown| shown.contains("s3cret")), "{shown:?}");
    }
    signal(&child, "-INT");
    let ran = timeout(Duration::from_secs(20), child.wait_with_output()).await;
    let ran = ran.expect("it ends in time").expect("its end is seen");
    assert!(ran.status.success(), "{ran:?}");

    let ran = larder(&redis.url(), &["demo"], b"").await.exits(0);
    assert!(!ran.text().contains("s3cret") && !ran.stderr.contains("s3cret"), "{ran:?}");
}

#[tokio::test]
async fn people_read_a_table_that_fits_their_terminal() {
    let ran = larder("memory:", &["demo"], b"").await.exits(0).fits_a_terminal();
    // Sentences are broken where they do not fit.
    let text: Vec<_> = ran.text().split_whitespace().collect();
    let text = text.join(" ");
    assert!(text.contains("B follows while A streams"), "{ran:?}");
    assert!(!text.contains("WRONG"), "{ran:?}");
    assert!(text.contains("every byte was the origin's"), "{ran:?}");
    assert!(text.contains("B gave the old one no more"), "{ran:?}");
}

/// A demonstration that stays, and where its server A is.
async fn kept(cache: &str) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_larder"))
        .args(["demo", "--keep", "--json"])
        .env("LARDER_CACHE", cache)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the program starts");
    let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
    let mut line = async || {
        let line = timeout(Duration::from_secs(60), lines.next_line()).await.expect("it is told");
        let line = line.expect("it is read").expect("it has not ended");
        serde_json::from_str::<Value>(&line).expect("it is JSON")
    };
    let play = line().await;
    assert_eq!(play["ok"], true, "{play}");
    let address = line().await["a"].as_str().expect("an address").to_owned();
    (child, address)
}

async fn ask(address: &str) -> Option<String> {
    let mut server = TcpStream::connect(address).await.ok()?;
    let request = b"GET /mine HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
    server.write_all(request).await.ok()?;
    let mut answer = String::new();
    server.read_to_string(&mut answer).await.ok()?;
    Some(answer)
}

fn signal(child: &Child, signal: &str) {
    let pid = child.id().expect("it runs").to_string();
    let sent = std::process::Command::new("kill").args([signal, &pid]).status();
    assert!(sent.expect("there is `kill`").success());
}

#[tokio::test]
async fn kept_servers_answer_until_ctrl_c_and_leave_nothing() {
    let store = Store::redis().await;
    let (mut child, address) = kept(&store.url).await;
    let answer = ask(&address).await.expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("2025-"), "{answer}");
    signal(&child, "-INT");
    let ended = timeout(Duration::from_secs(20), child.wait()).await.expect("it ends in time");
    assert_eq!(ended.expect("it is ours").code(), Some(0));
    assert!(ask(&address).await.is_none(), "its servers are gone");
    let redis = store.redis.as_ref().expect("this is Redis");
    let left = redis.cli(&["DBSIZE"]).await.expect("it answers");
    assert_eq!(left.number(), Some(0));
}

#[tokio::test]
async fn servers_do_not_outlive_a_killed_demonstration() {
    let store = Store::redis().await;
    let (child, address) = kept(&store.url).await;
    signal(&child, "-KILL");
    let gone = async {
        while TcpStream::connect(&address).await.is_ok() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(20), gone).await.expect("they end in time");
}
