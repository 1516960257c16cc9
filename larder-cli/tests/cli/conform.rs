//! `conform`: a store that keeps the contract, and one that does not.

use crate::common::{Store, larder};
use integration_tests::servers::RedisServer;

#[tokio::test]
async fn memory_keeps_the_contract() {
    let ran = larder("memory:", &["conform"], b"").await.exits(0);
    assert!(ran.text().contains("memory keeps the contract"), "{ran:?}");
    ran.fits_a_terminal();
}

#[tokio::test]
async fn sled_keeps_the_contract() {
    let store = Store::sled();
    store.run(&["set", "mine", "stays"]).await.exits(0);
    let ran = store.run(&["conform", "--rules"]).await.exits(0);
    assert!(ran.text().contains("sled keeps the contract"), "{ran:?}");
    ran.fits_a_terminal();
    store.run(&["list", "--all"]).await.exits(0).prints("default:mine\n");
}

#[tokio::test]
async fn redis_keeps_the_contract() {
    let store = Store::redis().await;
    store.run(&["set", "mine", "stays"]).await.exits(0);
    let ran = store.run(&["conform"]).await.exits(0);
    assert!(ran.text().contains("redis keeps the contract"), "{ran:?}");
    ran.fits_a_terminal();
    // Its own namespaces are empty again.
    let redis = store.redis.as_ref().expect("this is Redis");
    let left = redis.cli(&["DBSIZE"]).await.expect("it answers");
    assert_eq!(left.number(), Some(1));
}

#[tokio::test]
async fn a_server_that_forbids_what_larder_needs_breaks_rules_that_are_named() {
    let rules = "~* &* +@all -ttl -pttl -scan";
    let server = RedisServer::builder().user("ada", "s3cret", rules).start().await;
    let server = server.expect("redis-server starts");
    let url = server.url_as("ada", "s3cret");
    // Such a user can do something: it is no error, it is a store that breaks rules.
    larder(&url, &["set", "k", "v"], b"").await.exits(0);
    let ran = larder(&url, &["conform"], b"").await.exits(1);
    assert!(ran.text().contains("redis breaks the contract"), "{ran:?}");
    assert!(ran.text().contains("BROKEN ttl::"), "{ran:?}");
    assert!(!ran.text().contains("s3cret") && !ran.stderr.contains("s3cret"), "{ran:?}");
    ran.fits_a_terminal();

    let rules = larder(&url, &["conform", "--json"], b"").await.exits(1).json();
    let outcome = |wanted: &str| rules.iter().filter(|rule| rule["outcome"] == wanted).count();
    assert!(outcome("kept") > 0 && outcome("broken") > 0, "{rules:?}");
    let explained =
        |rule: &serde_json::Value| rule["outcome"] != "broken" || rule["detail"].is_string();
    assert!(rules.iter().all(explained), "{rules:?}");
}
