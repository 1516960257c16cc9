//! An export that is slow to make: streamed while it is made, and made once for all instances of the service.
//! `cargo run -- 3000`, and in another terminal `cargo run -- 3001`. `docs/guides/axum.md` leads through it.

use std::{convert::Infallible, env, path::PathBuf, process, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{
        HeaderMap, StatusCode,
        header::{ACCEPT, CONTENT_TYPE, VARY},
    },
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures_util::{StreamExt, stream};
use larder_http::{CacheLayer, Purge};
use tokio::{
    fs::{self, File},
    io::AsyncWriteExt,
    net::TcpListener,
    time::sleep,
};

/// How long a row takes to be made.
const PER_ROW: Duration = Duration::from_millis(200);

#[derive(Clone)]
struct Shop {
    /// One item per line: what would be a database.
    items: PathBuf,
    purge: Purge,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = env::args().skip(1);
    let port: u16 = args.next().unwrap_or("3000".into()).parse()?;
    let redis = args.next().unwrap_or("redis://127.0.0.1:6379".into());
    let items = PathBuf::from(args.next().unwrap_or("items.txt".into()));

    let larder = larder::open(&redis).await?;
    let cache = CacheLayer::new(larder)
        .namespace("dev")?
        .ttl(Duration::from_secs(3600))
        .vary_on(["accept"])
        .ignore_host() // One answer for localhost:3000 and localhost:3001.
        .cache_status(true);

    let shop = Shop { items, purge: cache.purge() };
    let app = Router::new()
        .route("/export", get(export))
        .layer(cache) // Around the routes above it.
        .route("/items", post(add))
        .with_state(shop);

    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("serving on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

/// CSV, or JSON lines for those who ask for JSON: one row at a time, each with the process that made it.
async fn export(State(shop): State<Shop>, headers: HeaderMap) -> Result<Response, StatusCode> {
    let items = fs::read_to_string(&shop.items).await;
    let items = items.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let items: Vec<String> = items.lines().map(String::from).collect();

    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    let as_json = accept.is_some_and(|accept| accept.contains("json"));
    let rows = stream::iter(items).then(move |name| async move {
        sleep(PER_ROW).await;
        let made_by = process::id();
        Ok::<_, Infallible>(match as_json {
            true => format!("{{\"name\":{name:?},\"made_by\":{made_by}}}\n"),
            false => format!("{name},{made_by}\n"),
        })
    });
    let kind = if as_json { "application/x-ndjson" } else { "text/csv; charset=utf-8" };
    Ok(([(CONTENT_TYPE, kind), (VARY, "accept")], Body::from_stream(rows)).into_response())
}

/// Adds an item: `curl -d Sencha localhost:3000/items`. No instance serves the old export any more.
async fn add(State(shop): State<Shop>, name: String) -> Result<StatusCode, StatusCode> {
    if name.is_empty() || name.contains('\n') {
        return Err(StatusCode::BAD_REQUEST);
    }
    let added = async {
        let mut file = File::options().append(true).open(&shop.items).await?;
        file.write_all(format!("{name}\n").as_bytes()).await?;
        file.flush().await
    };
    added.await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;

    // After the change, so that nobody stores what was read before it.
    if let Err(error) = shop.purge.url("/export").await.applied() {
        eprintln!("the old export is served a while longer: {error}");
    }
    Ok(StatusCode::CREATED)
}
