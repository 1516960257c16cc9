//! Connections to the origin: opened within a time, kept for later.

use std::{
    fmt,
    path::Path,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use tokio::time::timeout;
use tower_service::Service;

use super::upload::Upload;
use crate::{BoxError, Config, StartError, tls};

/// A pool for whatever the origin speaks, and one for HTTP/1.1 alone: only there is `Upgrade`.
pub(super) struct Clients {
    any: Client<Connector, Upload>,
    plain: Client<Connector, Upload>,
}

impl Clients {
    pub(super) fn new(config: &Config) -> Result<Self, StartError> {
        let is_https = config.origin.scheme == http::uri::Scheme::HTTPS;
        let ca = config.origin_ca.as_deref();
        let plain = client(config, connector(config, is_https, ca, false)?);
        // Over HTTP/2 a `Host` beside `:authority` is one too many.
        let any = if is_https && !config.preserve_host {
            client(config, connector(config, is_https, ca, true)?)
        } else {
            plain.clone()
        };
        Ok(Self { any, plain })
    }

    pub(super) const fn any(&self) -> &Client<Connector, Upload> {
        &self.any
    }

    pub(super) const fn plain(&self) -> &Client<Connector, Upload> {
        &self.plain
    }
}

fn client(config: &Config, connector: Connector) -> Client<Connector, Upload> {
    Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(config.timeouts.pool_idle)
        .pool_max_idle_per_host(config.limits.pool)
        // It is written here, and may be the client's.
        .set_host(false)
        .build(connector)
}

fn connector(
    config: &Config,
    is_https: bool,
    ca: Option<&Path>,
    http2: bool,
) -> Result<Connector, StartError> {
    let mut tcp = HttpConnector::new();
    tcp.set_nodelay(true);
    // The scheme is looked at by what is around it.
    tcp.enforce_http(false);
    let tls = if is_https {
        tls::client(ca)?
    } else {
        // Never used, and so it need not find any certificates.
        tls::nobody()
    };
    let builder = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
    let https = if http2 {
        builder.enable_all_versions().wrap_connector(tcp)
    } else {
        builder.enable_http1().wrap_connector(tcp)
    };
    Ok(Connector { https, limit: config.timeouts.connect })
}

/// Opens connections within a time, for names, TCP and TLS together.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    https: HttpsConnector<HttpConnector>,
    limit: Duration,
}

type Connection = <HttpsConnector<HttpConnector> as Service<Uri>>::Response;

impl Service<Uri> for Connector {
    type Response = Connection;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Connection, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.https.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connected = timeout(self.limit, self.https.call(uri));
        Box::pin(async move { connected.await? })
    }
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients").finish_non_exhaustive()
    }
}
