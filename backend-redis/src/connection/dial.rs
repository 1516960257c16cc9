//! From an address to a connection that is ready to serve.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use redis::{Cmd, ServerError, Value, cmd};
use socket2::{SockRef, TcpKeepalive};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::{Loss, LossKind, decoder::Decoder, socket::Socket};
use crate::{
    address::{Address, Place},
    reply::{self, Class},
};

/// A peer that has vanished is noticed by the kernel after 15 + 3 × 5 s without traffic, or when what
/// was sent stays unacknowledged for 10 s.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(15);
const KEEPALIVE_EACH: Duration = Duration::from_secs(5);
const KEEPALIVE_TRIES: u32 = 3;
const USER_TIMEOUT: Duration = Duration::from_secs(10);

/// Opens connections to one server.
#[derive(Debug)]
pub(crate) struct Dialer {
    pub(crate) address: Address,
    /// What the server's administrator sees.
    pub(crate) name: String,
    pub(crate) deadline: Duration,
    /// Whether the server let us end an old connection. Asked once: each refusal fills its log.
    may_kill: AtomicBool,
}

/// A connection that the server has accepted.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) socket: Socket,
    pub(crate) decoder: Decoder,
    /// What the server calls it.
    pub(crate) id: Option<i64>,
}

impl Dialer {
    pub(crate) fn new(address: Address, name: String, deadline: Duration) -> Self {
        Self { address, name, deadline, may_kill: AtomicBool::new(true) }
    }

    /// Connects and introduces us, within the deadline.
    ///
    /// The connection that this one `replaces` is ended by the server before this one is used: what was
    /// abandoned on it cannot be applied after what is acknowledged here.
    pub(crate) async fn dial(&self, replaces: Option<i64>) -> Result<Wire, Loss> {
        let late = || Loss::new(LossKind::Unreachable, format!("{} does not answer", self.address));
        match tokio::time::timeout(self.deadline, self.introduce(replaces)).await {
            Ok(result) => result,
            Err(_) => Err(late()),
        }
    }

    async fn introduce(&self, replaces: Option<i64>) -> Result<Wire, Loss> {
        let failed = |error| Loss::io(format!("cannot connect to {}", self.address), error);
        let socket = self.connect().await.map_err(failed)?;
        let mut wire = Wire { socket, decoder: Decoder::default(), id: None };

        let replaces = replaces.filter(|_| self.may_kill.load(Ordering::Relaxed));
        let mut introduction = vec![self.hello()];
        if self.address.database != 0 {
            introduction.push(cmd("SELECT").arg(self.address.database).take());
        }
        if let Some(id) = replaces {
            introduction.push(cmd("CLIENT").arg("KILL").arg("ID").arg(id).take());
        }
        wire.send(&introduction).await.map_err(failed)?;

        match wire.receive().await.map_err(failed)? {
            Value::ServerError(error) => return Err(self.refused(&error)),
            answer => wire.id = client_id(&answer),
        }
        if self.address.database != 0
            && let Value::ServerError(error) = wire.receive().await.map_err(failed)?
        {
            return Err(self.refused(&error));
        }
        if replaces.is_some()
            && let Value::ServerError(error) = wire.receive().await.map_err(failed)?
            && reply::class(&error) == Class::Denied
        {
            self.may_kill.store(false, Ordering::Relaxed);
        }
        Ok(wire)
    }

    fn hello(&self) -> Cmd {
        let mut hello = cmd("HELLO");
        hello.arg(3);
        if let Some(password) = &self.address.password {
            let user = self.address.user.as_deref().unwrap_or("default");
            hello.arg("AUTH").arg(user).arg(&**password);
        }
        hello.arg("SETNAME").arg(&self.name).take()
    }

    async fn connect(&self) -> io::Result<Socket> {
        match &self.address.place {
            Place::Tcp { host, port } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                stream.set_nodelay(true)?;
                let socket = SockRef::from(&stream);
                socket.set_tcp_keepalive(
                    &TcpKeepalive::new()
                        .with_time(KEEPALIVE_AFTER)
                        .with_interval(KEEPALIVE_EACH)
                        .with_retries(KEEPALIVE_TRIES),
                )?;
                #[cfg(target_os = "linux")]
                socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
                Ok(Socket::Tcp(stream))
            }
            #[cfg(unix)]
            Place::Unix(path) => Ok(Socket::Unix(tokio::net::UnixStream::connect(path).await?)),
        }
    }

    /// An introduction that the server did not accept.
    fn refused(&self, error: &ServerError) -> Loss {
        let kind = match (reply::class(error), error.code()) {
            (Class::Denied, _) => LossKind::Denied,
            (Class::Unready, _) => LossKind::Unreachable,
            _ => LossKind::Misconfigured,
        };
        let address = &self.address;
        Loss::new(kind, format!("{address} refused the connection: {}", reply::describe(error)))
    }
}

impl Wire {
    pub(crate) async fn send(&mut self, commands: &[Cmd]) -> io::Result<()> {
        let mut packed = Vec::new();
        for command in commands {
            command.write_packed_command(&mut packed);
        }
        self.socket.write_all(&packed).await?;
        self.socket.flush().await
    }

    /// The next answer or push. Loses nothing when dropped.
    pub(crate) async fn receive(&mut self) -> io::Result<Value> {
        loop {
            if let Some(value) = self.decoder.next()? {
                return Ok(value);
            }
            let socket = &mut self.socket;
            let decoder = &mut self.decoder;
            if poll_fn(|context| decoder.poll_read(Pin::new(socket), context)).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// The answer to one command, within a deadline. Pushes that come before it are dropped.
    pub(crate) async fn ask(&mut self, command: Cmd, until: Instant) -> io::Result<Value> {
        let asked = async {
            self.send(&[command]).await?;
            loop {
                match self.receive().await? {
                    Value::Push { .. } => {}
                    answer => return Ok(answer),
                }
            }
        };
        tokio::time::timeout_at(until.into(), asked)
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

fn client_id(hello: &Value) -> Option<i64> {
    let Value::Map(fields) = hello else { return None };
    fields.iter().find_map(|(name, value)| match (name, value) {
        (Value::BulkString(name), Value::Int(id)) if name == b"id" => Some(*id),
        _ => None,
    })
}
