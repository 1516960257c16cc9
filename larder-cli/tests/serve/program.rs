//! The program, started as a server.

use std::{
    net::SocketAddr,
    process::Stdio,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStderr, ChildStdout, Command},
    time::{sleep, timeout},
};

use crate::client::ask;

/// Nothing here takes this long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Serve {
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    child: Child,
    log: Lines<BufReader<ChildStdout>>,
    _notes: Lines<BufReader<ChildStderr>>,
}

impl Serve {
    /// On memory, before this origin.
    pub(crate) async fn start(origin: &str, more: &[&str]) -> Self {
        Self::start_on("memory:", origin, more).await
    }

    pub(crate) async fn start_on(cache: &str, origin: &str, more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_larder"))
            .args(["serve", "--origin", origin, "--listen", "127.0.0.1:0"])
            .args(["--admin", "127.0.0.1:0", "--cache-status"])
            // A busy machine is not what is tested.
            .args(["--lookup-deadline", "5s"])
            .args(more)
            .env("LARDER_CACHE", cache)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the program starts");
        let mut notes = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        let log = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let mut address = async |before: &str| loop {
            let line = timeout(PATIENCE, notes.next_line()).await.expect("it starts in time");
            let line = line.expect("it is read").expect("it has not ended");
            let found = line.split(before).nth(1).and_then(|rest| rest.split(' ').next());
            if let Some(found) = found {
                let address = found.rsplit('/').next().expect("there is a last part");
                return address.parse().expect("it is an address");
            }
        };
        let (address, admin) = (address(" on http").await, address("admin on http").await);
        Self { address, admin, child, log, _notes: notes }
    }

    /// The next line of the log.
    pub(crate) async fn line(&mut self) -> String {
        let line = timeout(PATIENCE, self.log.next_line()).await.expect("it comes in time");
        line.expect("it is read").expect("there is one")
    }

    /// Waits for these lines among its metrics: a client may know that a request has ended before it is
    /// counted, or stored.
    pub(crate) async fn counts(&self, lines: &[&str]) {
        let began = Instant::now();
        loop {
            let metrics = ask(self.admin, "GET /metrics", "").await;
            let is_there = |line: &&&str| metrics.lines().any(|found| found == **line);
            let Some(missing) = lines.iter().find(|line| !is_there(line)) else { return };
            assert!(began.elapsed() < PATIENCE / 4, "{missing} in {metrics}");
            sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().expect("it runs").to_string();
        let sent = std::process::Command::new("kill").args([signal, &pid]).status();
        assert!(sent.expect("there is `kill`").success());
    }

    /// Its exit code, once it has ended.
    pub(crate) async fn ended(&mut self) -> Option<i32> {
        let ended = timeout(PATIENCE, self.child.wait()).await.expect("it ends in time");
        ended.expect("it is ours").code()
    }
}
