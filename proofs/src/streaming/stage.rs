//! What a scene is played on: an origin, servers, and the store that they share.

use std::{net::SocketAddr, path::PathBuf};

use integration_tests::servers::{Proxy, RedisServer, Reply};
use rand::{RngExt, rngs::StdRng};
use tokio::task::AbortHandle;

use super::{
    client::Ask,
    origin::Origin,
    plan::Plan,
    serve::{Layout, Order},
};
use crate::{
    Result, Run,
    fleet::{self, Server},
};

#[derive(Debug)]
pub(super) struct Stage {
    pub(super) origin: Origin,
    servers: Vec<(SocketAddr, Process)>,
    /// `None`: the store is the memory of the one process.
    shared: Option<(RedisServer, Proxy)>,
    order: Order,
    program: PathBuf,
}

/// Where a server runs.
#[derive(Debug)]
enum Process {
    Here(AbortHandle),
    There(Box<Server>),
}

impl Stage {
    /// One server, in this process, with a store in memory.
    pub(super) async fn one(run: &Run) -> Result<Self> {
        let origin = Origin::start().await?;
        let cache = "memory:".to_owned();
        let order = Order { layout: Layout::Larder, origin: origin.url(), cache };
        let (address, serving) = order.start().await?;
        let servers = vec![(address, Process::Here(serving))];
        Ok(Self { origin, servers, shared: None, order, program: run.program.clone() })
    }

    /// Two of them, each a process, on a Redis of their own.
    pub(super) async fn two(run: &Run, layout: Layout, redis: RedisServer) -> Result<Self> {
        let origin = Origin::start().await?;
        let proxy = Proxy::start(redis.address()).await?;
        let cache = redis.url_via(proxy.address());
        let order = Order { layout, origin: origin.url(), cache };
        let program = run.program.clone();
        let mut stage =
            Self { origin, servers: Vec::new(), shared: Some((redis, proxy)), order, program };
        for _ in 0..2 {
            let server = stage.process().await?;
            stage.servers.push(server);
        }
        Ok(stage)
    }

    /// The first server.
    pub(super) fn a(&self) -> SocketAddr {
        self.servers[0].0
    }

    /// The other one, if there is another one.
    pub(super) fn b(&self) -> SocketAddr {
        self.servers[self.servers.len() - 1].0
    }

    pub(super) fn title(&self) -> &'static str {
        if self.shared.is_some() { "2 processes on a Redis" } else { "1 process, memory" }
    }

    pub(super) fn on_a(&self, plan: &Plan) -> Ask {
        Ask::get(self.a(), plan)
    }

    pub(super) fn on_b(&self, plan: &Plan) -> Ask {
        Ask::get(self.b(), plan)
    }

    /// Kills a server (SIGKILL), and starts one in its place.
    pub(super) async fn replace(&mut self, index: usize) -> Result<()> {
        self.kill(index);
        self.servers[index] = self.process().await?;
        Ok(())
    }

    /// Kills a server. Nobody listens there any more.
    pub(super) fn kill(&mut self, index: usize) {
        let (_, process) = &mut self.servers[index];
        match process {
            Process::Here(serving) => serving.abort(),
            // Told first, so that it ends now and not when it is dropped.
            Process::There(server) => server.kill(),
        }
    }

    pub(super) fn freeze(&self, index: usize, frozen: bool) -> Result<()> {
        match &self.servers[index].1 {
            Process::There(server) => server.freeze(frozen),
            Process::Here(_) => Err("a server of this process is not frozen".into()),
        }
    }

    pub(super) fn redis(&mut self) -> Result<&mut RedisServer> {
        let shared = self.shared.as_mut().ok_or("there is no Redis")?;
        Ok(&mut shared.0)
    }

    /// All connections to the Redis break.
    pub(super) fn cut(&self) {
        if let Some((_, proxy)) = &self.shared {
            proxy.cut();
        }
    }

    /// Removes each key with this probability, as a full store would.
    pub(super) async fn evict(&mut self, rng: &mut StdRng, odds: f64) -> Result<()> {
        let redis = self.redis()?;
        if let Reply::List(Some(keys)) = redis.cli(&["KEYS", "*"]).await? {
            let mut unlink = vec![b"UNLINK".to_vec()];
            let keys = keys.iter().filter_map(Reply::value);
            unlink.extend(keys.filter(|_| rng.random_bool(odds)).map(<[u8]>::to_vec));
            if unlink.len() > 1 {
                redis.cli(&unlink).await?;
            }
        }
        Ok(())
    }

    async fn process(&self) -> Result<(SocketAddr, Process)> {
        let order = fleet::Order::Streaming(self.order.clone());
        let mut server = Server::start(&self.program, &order)?;
        let address = server.hear().await?;
        Ok((address, Process::There(Box::new(server))))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for index in 0..self.servers.len() {
            self.kill(index);
        }
    }
}
