//! Settings by flags and by a file, and what is told of them.

use std::{path::Path, process::Output, time::Duration};

use tokio::{process::Command, time::timeout};

use crate::{
    client::{ask, body, values},
    origin::Origin,
    program::Serve,
};

async fn larder(arguments: &[&str]) -> Output {
    let ran = Command::new(env!("CARGO_BIN_EXE_larder"))
        .args(arguments)
        .env_remove("LARDER_CACHE")
        .kill_on_drop(true)
        .output();
    timeout(Duration::from_secs(60), ran).await.expect("it ends in time").expect("it runs")
}

/// Fails unless it exits 2 and says each of these.
async fn refused(arguments: &[&str], parts: &[&str]) {
    let ran = larder(arguments).await;
    let told = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(ran.status.code(), Some(2), "{arguments:?}: {told}");
    for part in parts {
        assert!(told.contains(part), "{arguments:?}: no {part:?} in {told}");
    }
}

fn file(directory: &Path, text: &str) -> String {
    let path = directory.join("proxy.toml");
    std::fs::write(&path, text).expect("it is written");
    path.to_string_lossy().into_owned()
}

#[tokio::test]
async fn a_file_sets_what_flags_do_not() {
    let origin = Origin::start().await;
    let directory = tempfile::tempdir().expect("there is room for a directory");
    let config = file(
        directory.path(),
        "via = 'from-the-file'\npreserve-host = true\nttl = '1m'\nvary-on = ['accept']\n\
         namespace = 'shop'\ncache = 'memory:?max=1MiB'\naccess-log = 'json'\npreset = 'rfc9111'\n\
         max-length = '1MiB'\n",
    );
    let serve = Serve::start(&origin.url(), &["--config", &config, "--preserve-host=false"]).await;
    let echo = ask(serve.address, "GET /echo", "").await;
    assert_eq!(values(body(&echo), "via"), ["1.1 from-the-file"]);
    assert_eq!(values(body(&echo), "host"), [origin.address.to_string()], "the flag wins");
    ask(serve.address, "GET /echo", "").await;
    assert_eq!(origin.asked("/echo"), 1, "its lifetime is from the file");
}

#[tokio::test]
async fn a_mistake_in_a_file_is_named_with_its_line() {
    let directory = tempfile::tempdir().expect("there is room for a directory");
    for (text, parts) in [
        ("via = 'a'\nvai = 'b'\n", &["line 2", "`vai`", "`via`"][..]),
        ("ttl = '10'\n", &["line 1", "10s, 10m or 10h"]),
        ("\n\norigin = 'shop'\n", &["line 3", "scheme is missing"]),
        ("via = \n", &["line 1"]),
        ("preset = 'fast'\n", &["line 1", "safe", "rfc9111"]),
        ("max-length = 'lots'\n", &["line 1", "64KiB"]),
        ("listen = '127.0.0.1'\n", &["line 1"]),
    ] {
        let config = file(directory.path(), text);
        refused(&["serve", "--config", &config], parts).await;
    }
    refused(&["serve", "--config", "/nowhere/proxy.toml"], &["/nowhere/proxy.toml"]).await;
}

#[tokio::test]
async fn a_mistake_in_a_flag_is_named() {
    refused(&["serve"], &["no origin", "--origin http://"]).await;
    let origin = ["serve", "--origin", "http://127.0.0.1:1"];
    let with = |more: &[&'static str]| [&origin[..], more].concat();
    refused(&["serve", "--origin", "http://a/path"], &["a path is not taken"]).await;
    refused(&with(&["--tls-cert", "cert.pem"]), &["go together"]).await;
    let missing = ["--tls-cert", "/nowhere/c.pem", "--tls-key", "/nowhere/k.pem"];
    refused(&with(&missing), &["no certificates", "/nowhere/c.pem"]).await;
    refused(&with(&["--via", "a b"]), &["`a b`", "Via"]).await;
    refused(&with(&["--vary-on", "accept,a b"]), &["`a b`", "--vary-on"]).await;
    refused(&with(&["--ttl", "10"]), &["10s, 10m or 10h"]).await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let taken = taken.local_addr().map(|address| (address.to_string(), taken));
    let (address, _held) = taken.expect("it is bound");
    let ran = [&origin[..], &["--listen", &address]].concat();
    refused(&ran, &["cannot listen on", &address]).await;
}

#[tokio::test]
async fn the_program_explains_itself() {
    let help = larder(&["serve", "--help"]).await;
    let help = String::from_utf8(help.stdout).expect("it is text");
    for part in [
        "Example",
        "larder serve",
        "--origin",
        "--tls-cert",
        "[default: 127.0.0.1:8080]",
        "rfc9111",
    ] {
        assert!(help.contains(part), "{part} in {help}");
    }
    assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = larder(&["completions", shell]).await;
        let script = String::from_utf8(script.stdout).expect("it is text");
        assert!(script.contains("serve") && script.contains("preserve-host"), "{shell}");
    }
    let page = larder(&["man", "serve"]).await;
    let page = String::from_utf8(page.stdout).expect("it is text");
    assert!(page.contains(".TH larder-serve 1") && page.contains("\\-\\-origin"), "{page}");
    let directory = tempfile::tempdir().expect("there is room for a directory");
    let into = directory.path().to_string_lossy().into_owned();
    assert!(larder(&["man", "--into", &into]).await.status.success());
    assert!(directory.path().join("larder-serve.1").exists());
    refused(&["man", "sevre"], &["`sevre`"]).await;
}
