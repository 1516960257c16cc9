//! Two copies of one service, one Redis: a report that takes ten seconds is rendered once.
//! `cargo run -p larder-http --example axum_csv -- 3000 redis://127.0.0.1`

use std::{convert::Infallible, time::Duration};

use axum::{Router, body::Body, http::header::CONTENT_TYPE, response::IntoResponse, routing::get};
use futures_util::{StreamExt, stream};
use larder_http::CacheLayer;

/// A slow report: twenty rows, one each half second.
async fn export() -> impl IntoResponse {
    println!("rendering the report");
    let rows = stream::iter(0..20).then(|row| async move {
        tokio::time::sleep(Duration::from_millis(500)).await;
        Ok::<_, Infallible>(format!("{row},{}\n", row * row))
    });
    ([(CONTENT_TYPE, "text/csv; charset=utf-8")], Body::from_stream(rows))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let port = args.next().unwrap_or("3000".into()).parse::<u16>()?;
    let store = args.next().unwrap_or("memory:".into());

    let larder = larder::open(&store).await?;
    let cache = CacheLayer::new(larder)
        .namespace("exports")?
        .ttl(Duration::from_secs(60))
        .vary_on(["accept"])
        .ignore_host() // One answer for localhost:3000 and localhost:3001.
        .cache_status(true);
    let app = Router::new().route("/export.csv", get(export)).layer(cache);

    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("curl -Ni localhost:{port}/export.csv");
    Ok(axum::serve(listener, app).await?)
}
