//! What the scene finds out. The control of the demonstration: servers that cache as one does without
//! larder must fail it.

use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex},
};

use axum::{Router, extract::State, routing};
use http_body_util::BodyExt;
use larder::{Larder, MemoryCache};
use tokio::net::TcpListener;

use super::{super::client, *};

async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

#[tokio::test]
async fn servers_of_larder_pass() {
    let origin = Origin::start().await.unwrap();
    let space = Larder::new(MemoryCache::new()).namespace("demo").unwrap();
    let server = || super::super::prices::routes(&space, origin.address()).unwrap();
    let (a, b) = (serve(server()).await, serve(server()).await);
    let scene = PriceScene::play(PriceStage { origin: &origin, a, b }).await;
    assert_eq!(scene.mistakes(), [""; 0]);
    assert_eq!((scene.first_reads.origin_calls, scene.near_hit.origin_calls), (1, 0));
    assert_eq!((scene.change.origin_calls, scene.stale_on_a), (1, 0));
}

/// Longer than what is promised.
const NAIVE_TTL: Duration = Duration::from_secs(4);

/// A copy with a lifetime, and nobody who tells of changes.
#[derive(Debug, Clone)]
struct Naive {
    origin: SocketAddr,
    copy: Arc<Mutex<Option<(String, Instant)>>>,
    forgets: bool,
}

impl Naive {
    fn routes(origin: &Origin, forgets: bool) -> Router {
        let naive = Self { origin: origin.address(), copy: Arc::default(), forgets };
        Router::new()
            .route("/prices/{name}", routing::get(Self::price))
            .route("/prices/{name}/invalidate", routing::post(Self::invalidate))
            .with_state(naive)
    }

    async fn price(State(naive): State<Self>, uri: http::Uri) -> String {
        let told = |price: &str, from| format!(r#"{{"price":{price},"from":"{from}"}}"#);
        let copy = naive.copy.lock().unwrap().clone();
        if let Some((price, _)) = copy.filter(|(_, made)| made.elapsed() < NAIVE_TTL) {
            return told(&price, "near");
        }
        let response = client::send(naive.origin, uri.path(), None).await.unwrap();
        let price = response.into_body().collect().await.unwrap().to_bytes();
        let price = String::from_utf8(price.to_vec()).unwrap();
        *naive.copy.lock().unwrap() = Some((price.clone(), Instant::now()));
        told(&price, "loaded")
    }

    async fn invalidate(State(naive): State<Self>) {
        if naive.forgets {
            *naive.copy.lock().unwrap() = None;
        }
    }
}

#[tokio::test]
async fn servers_that_keep_copies_by_themselves_are_found_out() {
    let origin = Origin::start().await.unwrap();
    let (a, b) =
        (serve(Naive::routes(&origin, true)).await, serve(Naive::routes(&origin, true)).await);
    let scene = PriceScene::play(PriceStage { origin: &origin, a, b }).await;
    let found = |mistake: &str| scene.mistakes().iter().any(|found| found.contains(mistake));
    assert!(found("more than one load"), "{scene:?}");
    assert!(found("B gave the old price for too long"), "{scene:?}");
    assert!(found("not loaded once"), "{scene:?}");
    assert!(!found("A gave the old price"), "{scene:?}");
}

#[tokio::test]
async fn a_server_that_forgets_to_invalidate_itself_is_found_out() {
    let origin = Origin::start().await.unwrap();
    let (a, b) =
        (serve(Naive::routes(&origin, false)).await, serve(Naive::routes(&origin, true)).await);
    let scene = PriceScene::play(PriceStage { origin: &origin, a, b }).await;
    assert!(scene.stale_on_a > 0 && !scene.mistakes().is_empty(), "{scene:?}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_mistake_and_no_panic() {
    let origin = Origin::start().await.unwrap();
    let nobody: SocketAddr = ([127, 0, 0, 1], 1).into();
    let scene = PriceScene::play(PriceStage { origin: &origin, a: nobody, b: nobody }).await;
    assert!(scene.mistakes()[0].contains("did not answer"), "{scene:?}");
}
