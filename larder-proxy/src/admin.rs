//! Pages for those who run the proxy, on an address of their own: whoever reaches it is trusted.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Query, State},
    http::{
        HeaderMap, StatusCode,
        header::{CONTENT_TYPE, ORIGIN},
    },
    response::{IntoResponse, Response},
    routing::{get, post},
};
use larder::{Error, Invalidation, Space};
use larder_http::Purge;
use serde::Deserialize;
use tokio::{net::TcpListener, sync::watch, time::timeout};

use crate::{
    metrics::{self, Metrics},
    page,
    server::Phase,
    watch::Watch,
};

/// How long the store may take to say that it is there.
const REACH: Duration = Duration::from_secs(1);

/// What the pages tell of.
#[derive(Debug, Clone)]
pub(crate) struct Admin {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) watch: Arc<Watch>,
    pub(crate) space: Space,
    pub(crate) purge: Purge,
    /// Whether answers have tags.
    pub(crate) tags: bool,
    pub(crate) phase: watch::Receiver<Phase>,
}

impl Admin {
    /// Serves until it is dropped.
    pub(crate) async fn serve(self, listener: TcpListener) {
        let told = self.clone();
        let pages = Router::new()
            .route("/", get(async || page::html()))
            .route("/status.json", get(status))
            .route("/metrics", get(metrics))
            .route("/healthz", get(async || "ok\n"))
            .route("/readyz", get(ready))
            .route("/purge", post(purge))
            .with_state(self);
        let serving = async {
            // It has no error but those of connections, which it deals with itself.
            let _ = axum::serve(listener, pages).await;
        };
        tokio::join!(serving, told.watch.beat(&told.metrics, &told.space, told.phase));
    }
}

async fn status(State(admin): State<Admin>) -> Response {
    let draining = *admin.phase.borrow() != Phase::Serving;
    page::json(&admin.watch.status(&admin.metrics, &admin.space, draining))
}

async fn metrics(State(admin): State<Admin>) -> impl IntoResponse {
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], admin.metrics.text(&admin.space.larder().stats()))
}

/// Ready until the server is to end. A store that is down makes it slower, not unready: taken out of
/// service, all servers would be at once.
async fn ready(State(admin): State<Admin>) -> impl IntoResponse {
    if *admin.phase.borrow() != Phase::Serving {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n");
    }
    if store_answers(&admin.space).await {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::OK, "ready, without its cache: the store does not answer\n")
    }
}

async fn store_answers(space: &Space) -> bool {
    let asked = timeout(REACH, space.raw().get("readyz")).await;
    asked.is_ok_and(|answer| !answer.is_err_and(|error| error.is_unavailable()))
}

/// What is to be purged: one of these.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct What {
    url: Option<String>,
    tag: Option<String>,
    all: Option<String>,
}

/// Answers are not given any more, on any server that shares the store.
async fn purge(
    State(admin): State<Admin>,
    headers: HeaderMap,
    Query(what): Query<What>,
) -> (StatusCode, String) {
    // A page that someone on this machine looks at in a browser can reach this address too.
    if headers.contains_key(ORIGIN) {
        return (StatusCode::FORBIDDEN, "not from a browser\n".to_owned());
    }
    let purged = match what {
        What { url: Some(url), tag: None, all: None } => admin.purge.url(&url).await,
        What { url: None, tag: Some(tag), all: None } if admin.tags => admin.purge.tag(&tag).await,
        What { url: None, tag: Some(_), all: None } => {
            return (StatusCode::BAD_REQUEST, "answers have no tags here\n".to_owned());
        }
        What { url: None, tag: None, all: Some(_) } => admin.purge.all().await,
        _ => {
            let text = "say what: /purge?url=…, /purge?tag=… or /purge?all\n";
            return (StatusCode::BAD_REQUEST, text.to_owned());
        }
    };
    match purged {
        Invalidation::Applied => (StatusCode::OK, "purged\n".to_owned()),
        Invalidation::Queued(why) => {
            (StatusCode::ACCEPTED, format!("purged as soon as the store can be reached: {why}\n"))
        }
        Invalidation::Failed(why @ Error::InvalidArgument { .. }) => {
            (StatusCode::BAD_REQUEST, format!("not purged: {why}\n"))
        }
        Invalidation::Failed(why) => (StatusCode::BAD_GATEWAY, format!("not purged: {why}\n")),
    }
}
