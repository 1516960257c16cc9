//! The examples do what they say. One more needs one more test.

#![cfg(feature = "memory")]
#![expect(clippy::panic, reason = "a helper of tests says what the example said")]

use integration_tests::examples;

/// Runs an example, which must say all of this.
async fn says(name: &str, args: &[&str], all: &[&str]) {
    let said = examples::run(name, args).await.unwrap_or_else(|error| panic!("{error}"));
    for this in all {
        assert!(said.contains(this), "`{name}` does not say `{this}`, but:\n{said}");
    }
}

#[tokio::test]
async fn typed() {
    says("typed", &[], &["server a sends it", "server b leaves it", "visit number 1"]).await;
}

#[tokio::test]
async fn streams() {
    // When the third one asks, the last bytes may be on their way to the store still.
    says("streams", &[], &["the first is live: true, so is the second: true", "the third is live"])
        .await;
}

#[tokio::test]
async fn third_party_store() {
    says("third_party_store", &[], &["from \"map\"", "cleared: None"]).await;
}

#[tokio::test]
async fn job_lock() {
    let said = ["closing the books", "done already, by server", "the job ran once"];
    says("job_lock", &[], &said).await;
    #[cfg(feature = "redis")]
    {
        let redis =
            integration_tests::servers::RedisServer::start().await.expect("the tests have a Redis");
        says("job_lock", &[&redis.url()], &said).await;
    }
}

#[tokio::test]
async fn read_through() {
    let said = [
        "tea: 100 (from the shop)\ntea: 100 (from the store)",
        "  log: no price of tea: the shop is closed\ntea: 100 (from the store, and past its time)\n\
         tea: 100 (from the store, and past its time)",
        "coffee: the loader failed",
        "tea: 101 (from the shop)\ncoffee: 102 (from the shop)",
    ];
    says("read_through", &[], &said).await;
}

#[tokio::test]
async fn tags() {
    let said = [
        "A shows 2: by Ada Byron, written anew",
        "B shows 2: by Ada Byron, from the store",
        "B shows 1: by Ada Lovelace, written anew\nB shows 2: by Ada Lovelace, written anew\n\
         B shows 3: by Mary Somerville, from the store",
        "A shows 1: by Ada Lovelace, from the store",
    ];
    says("tags", &[], &said).await;
    #[cfg(feature = "redis")]
    {
        let redis =
            integration_tests::servers::RedisServer::start().await.expect("the tests have a Redis");
        let of_two = [&["Two servers, in two processes."], &said[..]].concat();
        says("tags", &[&redis.url()], &of_two).await;
    }
}

#[cfg(feature = "sled")]
#[tokio::test]
async fn tiers() {
    says("tiers", &[], &["memory before it", "disk before it", "memory, disk before it"]).await;
}
