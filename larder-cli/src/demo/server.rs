//! One of the two servers: reports are passed on as the origin streams them, behind larder's layer, and
//! [prices](super::prices) are kept in memory.

use std::{io, net::SocketAddr, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::Response,
};
use http::{StatusCode, header};
use larder::Space;
use larder_http::CacheLayer;
use tokio::net::TcpListener;

use super::{client, prices};

/// How long an answer is kept. Short: what an interrupted demonstration leaves goes by itself.
pub(super) const TTL: Duration = Duration::from_secs(600);

/// Serves until it is dropped.
pub(crate) async fn serve(
    listener: TcpListener,
    space: &Space,
    origin: SocketAddr,
) -> io::Result<()> {
    let layer = CacheLayer::new(space.larder().clone())
        .namespace(space.namespace().as_str())
        .map_err(io::Error::other)?
        .ttl(TTL)
        .vary_on(["accept"])
        // Ten times the default: what a busy machine delays is not what is to be shown.
        .lookup_deadline(Duration::from_millis(500))
        // A and B are asked under two ports, and answer the same.
        .ignore_host()
        .cache_status(true);
    let reports = Router::new().fallback(report).with_state(origin).layer(layer);
    let prices = prices::routes(space, origin).map_err(io::Error::other)?;
    axum::serve(listener, prices.merge(reports)).await
}

/// What the origin answers, passed on as it comes.
async fn report(State(origin): State<SocketAddr>, request: Request) -> Response {
    let accept = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    match client::send(origin, request.uri().path(), accept).await {
        Ok(response) => response.map(Body::new),
        Err(error) => {
            let mut response = Response::new(Body::from(error.to_string()));
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            response
        }
    }
}
