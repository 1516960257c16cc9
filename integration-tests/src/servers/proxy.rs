use std::{
    collections::VecDeque,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::{AbortHandle, JoinSet},
    time::sleep,
};

use super::{ServerError, frames::Frames};

/// A proxy on loopback in front of a server, which a test makes misbehave while it runs.
///
/// It passes bytes on until told otherwise. A connection that has lost bytes never recovers, as no
/// connection would: it stays silent until it is cut. What is changed applies to the connections
/// that stand and to those that come.
///
/// It knows the Redis protocol, so that "the next reply" means a reply and not a packet.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    control: Arc<Control>,
    task: AbortHandle,
}

#[derive(Debug)]
struct Control {
    mode: watch::Sender<Mode>,
    cut: watch::Sender<()>,
    loss: Mutex<Option<Loss>>,
    /// Whoever asks for this is marked.
    marks: Mutex<Vec<u8>>,
    accepted: AtomicUsize,
    lost: AtomicUsize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Pass,
    Delay(Duration),
    BlackHole,
    BlackHoleMarked,
    Refuse,
}

/// A reply that is to be lost.
#[derive(Debug, Clone)]
enum Loss {
    /// Every reply after so many, in silence.
    After(usize),
    /// The next reply, with its connection.
    Next,
    /// The reply to the next request that holds these bytes, with its connection.
    To(Vec<u8>),
}

impl Proxy {
    /// A proxy in front of the server at this address.
    ///
    /// # Errors
    ///
    /// The machine's, if loopback has no free port.
    pub async fn start(server: SocketAddr) -> Result<Self, ServerError> {
        let binding = ServerError::io("binding a proxy");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(&binding)?;
        let address = listener.local_addr().map_err(&binding)?;
        let control = Arc::new(Control {
            mode: watch::Sender::new(Mode::Pass),
            cut: watch::Sender::new(()),
            loss: Mutex::new(None),
            marks: Mutex::default(),
            accepted: AtomicUsize::new(0),
            lost: AtomicUsize::new(0),
        });
        let task = tokio::spawn(accept(listener, server, Arc::clone(&control))).abort_handle();
        Ok(Self { address, control, task })
    }

    /// Where clients connect.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Passes everything on again, and forgets every fault that has not struck yet.
    pub fn pass(&self) {
        *self.control.loss() = None;
        self.control.mode.send_replace(Mode::Pass);
    }

    /// Holds every piece back for this long, in both directions.
    pub fn delay(&self, by: Duration) {
        self.control.mode.send_replace(Mode::Delay(by));
    }

    /// Swallows everything, in both directions, and closes nothing.
    pub fn black_hole(&self) {
        self.control.mode.send_replace(Mode::BlackHole);
    }

    /// From now on, connections on which these bytes are asked for are told apart from others.
    pub fn mark_who_asks(&self, request: impl Into<Vec<u8>>) {
        *self.control.marks() = request.into();
    }

    /// As [`black_hole`](Self::black_hole), of the connections that are or will be
    /// [marked](Self::mark_who_asks).
    pub fn black_hole_marked(&self) {
        self.control.mode.send_replace(Mode::BlackHoleMarked);
    }

    /// Cuts the connections that stand. New ones are served.
    pub fn cut(&self) {
        self.control.cut.send_replace(());
    }

    /// Cuts the connections that stand, and closes every new one at once.
    pub fn refuse(&self) {
        self.control.mode.send_replace(Mode::Refuse);
        self.cut();
    }

    /// Lets so many more replies pass, of all connections together, and swallows the rest in
    /// silence. Requests pass: they are applied.
    pub fn swallow_replies_after(&self, replies: usize) {
        *self.control.loss() = Some(Loss::After(replies));
    }

    /// Loses the next reply and cuts its connection, once: the server applied what it answers.
    pub fn drop_next_reply(&self) {
        *self.control.loss() = Some(Loss::Next);
    }

    /// Loses the reply to the next request that holds these bytes, and cuts its connection, once.
    ///
    /// What other connections ask meanwhile (heartbeats) is served.
    pub fn drop_reply_to(&self, request: impl Into<Vec<u8>>) {
        *self.control.loss() = Some(Loss::To(request.into()));
    }

    /// How many connections were accepted so far.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.control.accepted.load(Ordering::SeqCst)
    }

    /// How many replies were lost so far: a test asserts that its fault struck.
    #[must_use]
    pub fn lost(&self) -> usize {
        self.control.lost.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Control {
    fn loss(&self) -> std::sync::MutexGuard<'_, Option<Loss>> {
        self.loss.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn marks(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, control: Arc<Control>) {
    // Dropped with this task, and every connection with it.
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((client, _)) = listener.accept().await else { continue };
        control.accepted.fetch_add(1, Ordering::SeqCst);
        if *control.mode.borrow() == Mode::Refuse {
            continue;
        }
        let control = Arc::clone(&control);
        connections.spawn(async move {
            // A server that is gone closes the connection, and so do we.
            let _ = serve(client, server, &control).await;
        });
    }
}

async fn serve(client: TcpStream, server: SocketAddr, control: &Control) -> io::Result<()> {
    let mut cut = control.cut.subscribe();
    let server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (client_reads, client_writes) = client.into_split();
    let (server_reads, server_writes) = server.into_split();
    let connection = Connection {
        control,
        silent: false.into(),
        marked: false.into(),
        doomed: Mutex::default(),
    };
    tokio::select! {
        ended = connection.requests(client_reads, server_writes) => ended,
        ended = connection.replies(server_reads, client_writes) => ended,
        _ = cut.changed() => Ok(()),
    }
}

struct Connection<'a> {
    control: &'a Control,
    /// It has lost bytes, and passes no more.
    silent: AtomicBool,
    /// It asked for what was to be noted.
    marked: AtomicBool,
    /// The numbers of the requests whose replies are to be lost.
    doomed: Mutex<VecDeque<usize>>,
}

impl Connection<'_> {
    async fn requests(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> io::Result<()> {
        let (mut frames, mut sent) = (Frames::default(), 0);
        let mut buffer = vec![0; 64 << 10];
        loop {
            let length = from.read(&mut buffer).await?;
            if length == 0 {
                return Ok(());
            }
            let bytes = &buffer[..length];
            let ends = frames.follow(bytes);
            self.doom(bytes, sent, &ends);
            if place(&self.control.marks(), bytes).is_some() {
                self.marked.store(true, Ordering::SeqCst);
            }
            sent += ends.len();
            if self.passes().await {
                to.write_all(bytes).await?;
            }
        }
    }

    /// Notes the request whose reply is to be lost, if it is among these.
    fn doom(&self, bytes: &[u8], sent: usize, ends: &[super::frames::End]) {
        let mut loss = self.control.loss();
        let Some(Loss::To(wanted)) = &*loss else { return };
        let Some(at) = place(wanted, bytes) else { return };
        let number = sent + ends.iter().filter(|end| end.at <= at).count();
        self.doomed.lock().unwrap_or_else(PoisonError::into_inner).push_back(number);
        *loss = None;
    }

    async fn replies(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> io::Result<()> {
        let (mut frames, mut answered) = (Frames::default(), 0);
        let mut buffer = vec![0; 64 << 10];
        loop {
            let length = from.read(&mut buffer).await?;
            if length == 0 {
                return Ok(());
            }
            let open = self.passes().await;
            let mut passed = 0;
            let mut silenced = false;
            for end in frames.follow(&buffer[..length]) {
                if !end.pushed {
                    match self.judge(answered) {
                        Verdict::Pass => {}
                        Verdict::Silence => silenced = true,
                        Verdict::Cut if open => return to.write_all(&buffer[..passed]).await,
                        Verdict::Cut => return Ok(()),
                    }
                    answered += 1;
                }
                if !silenced {
                    passed = end.at;
                }
            }
            if silenced {
                self.silent.store(true, Ordering::SeqCst);
            } else {
                // The head of a reply that is judged when it ends: without its end it is lost too.
                passed = length;
            }
            if open {
                to.write_all(&buffer[..passed]).await?;
            }
        }
    }

    /// What becomes of the reply with this number, of this connection.
    fn judge(&self, number: usize) -> Verdict {
        let mut doomed = self.doomed.lock().unwrap_or_else(PoisonError::into_inner);
        if doomed.front() == Some(&number) {
            doomed.pop_front();
            self.control.lost.fetch_add(1, Ordering::SeqCst);
            return Verdict::Cut;
        }
        let mut loss = self.control.loss();
        let verdict = match &mut *loss {
            Some(Loss::After(0)) => Verdict::Silence,
            Some(Loss::Next) => {
                *loss = None;
                Verdict::Cut
            }
            Some(Loss::After(left)) => {
                *left -= 1;
                Verdict::Pass
            }
            Some(Loss::To(_)) | None => Verdict::Pass,
        };
        if verdict != Verdict::Pass {
            self.control.lost.fetch_add(1, Ordering::SeqCst);
        }
        verdict
    }

    /// Whether bytes pass now, after the time they are held back for.
    async fn passes(&self) -> bool {
        let mode = *self.control.mode.borrow();
        match mode {
            Mode::Pass | Mode::Refuse => {}
            Mode::Delay(by) => sleep(by).await,
            Mode::BlackHoleMarked if !self.marked.load(Ordering::SeqCst) => {}
            Mode::BlackHole | Mode::BlackHoleMarked => self.silent.store(true, Ordering::SeqCst),
        }
        !self.silent.load(Ordering::SeqCst)
    }
}

/// Where these bytes stand among others, if they are any.
fn place(wanted: &[u8], bytes: &[u8]) -> Option<usize> {
    (!wanted.is_empty())
        .then(|| bytes.windows(wanted.len()).position(|here| here == wanted))
        .flatten()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Pass,
    Silence,
    Cut,
}
