//! Listening, accepting, and ending in good order.

use std::{future::pending, net::SocketAddr, sync::Arc, time::Duration};

use larder::{Larder, Space};
use larder_http::{CacheLayer, Purge};
use tokio::{
    net::TcpListener,
    pin,
    sync::{Semaphore, oneshot, watch},
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

use crate::{
    Config, StartError, admin::Admin, connection::Connections, front::Front, headers::via::Via,
    log::Log, metrics::Metrics, origin::Origin, tls, watch::Watch,
};

/// How long to wait when the system cannot accept a connection: it is out of files, mostly.
const BREATH: Duration = Duration::from_millis(50);

/// How often to look whether recordings have ended.
const LOOK: Duration = Duration::from_millis(10);

/// How long a store may take to commit what has ended.
const COMMIT: Duration = Duration::from_secs(2);

/// No machine has more.
const MOST_CONNECTIONS: usize = 1 << 20;

/// How far a server has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Serving,
    /// No more connections are taken, and no more requests on those that are there.
    Draining,
    /// What is still under way is cut.
    Over,
}

/// A proxy that listens.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    admin: Option<(TcpListener, SocketAddr)>,
    connections: Arc<Connections>,
    metrics: Arc<Metrics>,
    watch: Option<Arc<Watch>>,
    space: Space,
    purge: Purge,
    tags: bool,
    log_written: oneshot::Receiver<()>,
    grace: Duration,
    limit: usize,
}

impl Server {
    /// Listens. Clients wait from then on, and are answered by [`run`](Self::run).
    ///
    /// `space` is where the layer stores: it is counted among the metrics, and purged.
    ///
    /// # Errors
    ///
    /// [`StartError`]: an address that cannot be listened on, a certificate that cannot be used. That the
    /// origin is down is none.
    pub async fn bind(config: Config, layer: CacheLayer, space: Space) -> Result<Self, StartError> {
        let metrics = Arc::new(Metrics::default());
        let via = Via::new(&config.via)?;
        let acceptor = config.tls.as_ref().map(tls::server).transpose()?.map(TlsAcceptor::from);
        let origin = Origin::new(&config, via.clone(), Arc::clone(&metrics))?;
        let (listener, address) = listen(config.listen).await?;
        let admin = match config.admin {
            Some(address) => Some(listen(address).await?),
            None => None,
        };
        let (log, log_written) = Log::new(config.access_log, Arc::clone(&metrics));
        // It tells this proxy what became of a request; clients see it if they are to.
        let layer = layer.cache_status(true).tags(config.tags);
        let purge = layer.purge();
        let watch = admin.as_ref().map(|_| Arc::new(Watch::new(&config, address)));
        let (counted, watched) = (Arc::clone(&metrics), watch.clone());
        let front = Front::new(&config, &layer, origin, via, log, counted, watched);
        let connections = Arc::new(Connections::new(&config, Arc::new(front), acceptor));
        Ok(Self {
            listener,
            address,
            admin,
            connections,
            metrics,
            watch,
            space,
            purge,
            tags: config.tags,
            log_written,
            grace: config.timeouts.grace,
            limit: config.limits.connections,
        })
    }

    /// Where it listens; with port 0 in the configuration, the port that it was given.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the admin pages are.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(|(_, address)| *address)
    }

    /// Serves until `shutdown` is done, and then as long as it takes to finish answers and recordings,
    /// within the grace of the configuration. Whether they all were finished.
    ///
    /// Dropped, it stops accepting; what is under way goes on as long as its runtime does.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) -> bool {
        let Self { listener, admin, connections, metrics, space, purge, tags, .. } = self;
        let Self { watch, log_written, grace, limit, .. } = self;
        let (phase, phases) = watch::channel(Phase::Serving);
        let admin = admin.zip(watch.clone()).map(|((listener, _), watch)| {
            let (metrics, space, phase) = (Arc::clone(&metrics), space.clone(), phases.clone());
            let admin = Admin { metrics, watch, space, purge, tags, phase };
            tokio::spawn(admin.serve(listener))
        });
        let limit = limit.clamp(1, MOST_CONNECTIONS);
        let permits = Arc::new(Semaphore::new(limit));
        pin!(shutdown);
        loop {
            let accept = async {
                let permit = Arc::clone(&permits).acquire_owned().await;
                let Ok(permit) = permit else { return pending().await };
                listener.accept().await.map(|(stream, address)| (stream, address, permit))
            };
            let accepted = tokio::select! {
                accepted = accept => accepted,
                () = &mut shutdown => break,
            };
            let Ok((stream, address, permit)) = accepted else {
                sleep(BREATH).await;
                continue;
            };
            // It costs a round trip at times, and nothing else.
            let _ = stream.set_nodelay(true);
            let connections = Arc::clone(&connections);
            let phases = phases.clone();
            let open = metrics.connections.one();
            tokio::spawn(async move {
                connections.serve(stream, address, phases).await;
                drop((open, permit));
            });
        }
        phase.send_replace(Phase::Draining);
        drop(listener);
        let finished = async {
            // Each connection has one of them.
            let all = u32::try_from(limit).unwrap_or(u32::MAX);
            let _ = permits.acquire_many(all).await;
            recorded(&metrics, space.larder()).await;
        };
        let finished = timeout(grace, finished).await.is_ok();
        phase.send_replace(Phase::Over);
        if let Some(admin) = admin {
            admin.abort();
            let _ = admin.await;
        }
        if let Some(watch) = watch {
            watch.farewell(&space).await;
        }
        drop(connections);
        // Its thread ends when the last connection has let go of it.
        let _ = timeout(Duration::from_secs(1), log_written).await;
        finished
    }
}

/// Waits for recordings that go on without a client, and for what they give to be stored.
async fn recorded(metrics: &Metrics, larder: &Larder) {
    while metrics.origin_bodies.count() > 0 {
        sleep(LOOK).await;
    }
    let committed = async {
        loop {
            let ended = larder.stats().streams;
            if ended.committed + ended.unstored + ended.aborted >= metrics.recorded() {
                return;
            }
            sleep(LOOK).await;
        }
    };
    let _ = timeout(COMMIT, committed).await;
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let refused = |source| StartError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let bound = listener.local_addr().map_err(refused)?;
    Ok((listener, bound))
}
