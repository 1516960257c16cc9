use backend_memory::MemoryCache;
use cache_api::{Change, Error};
use futures_util::{FutureExt, StreamExt};

use super::*;

struct Bench {
    whole: Arc<dyn Cache>,
    shop: Arc<dyn Cache>,
    blog: Arc<dyn Cache>,
}

fn bench() -> Bench {
    let whole: Arc<dyn Cache> = Arc::new(MemoryCache::new());
    let part = |name| Prefix::new(name).unwrap().layer(Arc::clone(&whole));
    Bench { shop: part("shop"), blog: part("blog"), whole }
}

fn namespace(name: &str) -> Namespace {
    Namespace::new(name).unwrap()
}

fn key(name: &str) -> Key {
    namespace(name).key("42").unwrap()
}

async fn put(store: &Arc<dyn Cache>, key: &Key, value: &'static str) {
    assert!(store.set(key, value.into(), SetOptions::new(Ttl::Never)).await.unwrap().is_stored());
}

async fn get(store: &Arc<dyn Cache>, key: &Key) -> Option<Bytes> {
    store.get(key).await.unwrap()
}

#[tokio::test]
async fn two_applications_share_a_store_and_not_their_entries() {
    let Bench { whole, shop, blog } = bench();
    let users = key("users");
    put(&shop, &users, "shop's").await;
    put(&blog, &users, "blog's").await;
    assert_eq!(get(&shop, &users).await.unwrap(), "shop's");
    assert_eq!(get(&blog, &users).await.unwrap(), "blog's");
    assert_eq!(get(&whole, &key("shop/users")).await.unwrap(), "shop's");

    shop.clear(&namespace("users")).await.unwrap();
    assert_eq!(get(&shop, &users).await, None);
    assert_eq!(get(&blog, &users).await.unwrap(), "blog's");
    assert!(!shop.delete(&users).await.unwrap());
    assert_eq!(shop.get_many(&[users.clone(), users.clone()]).await.unwrap(), [None, None]);

    // The control: without it they overwrite and clear each other.
    put(&whole, &users, "shop's").await;
    put(&whole, &users, "blog's").await;
    assert_eq!(get(&whole, &users).await.unwrap(), "blog's");
    whole.clear(&namespace("users")).await.unwrap();
    assert_eq!(get(&whole, &users).await, None);
}

#[tokio::test]
async fn keys_are_listed_by_the_names_they_have_inside() {
    let Bench { shop, blog, .. } = bench();
    put(&shop, &key("users"), "v").await;
    put(&shop, &namespace("users").reserved("tag").unwrap().key("t").unwrap(), "v").await;
    put(&blog, &key("users"), "v").await;
    let keys = shop.scan().unwrap().keys(&namespace("users"));
    let mut keys: Vec<_> = keys.map(|key| key.unwrap().to_string()).collect().await;
    keys.sort();
    assert_eq!(keys, ["users/.tag:t", "users:42"]);
}

#[tokio::test]
async fn changes_are_told_by_the_names_they_have_inside() {
    let Bench { whole, shop, blog } = bench();
    let watched = [namespace("users"), namespace("carts")];
    let mut changes = shop.watch().unwrap().changes(&watched).await.unwrap();
    put(&blog, &key("users"), "v").await;
    put(&shop, &key("users"), "v").await;
    assert_eq!(changes.next().await.unwrap(), Change::Entry(key("users")));
    shop.clear(&namespace("carts")).await.unwrap();
    assert_eq!(changes.next().await.unwrap(), Change::Namespace(namespace("carts")));

    // Cleared from outside, all at once.
    whole.clear(&namespace("shop")).await.unwrap();
    for namespace in watched {
        assert_eq!(changes.next().await.unwrap(), Change::Namespace(namespace));
    }
    assert!(changes.next().now_or_never().is_none());
}

#[tokio::test]
async fn names_that_are_too_long_together_are_refused_everywhere() {
    let long = namespace(&vec!["x".repeat(62); 4].join("/"));
    let Bench { shop, .. } = bench();
    let at = long.key("k").unwrap();
    assert!(matches!(shop.get(&at).await, Err(Error::InvalidNamespace { .. })));
    assert!(matches!(shop.clear(&long).await, Err(Error::InvalidNamespace { .. })));
    let mut keys = shop.scan().unwrap().keys(&long);
    assert!(matches!(keys.next().await.unwrap(), Err(Error::InvalidNamespace { .. })));
    assert!(shop.watch().unwrap().changes(&[long]).await.is_err());
    assert!(Prefix::new("no:prefix").is_err() && Prefix::new(".reserved").is_err());
}
