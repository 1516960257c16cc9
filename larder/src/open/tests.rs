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
    for url in ["memory:", "sled:./never-made"] {
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
