//! Servers of a fleet: this crate's program, started again as other processes.
//!
//! Parent and server talk in lines: a word to the server's input, an answer from its output.

use std::{path::Path, process::Stdio, time::Duration};

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines, stdin},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use crate::{Result, clocks, flights, stale, streaming};

/// What the process is to do is in this variable of its environment.
pub const ORDER: &str = "LARDER_PROOF_ORDER";

/// How long a word or an answer may take. Generous: test machines are busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a server does.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Order {
    Clocks(clocks::Order),
    Flights(flights::Order),
    Stale(stale::Order),
    Streaming(streaming::Order),
}

/// Plays a server of a fleet, until its parent says that this is enough.
///
/// # Errors
///
/// An order that is none, and whatever kept the server from doing its part.
pub async fn serve(order: &str) -> Result<()> {
    match serde_json::from_str(order)? {
        Order::Clocks(order) => clocks::serve(order).await,
        Order::Flights(order) => flights::serve(order).await,
        Order::Stale(order) => stale::serve(order).await,
        Order::Streaming(order) => streaming::serve(order).await,
    }
}

/// The end of the conversation that a server has.
#[derive(Debug)]
pub(crate) struct Parent(Lines<BufReader<tokio::io::Stdin>>);

impl Parent {
    pub(crate) fn new() -> Self {
        Self(BufReader::new(stdin()).lines())
    }

    /// Waits for the next word. An end without one ends the server.
    pub(crate) async fn hear(&mut self) -> Result<String> {
        Ok(self.0.next_line().await?.ok_or("the parent is gone")?)
    }

    /// Answers.
    pub(crate) fn say(&self, what: &impl Serialize) -> Result<()> {
        println!("{}", serde_json::to_string(what)?);
        Ok(())
    }
}

/// A server, to its parent. Dropping ends it.
#[derive(Debug)]
pub(crate) struct Server {
    process: Child,
    words: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Server {
    pub(crate) fn start(program: &Path, order: &Order) -> Result<Self> {
        let mut process = Command::new(program)
            .env(ORDER, serde_json::to_string(order)?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let words = process.stdin.take().ok_or("the server has no input")?;
        let answers = process.stdout.take().ok_or("the server has no output")?;
        Ok(Self { process, words, answers: BufReader::new(answers).lines() })
    }

    pub(crate) async fn say(&mut self, word: &str) -> Result<()> {
        timeout(PATIENCE, self.words.write_all(format!("{word}\n").as_bytes())).await??;
        Ok(())
    }

    pub(crate) async fn hear<T: DeserializeOwned>(&mut self) -> Result<T> {
        let answer = timeout(PATIENCE, self.answers.next_line()).await??;
        Ok(serde_json::from_str(&answer.ok_or("a server ended before its time")?)?)
    }

    /// Ends it as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        // Already gone is what is wanted.
        let _ = self.process.start_kill();
    }

    /// Freezes it (SIGSTOP), or lets it go on (SIGCONT).
    pub(crate) fn freeze(&self, frozen: bool) -> Result<()> {
        let signal = if frozen { Signal::STOP } else { Signal::CONT };
        let pid = self.process.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
        Ok(kill_process(pid.ok_or("the server is gone")?, signal)?)
    }
}

/// The same word to all of them, and their answers.
pub(crate) async fn ask<T: DeserializeOwned>(servers: &mut [Server], word: &str) -> Result<Vec<T>> {
    for server in &mut *servers {
        server.say(word).await?;
    }
    hear(servers).await
}

/// An answer of each of them.
pub(crate) async fn hear<T: DeserializeOwned>(servers: &mut [Server]) -> Result<Vec<T>> {
    let mut answers = Vec::new();
    for server in servers {
        answers.push(server.hear().await?);
    }
    Ok(answers)
}
