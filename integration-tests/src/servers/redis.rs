use std::{
    env, fmt, fs, io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    io::BufStream,
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

use super::{Monitor, RedisBuilder, Reply, ServerError, resp};

/// How long a server may take to come up. Generous: test machines are busy.
const START: Duration = Duration::from_secs(15);
/// How long one `cli` call may take.
pub(super) const ANSWER: Duration = Duration::from_secs(5);

/// A `redis-server` of this test's own, on a free port of loopback, stopped on drop.
///
/// The program is `redis-server` from `PATH`, or what `REDIS_SERVER` names.
pub struct RedisServer {
    child: Child,
    port: u16,
    builder: RedisBuilder,
    directory: TempDir,
}

impl RedisServer {
    /// One with nothing special about it.
    ///
    /// # Errors
    ///
    /// [`ServerError::Missing`] says how to install it; the others, why it did not come up.
    pub async fn start() -> Result<Self, ServerError> {
        Self::builder().start().await
    }

    /// One with a password, users, limits.
    pub fn builder() -> RedisBuilder {
        RedisBuilder::default()
    }

    pub(super) async fn launch(builder: RedisBuilder) -> Result<Self, ServerError> {
        let mut attempts = 5;
        loop {
            let directory =
                tempfile::tempdir().map_err(ServerError::io("making a temporary directory"))?;
            let port = free_port()?;
            let child = spawn(&builder, port, &directory)?;
            let mut server = Self { child, port, builder: builder.clone(), directory };
            match server.wait_until_ready().await {
                // Someone took the port between our look and its bind.
                Err(ServerError::Ended { log }) if attempts > 0 && log.contains("in use") => {
                    attempts -= 1;
                }
                ready => return ready.map(|()| server),
            }
        }
    }

    /// `redis://127.0.0.1:port`, with the password if there is one.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_via(self.address())
    }

    /// The same, by way of a [`Proxy`](super::Proxy).
    #[must_use]
    pub fn url_via(&self, address: SocketAddr) -> String {
        match &self.builder.password {
            Some(password) => format!("redis://:{}@{address}", escape(password)),
            None => format!("redis://{address}"),
        }
    }

    /// The same, for a user of [`RedisBuilder::user`].
    #[must_use]
    pub fn url_as(&self, user: &str, password: &str) -> String {
        format!("redis://{}:{}@{}", escape(user), escape(password), self.address())
    }

    /// Where its unix socket is, if it has one.
    #[must_use]
    pub fn unix_socket(&self) -> Option<PathBuf> {
        self.builder.unix_socket.then(|| self.directory.path().join("socket"))
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The port it listens on.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it something, on a connection of its own, as the default user.
    ///
    /// # Errors
    ///
    /// No answer within five seconds. What the server refuses is a [`Reply::Error`].
    pub async fn cli<A: AsRef<[u8]> + Sync>(&self, arguments: &[A]) -> Result<Reply, ServerError> {
        let ask = async {
            let mut stream = self.connect().await?;
            let sending = ServerError::io("sending a request");
            resp::send(&mut stream, arguments).await.map_err(sending)?;
            resp::receive(&mut stream).await
        };
        timeout(ANSWER, ask)
            .await
            .unwrap_or(Err(ServerError::Silent { port: self.port, after: ANSWER }))
    }

    /// Listens to what its clients ask it from now on.
    ///
    /// # Errors
    ///
    /// It is not there.
    pub async fn monitor(&self) -> Result<Monitor<'_>, ServerError> {
        Monitor::of(self).await
    }

    /// A connection of one's own, as the default user.
    pub(super) async fn connect(&self) -> Result<BufStream<TcpStream>, ServerError> {
        let stream =
            TcpStream::connect(self.address()).await.map_err(ServerError::io("connecting"))?;
        let mut stream = BufStream::new(stream);
        if let Some(password) = &self.builder.password {
            let sending = ServerError::io("sending a password");
            resp::send(&mut stream, &["AUTH", password]).await.map_err(sending)?;
            resp::receive(&mut stream).await?;
        }
        Ok(stream)
    }

    /// Ends it as `kill -9` does. [`restart`](Self::restart) brings it back.
    ///
    /// # Errors
    ///
    /// The machine's, if it would not let us.
    pub fn kill(&mut self) -> Result<(), ServerError> {
        self.child.kill().map_err(ServerError::io("killing redis-server"))?;
        self.child.wait().map_err(ServerError::io("waiting for redis-server"))?;
        Ok(())
    }

    /// Freezes it (SIGSTOP): connections stay, nothing is answered.
    ///
    /// # Errors
    ///
    /// [`ServerError::Signal`] if it is gone.
    pub fn stop(&self) -> Result<(), ServerError> {
        self.signal("STOP")
    }

    /// Lets a frozen one go on (SIGCONT).
    ///
    /// # Errors
    ///
    /// [`ServerError::Signal`] if it is gone.
    pub fn cont(&self) -> Result<(), ServerError> {
        self.signal("CONT")
    }

    /// Ends it and starts it again, empty, on the same port.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub async fn restart(&mut self) -> Result<(), ServerError> {
        self.kill()?;
        self.child = spawn(&self.builder, self.port, &self.directory)?;
        self.wait_until_ready().await
    }

    async fn wait_until_ready(&mut self) -> Result<(), ServerError> {
        let deadline = Instant::now() + START;
        // Ours, and not another one that was quicker on this port.
        let ours = format!("process_id:{}", self.pid());
        while Instant::now() < deadline {
            if let Ok(Some(_)) = self.child.try_wait() {
                return Err(ServerError::Ended { log: self.last_words() });
            }
            match self.cli(&["INFO", "server"]).await {
                Ok(Reply::Value(Some(facts)))
                    if String::from_utf8_lossy(&facts).lines().any(|line| line == ours) =>
                {
                    return Ok(());
                }
                _ => sleep(Duration::from_millis(10)).await,
            }
        }
        Err(ServerError::Silent { port: self.port, after: START })
    }

    fn last_words(&self) -> String {
        let read = |name| fs::read_to_string(self.directory.path().join(name)).unwrap_or_default();
        let log = read("errors") + &read("log");
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(8)..].join("\n")
    }

    fn signal(&self, signal: &'static str) -> Result<(), ServerError> {
        let pid = self.pid();
        let command = format!("kill -{signal} {pid}");
        match Command::new("sh").args(["-c", &command]).stderr(Stdio::null()).status() {
            Ok(status) if status.success() => Ok(()),
            _ => Err(ServerError::Signal { pid, signal }),
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // Already gone is what is wanted.
        let _ = self.kill();
    }
}

/// Without the password.
impl fmt::Debug for RedisServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisServer")
            .field("port", &self.port)
            .field("pid", &self.pid())
            .finish_non_exhaustive()
    }
}

fn spawn(builder: &RedisBuilder, port: u16, directory: &TempDir) -> Result<Child, ServerError> {
    let (path, text) = builder.file(port, directory.path());
    fs::write(&path, text).map_err(ServerError::io("writing redis.conf"))?;
    let _ = fs::remove_file(directory.path().join("log"));
    let errors = fs::File::create(directory.path().join("errors"))
        .map_err(ServerError::io("making a file for its errors"))?;
    let program = env::var("REDIS_SERVER").unwrap_or_else(|_| "redis-server".to_owned());
    let mut command = Command::new(&program);
    command.arg(path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors);
    command.spawn().map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => ServerError::Missing { program },
        _ => ServerError::Io { doing: "starting redis-server", source },
    })
}

fn free_port() -> Result<u16, ServerError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(ServerError::io("finding a free port"))
}

/// What a URL does not hold as it is.
fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
