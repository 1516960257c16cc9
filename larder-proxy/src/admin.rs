//! Pages for those who run the proxy, on an address of their own: whoever reaches it is trusted.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Query, State},
    http::{
        HeaderMap, StatusCode,
        header::{CONTENT_TYPE, ORIGIN},
    },
    response::IntoResponse,
    routing::{get, post},
};
use larder::{Invalidation, Space};
use serde::Deserialize;
use tokio::{net::TcpListener, sync::watch, time::timeout};

use crate::{
    metrics::{self, Metrics},
    server::Phase,
};

/// How long the store may take to say that it is there.
const REACH: Duration = Duration::from_secs(1);

/// What the pages tell of.
#[derive(Debug, Clone)]
pub(crate) struct Admin {
    metrics: Arc<Metrics>,
    space: Space,
    phase: watch::Receiver<Phase>,
}

impl Admin {
    pub(crate) const fn new(
        metrics: Arc<Metrics>,
        space: Space,
        phase: watch::Receiver<Phase>,
    ) -> Self {
        Self { metrics, space, phase }
    }

    /// Serves until it is dropped.
    pub(crate) async fn serve(self, listener: TcpListener) {
        let pages = Router::new()
            .route("/metrics", get(metrics))
            .route("/healthz", get(async || "ok\n"))
            .route("/readyz", get(ready))
            .route("/purge", post(purge))
            .with_state(self);
        // It has no error but those of connections, which it deals with itself.
        let _ = axum::serve(listener, pages).await;
    }
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

/// What is to be purged: `?all`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Purge {
    all: Option<String>,
}

/// Answers are not given any more, on any server that shares the store.
async fn purge(
    State(admin): State<Admin>,
    headers: HeaderMap,
    Query(purge): Query<Purge>,
) -> impl IntoResponse {
    // A page that someone on this machine looks at in a browser can reach this address too.
    if headers.contains_key(ORIGIN) {
        return (StatusCode::FORBIDDEN, "not from a browser\n".to_owned());
    }
    if purge.all.is_none() {
        return (StatusCode::BAD_REQUEST, "say what: /purge?all\n".to_owned());
    }
    match admin.space.invalidate_all().await {
        Invalidation::Applied => (StatusCode::OK, "purged\n".to_owned()),
        Invalidation::Queued(why) => {
            (StatusCode::ACCEPTED, format!("purged as soon as the store can be reached: {why}\n"))
        }
        Invalidation::Failed(why) => (StatusCode::BAD_GATEWAY, format!("not purged: {why}\n")),
    }
}
