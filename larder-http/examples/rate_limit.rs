//! A rate limit for each client, in a middleware: 429 with `Retry-After`, one limit for all servers.
//!
//! `cargo run -p larder-http --example rate_limit` starts two servers, asks them, and ends. With a port it
//! serves: `… -- 3000 redis://127.0.0.1`, and then `curl -i localhost:3000`.

use std::{
    env,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use axum::{
    Router,
    extract::{ConnectInfo, Request, State},
    http::{StatusCode, header::RETRY_AFTER},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use http_body_util::Empty;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use larder::{Bytes, Larder, rate::RateLimit};
use tokio::net::TcpListener;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// By the address of the client. Behind a proxy it is the proxy's: take what the proxy says, if it is one
/// of yours.
async fn limited(
    State(limit): State<RateLimit>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    match limit.check(client.ip()).await {
        Ok(decision) if decision.allowed => next.run(request).await,
        Ok(decision) => {
            let seconds = decision.retry_after.as_secs_f64().ceil().max(1.0) as u64;
            let headers = [(RETRY_AFTER, seconds.to_string())];
            (StatusCode::TOO_MANY_REQUESTS, headers, "slow down\n").into_response()
        }
        // The store is out of reach: better no limit for a while than no service.
        Err(error) => {
            eprintln!("no limit: {error}");
            next.run(request).await
        }
    }
}

/// Serves on a port, 0 for any free one, and says on which.
async fn serve(larder: &Larder, port: u16) -> Result<SocketAddr, Failure> {
    let limit = larder.namespace("api")?.rate_limit(3, Duration::from_secs(3));
    let app = Router::new()
        .route("/", get(async || "hello\n"))
        .layer(middleware::from_fn_with_state(limit, limited))
        .into_make_service_with_connect_info::<SocketAddr>();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(address)
}

/// Asks a server: the status, and when to come again.
async fn ask(server: SocketAddr) -> Result<(u16, Option<u64>), Failure> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let answer = client.get(format!("http://{server}/").parse()?).await?;
    let retry_after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = retry_after.and_then(|seconds| seconds.parse().ok());
    println!("{server}: {} {retry_after:?}", answer.status());
    Ok((answer.status().as_u16(), retry_after))
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut args = env::args().skip(1);
    let port = args.next().map(|port| port.parse::<u16>()).transpose()?;
    let larder = larder::open(args.next().unwrap_or_else(|| "memory:".into())).await?;
    if let Some(port) = port {
        println!("curl -i http://{}", serve(&larder, port).await?);
        return std::future::pending().await;
    }

    let servers = [serve(&larder, 0).await?, serve(&larder, 0).await?];
    let mut answers = Vec::new();
    for request in 0..5 {
        answers.push(ask(servers[request % 2]).await?);
    }
    let [.., (_, Some(seconds))] = answers[..] else {
        return Err("the last one was not told when to come again".into());
    };
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    answers.push(ask(servers[0]).await?);

    let statuses: Vec<_> = answers.into_iter().map(|(status, _)| status).collect();
    if statuses != [200, 200, 200, 429, 429, 200] {
        return Err(format!("these were the answers: {statuses:?}").into());
    }
    println!("three were served, two told to wait, and served when they came again");
    Ok(())
}
