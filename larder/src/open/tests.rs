use super::*;

async fn refusal(url: &str) -> String {
    let error = open(url).await.unwrap_err();
    assert!(matches!(error, Error::Open { .. }), "{error:?}");
    error.to_string()
}

#[cfg(all(feature = "memory", feature = "sled", feature = "redis"))]
#[tokio::test]
async fn a_mistake_is_named_with_the_choices() {
    for (url, named) in [
        ("nonsense", &["no URL", "memory:", "sled:", "redis://", "unix:"][..]),
        ("", &["no URL"]),
        ("127.0.0.1:6379", &["unknown scheme;", "redis://127.0.0.1:6379"]),
        ("reddis://host", &["`reddis:`", "redis://"]),
        ("memory:here", &["memory:?max=64MiB"]),
        ("memory:?size=1GiB", &["`size`", "max, max_value"]),
        ("memory:?max", &["name=value", "max, max_value"]),
        ("memory:?max=lots", &["`max=lots`", "64MiB"]),
        ("memory:?max=0", &["`max=0`"]),
        ("memory:?max=-1", &["`max=-1`"]),
        ("memory:?max=1MiB&max=2MiB", &["`max`", "twice"]),
        ("sled:", &["sled:./cache"]),
        ("sled:?max=1GiB", &["sled:./cache"]),
        ("redis://host?deadline=soon", &["`deadline`", "200ms"]),
        ("redis://host?connections=0", &["`connections`"]),
        ("redis://host?max=1GiB", &["`max`", "deadline, connections, max_value"]),
        ("unix:/run/redis.sock?database=1", &["`database`", "db, user, pass"]),
        ("tiered:", &["tiered:?near=64MiB&store=redis://"]),
        ("tiered:redis://host", &["tiered:?near=64MiB&store=redis://"]),
        ("tiered:?near=64MiB", &["`store`", "last"]),
        ("tiered:?near=64MiB&store=", &["`store`", "last"]),
        ("tiered:?store=memory:", &["`near`", "`memory`", "`disk`"]),
        ("tiered:?near=lots&store=memory:", &["`near`", "64MiB"]),
        ("tiered:?far=1MiB&store=memory:", &["`far`", "near, memory, disk, disk_max"]),
        ("tiered:?near=1MiB&near=2MiB&store=memory:", &["`near`", "twice"]),
        ("tiered:?disk_max=1GiB&store=memory:", &["disk=./copies"]),
        ("tiered:?disk=&store=memory:", &["disk=./copies"]),
        ("tiered:?store=redis://host&near=1MiB", &["`store` comes last", "`near`"]),
        ("tiered:?near=1MiB&store=tiered:?memory=1MiB&store=memory:", &["go together"]),
        ("tiered:?near=1MiB&store=reddis://host", &["`reddis:`", "redis://"]),
        ("tiered:?near=1MiB&store=memory:?max=lots", &["`max=lots`"]),
    ] {
        let message = refusal(url).await;
        for named in named {
            assert!(message.contains(named), "{url}: {message}");
        }
    }
}

#[tokio::test]
async fn no_secret_is_repeated() {
    for url in [
        "hunter2",
        "admin:hunter2@host",
        "hunter2:hunter2@host",
        "redis://:hun?ter2hunter2=1@host",
        "redis://:x?hunter2@host",
        "redis://admin:hunter2@host:port",
        "redis://admin:hunter2@host?deadline=hunter2",
        "redis://admin:hunter2@host?hunter2",
        "unix:/run/redis.sock?pasword=hunter2",
        "unix:/run/redis.sock?pass=hunter2&connections=hunter2",
        "rediss://admin:hunter2@host",
        "tiered:?near=1MiB&store=redis://admin:hunter2@host:port",
        "tiered:?near=1MiB&store=redis://admin:hunter2@host?deadline=hunter2",
        "tiered:?near=1MiB&store=admin:hunter2@host",
        "tiered:?near=1MiB&stor=redis://admin:hunter2@host",
        "tiered:?near=redis://admin:hunter2@host&store=memory:",
        "tiered:?redis://admin:hunter2@host",
        "tiered:redis://admin:hunter2@host",
        "tiered:?store=redis://admin:hunter2@host&near=1MiB",
    ] {
        let opening = open(url);
        assert!(!format!("{opening:?}").contains("hunter2"));
        let error = opening.await.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(!text.contains("hunter2") && !text.contains("admin"), "{text}");
    }
}

#[tokio::test]
async fn a_shared_store_is_insisted_on() {
    for url in [
        "memory:",
        "sled:./never-made",
        "tiered:?near=1MiB&store=memory:",
        "tiered:?disk=./never-made&store=sled:./never-made",
    ] {
        let error = open(url).shared().await.unwrap_err().to_string();
        assert!(error.contains("redis://") && !error.contains("sled:./cache"), "{error}");
    }
    assert!(!std::path::Path::new("./never-made").exists());
}

#[cfg(feature = "memory")]
#[tokio::test]
async fn what_the_url_says_reaches_the_store() {
    let larder = open("memory:?max=1MiB&max_value=10KiB").await.unwrap();
    assert_eq!(larder.store().capabilities().max_value, 10 << 10);
    assert_eq!(larder.inner.max_value, 10 << 10);
    let values = larder.namespace("n").unwrap().typed::<String>();
    let error = values.set("k", &"x".repeat(20 << 10)).forever().await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error:?}");
}

#[cfg(all(feature = "memory", feature = "sled"))]
#[tokio::test]
async fn tiers_are_put_before_the_store_and_it_has_its_whole_url() {
    let directory = tempfile::tempdir().unwrap();
    let copies = directory.path().join("copies");
    let tiers = format!("near=1MiB&memory=1MiB&disk={}&disk_max=16MiB", copies.display());
    let store =
        format!("sled:{}?max=16MiB&max_value=10KiB", directory.path().join("store").display());
    let larder = open(format!("tiered:?{tiers}&store={store}")).await.unwrap();
    assert_eq!(larder.inner.max_value, 10 << 10);
    let facts = larder.store().capabilities();
    assert!(facts.persistent && facts.max_value == 10 << 10, "it is the store that is told of");
    assert!(larder.inner.near.is_some() && copies.exists());
    let values = larder.namespace("n").unwrap().typed::<u8>();
    values.set("k", &7).forever().await.unwrap();
    assert_eq!(values.get("k").await.unwrap(), Some(7));
    drop((larder, values));

    let larder = open(store).await.unwrap();
    let values = larder.namespace("n").unwrap().typed::<u8>();
    assert_eq!(values.get("k").await.unwrap(), Some(7), "it stands in the store itself");
}

#[cfg(feature = "memory")]
#[tokio::test]
async fn what_is_said_in_code_counts_and_layers_go_around_all() {
    let larder = open("tiered:?near=1MiB&store=memory:").near(0).await.unwrap();
    assert!(larder.inner.near.is_none());
    let larder = open("memory:").near(1 << 20).layer(crate::layer::ReadOnly::new()).await.unwrap();
    assert!(larder.inner.near.is_some());
    let values = larder.namespace("n").unwrap().typed::<u8>();
    let refused = values.set("k", &7).forever().await.unwrap_err();
    assert!(matches!(refused, Error::WriteRefused { .. }), "{refused:?}");
    let opening = open("memory:").layer(crate::layer::ReadOnly::new());
    assert!(format!("{opening:?}").contains("ReadOnly"));
}

#[cfg(feature = "sled")]
#[tokio::test]
async fn what_a_dead_process_was_at_is_dropped_and_values_stay() {
    use std::time::Duration;

    use cache_api::{SetOptions, Ttl};

    use crate::envelope::{Kind, Stamp};

    let directory = tempfile::tempdir().unwrap();
    let url = format!("sled:{}?max=16MiB", directory.path().join("cache").display());
    let larder = open(&url).await.unwrap();
    let space = larder.namespace("n").unwrap();
    space.typed::<u8>().set("value", &7).ttl(Duration::from_secs(60)).await.unwrap();
    for kind in Kind::ALL {
        let key = space.key(format!("{kind:?}")).unwrap();
        let record = Stamp::new(kind).to_bytes().to_vec().into();
        let _ = larder.store().set(&key, record, SetOptions::new(Ttl::Never)).await.unwrap();
    }
    drop((larder, space));

    let larder = open(&url).await.unwrap();
    let space = larder.namespace("n").unwrap();
    assert_eq!(space.typed::<u8>().get("value").await.unwrap(), Some(7));
    for kind in Kind::ALL {
        let stands = space.raw().get(format!("{kind:?}")).await.unwrap().is_some();
        assert_eq!(stands, !kind.is_transient(), "{kind:?}");
    }
}

#[cfg(not(feature = "redis"))]
#[tokio::test]
async fn a_store_that_is_not_built_in_names_its_feature() {
    let message = refusal("redis://host").await;
    assert!(message.contains("feature `redis`"), "{message}");
}
