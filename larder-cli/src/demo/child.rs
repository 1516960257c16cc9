//! A server of the demonstration in a process of its own.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    process::Stdio,
    time::Duration,
};

use clap::Args;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    net::TcpListener,
    process::{Child, Command},
    time::timeout,
};

use super::server;
use crate::{
    args::Global,
    context,
    failure::{Failure, Outcome},
    output::Output,
};

/// How long a child may take until it serves.
const START: Duration = Duration::from_secs(10);

/// What the parent starts: serves until its stdin ends, which it does with the parent.
#[derive(Debug, Args)]
pub(crate) struct DemoServer {
    /// Where the origin is.
    #[arg(long)]
    origin: SocketAddr,
}

impl DemoServer {
    pub(crate) async fn run(self, global: &Global) -> Result<Outcome, Failure> {
        let space = context::open(global).await?.namespace(global.namespace())?;
        let serving = Failure::doing("cannot serve");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(&serving)?;
        let address = listener.local_addr().map_err(&serving)?;
        Output::new(false).bytes(format!("{address}\n").as_bytes())?;
        let parent = async {
            let mut stdin = tokio::io::stdin();
            while stdin.read(&mut [0; 16]).await.is_ok_and(|read| read > 0) {}
        };
        tokio::select! {
            served = server::serve(listener, &space, self.origin) => served.map_err(serving)?,
            () = parent => {}
        }
        Ok(Outcome::Done)
    }
}

/// A running child, ended when it is dropped.
#[derive(Debug)]
pub(crate) struct ServerProcess {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl ServerProcess {
    /// Starts this very program as a server.
    pub(crate) async fn start(
        global: &Global,
        namespace: &str,
        origin: SocketAddr,
    ) -> Result<Self, Failure> {
        let starting = Failure::doing("cannot start a server process");
        let mut child = Command::new(std::env::current_exe().map_err(&starting)?)
            .arg("demo-server")
            .args(["--namespace", namespace, "--origin", &origin.to_string()])
            // Not as an argument: everyone on the machine sees those.
            .env("LARDER_CACHE", global.cache().secret())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(&starting)?;
        let stdout = child.stdout.take();
        let address = async {
            let mut line = String::new();
            match stdout {
                Some(stdout) => BufReader::new(stdout).read_line(&mut line).await?,
                None => 0,
            };
            line.trim_end().parse().map_err(io::Error::other)
        };
        let address = match timeout(START, address).await {
            Ok(address) => address.map_err(starting)?,
            Err(slow) => return Err(starting(io::Error::from(slow))),
        };
        Ok(Self { child, address })
    }

    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Ends it and waits for its end: it writes nothing afterwards.
    pub(crate) async fn stop(mut self) {
        // It goes on its own when its stdin ends, and is killed if not.
        drop(self.child.stdin.take());
        if timeout(Duration::from_secs(2), self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }
}
