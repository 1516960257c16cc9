//! What the scenes play on: the origin, the two servers, and their cache.

use std::{
    hash::{BuildHasher, RandomState},
    net::{Ipv4Addr, SocketAddr},
};

use larder::Space;
use tokio::{net::TcpListener, task::JoinHandle};

use super::{child::ServerProcess, origin::Origin, server};
use crate::{args::Global, context, failure::Failure};

/// A running origin and two running servers.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) origin: Origin,
    pub(crate) a: SocketAddr,
    pub(crate) b: SocketAddr,
    /// The cache, as it may be shown.
    pub(crate) cache: String,
    space: Space,
    servers: Servers,
}

#[derive(Debug)]
enum Servers {
    Here([JoinHandle<()>; 2]),
    Processes(Box<[ServerProcess; 2]>),
}

impl Stage {
    pub(crate) async fn set(global: &Global) -> Result<Self, Failure> {
        let larder = context::reached(global).await?;
        // New for each run: what stands in the cache is not disturbed, and two runs do not meet.
        let run = RandomState::new().hash_one(std::process::id());
        let space = larder.namespace(global.namespace())?.child(&format!("demo-{run:016x}"))?;
        let origin = Origin::start().await.map_err(Failure::doing("cannot start the origin"))?;
        let (a, b, servers) = if larder.store().capabilities().shared {
            let namespace = space.namespace().as_str();
            let (a, b) = tokio::try_join!(
                ServerProcess::start(global, namespace, origin.address()),
                ServerProcess::start(global, namespace, origin.address()),
            )?;
            (a.address, b.address, Servers::Processes(Box::new([a, b])))
        } else {
            let (a, task_a) = start_here(&space, origin.address()).await?;
            let (b, task_b) = start_here(&space, origin.address()).await?;
            (a, b, Servers::Here([task_a, task_b]))
        };
        Ok(Self { origin, a, b, cache: global.cache().shown(), space, servers })
    }

    /// In how many processes the servers run, as people say it.
    pub(crate) fn shape(&self) -> String {
        match &self.servers {
            Servers::Here(_) => "two servers in this process".to_owned(),
            Servers::Processes(processes) => {
                let [a, b] = processes.each_ref().map(|process| process.id().unwrap_or_default());
                format!("two server processes, {a} and {b}")
            }
        }
    }

    pub(crate) const fn processes(&self) -> u64 {
        match &self.servers {
            Servers::Here(_) => 1,
            Servers::Processes(_) => 2,
        }
    }

    pub(crate) fn namespace(&self) -> &str {
        self.space.namespace().as_str()
    }

    /// Stops the servers and removes what they stored.
    pub(crate) async fn strike(self) -> Result<(), Failure> {
        match self.servers {
            Servers::Here(tasks) => tasks.iter().for_each(JoinHandle::abort),
            Servers::Processes(processes) => {
                let [a, b] = *processes;
                tokio::join!(a.stop(), b.stop());
            }
        }
        drop(self.origin);
        Ok(self.space.clear().await?)
    }
}

async fn start_here(
    space: &Space,
    origin: SocketAddr,
) -> Result<(SocketAddr, JoinHandle<()>), Failure> {
    let starting = Failure::doing("cannot start a server");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(&starting)?;
    let address = listener.local_addr().map_err(starting)?;
    let space = space.clone();
    let task = tokio::spawn(async move {
        // If it ends, each client says so.
        let _ = server::serve(listener, &space, origin).await;
    });
    Ok((address, task))
}
