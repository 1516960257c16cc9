use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tokio::{io::BufStream, net::TcpStream, time::timeout};

use super::{RedisServer, Reply, ServerError, redis::ANSWER, resp};

/// What the clients of a server ask it, by [`RedisServer::monitor`].
///
/// ```no_run
/// # async fn example() -> Result<(), integration_tests::servers::ServerError> {
/// # use integration_tests::servers::RedisServer;
/// let server = RedisServer::start().await?;
/// let mut monitor = server.monitor().await?;
/// server.cli(&["SET", "users:42", "Ada"]).await?;
/// server.cli(&["GET", "other:1"]).await?;
/// assert_eq!(monitor.commands("users").await?, ["SET"]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Monitor<'a> {
    server: &'a RedisServer,
    stream: BufStream<TcpStream>,
}

impl<'a> Monitor<'a> {
    pub(super) async fn of(server: &'a RedisServer) -> Result<Self, ServerError> {
        let mut stream = server.connect().await?;
        resp::send(&mut stream, &["MONITOR"]).await.map_err(ServerError::io("sending MONITOR"))?;
        resp::receive(&mut stream).await?;
        Ok(Self { server, stream })
    }

    /// The names of the commands with a key of this namespace or below it, in their order, that were
    /// served since the last call of this. What a script does is part of the script.
    ///
    /// # Errors
    ///
    /// The server does not tell for five seconds.
    pub async fn commands(&mut self, namespace: &str) -> Result<Vec<String>, ServerError> {
        static MARKS: AtomicU64 = AtomicU64::new(0);
        let mark = format!("mark-{}", MARKS.fetch_add(1, Relaxed));
        // Everything that was answered by now is told before this is.
        self.server.cli(&["ECHO", &mark]).await?;
        let silent = ServerError::Silent { port: self.server.port(), after: ANSWER };
        let told = timeout(ANSWER, self.until(&mark)).await.unwrap_or(Err(silent))?;
        let keys = [format!("\"{namespace}:"), format!("\"{namespace}/")];
        let with_key = told.into_iter().filter(|line| keys.iter().any(|key| line.contains(key)));
        Ok(with_key.filter_map(|line| name(&line)).collect())
    }

    async fn until(&mut self, mark: &str) -> Result<Vec<String>, ServerError> {
        let mut told = Vec::new();
        loop {
            match resp::receive(&mut self.stream).await? {
                Reply::Status(line) if line.contains(mark) => return Ok(told),
                Reply::Status(line) => told.push(line),
                other => return Err(ServerError::Garbled { found: format!("{other:?}") }),
            }
        }
    }
}

/// The command of a line such as `1700000000.123456 [0 127.0.0.1:50000] "GET" "users:42"`.
fn name(line: &str) -> Option<String> {
    let (origin, command) = line.split_once("] \"")?;
    (!origin.ends_with(" lua"))
        .then(|| command.split('"').next().unwrap_or_default().to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_the_command_and_a_script_s_own_are_left_out() {
        let line = |origin: &str| format!("1.2 [0 {origin}] \"get\" \"users:\\\"] \\\"\"");
        assert_eq!(name(&line("127.0.0.1:50000")).as_deref(), Some("GET"));
        assert_eq!(name(&line("lua")), None);
    }
}
