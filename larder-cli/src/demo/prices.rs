//! What each of the two servers does besides: it keeps prices, which are asked for often, in its own memory.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing,
};
use http::StatusCode;
use http_body_util::BodyExt;
use larder::{Error, Invalidation, Larder, Near, Origin, Space};

use super::{client, server::TTL};
use crate::output::Fields;

/// How long a copy is served at the most after a change whose report does not arrive.
pub(super) const BOUND: Duration = Duration::from_secs(3);

/// How long a server waits for what the other one loads. Long: a busy machine is not what is to be shown.
const PATIENCE: Duration = Duration::from_secs(20);

/// For a handful of prices.
const MEMORY: u64 = 1 << 20;

#[derive(Debug, Clone)]
struct Prices {
    kept: Near<u64>,
    origin: SocketAddr,
}

/// `GET /prices/tea` gives the price and where it came from, `POST /prices/tea/invalidate` says that it
/// has changed.
pub(super) fn routes(space: &Space, origin: SocketAddr) -> Result<Router, Error> {
    // Of this server alone: with another one in this process it shares the store and no memory.
    let larder = Larder::builder(Arc::clone(space.larder().store()))
        .near(MEMORY)
        .near_silence(BOUND)
        .build();
    let prices = larder.namespace(space.namespace().as_str())?.child("prices")?;
    let kept = prices.typed::<u64>().default_ttl(TTL).wait(PATIENCE).near();
    Ok(Router::new()
        .route("/prices/{name}", routing::get(price))
        .route("/prices/{name}/invalidate", routing::post(invalidate))
        .with_state(Prices { kept, origin }))
}

async fn price(State(prices): State<Prices>, Path(name): Path<String>) -> Response {
    let Prices { kept, origin } = prices;
    let path = format!("/prices/{name}");
    let ask = move || async move { ask(origin, &path).await };
    match kept.get_or_load(name, ask).answer().await {
        Ok(answer) => {
            let from = match answer.origin {
                Origin::Near => "near",
                Origin::Store => "store",
                Origin::Loaded => "loaded",
                Origin::Uncached => "uncached",
                _ => "elsewhere",
            };
            Fields::new().put("price", *answer.value).put("from", from).line().into_response()
        }
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

async fn ask(origin: SocketAddr, path: &str) -> Result<u64, String> {
    let response = client::send(origin, path, None).await.map_err(|error| error.to_string())?;
    let body = response.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
    let price = std::str::from_utf8(&body).ok().and_then(|price| price.parse().ok());
    price.ok_or_else(|| "the origin has no such price".to_owned())
}

async fn invalidate(State(prices): State<Prices>, Path(name): Path<String>) -> Response {
    match prices.kept.invalidate(name).await {
        Invalidation::Applied => "applied".into_response(),
        Invalidation::Queued(error) | Invalidation::Failed(error) => {
            (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response()
        }
    }
}
