//! Writing lines to stdout in a thread of its own: whoever reads them slowly slows no request down.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use tokio::sync::oneshot;

use super::Entry;
use crate::{LogFormat, metrics::Metrics};

/// So many lines may wait to be written; more are lost, and counted.
const WAITING: usize = 8192;

/// Where entries go.
#[derive(Debug)]
pub(crate) struct Log {
    lines: Option<SyncSender<String>>,
    json: bool,
    metrics: Arc<Metrics>,
}

impl Log {
    /// A log in this format. The receiver gets an error when all of it has been written: after the last
    /// clone is gone.
    pub(crate) fn new(format: LogFormat, metrics: Arc<Metrics>) -> (Self, oneshot::Receiver<()>) {
        let (written, done) = oneshot::channel();
        let (lines, waiting) = sync_channel(WAITING);
        let on = format != LogFormat::Off
            && thread::Builder::new()
                .name("access-log".into())
                .spawn(move || {
                    write(&waiting);
                    drop(written);
                })
                .is_ok();
        let lines = on.then_some(lines);
        (Self { lines, json: format == LogFormat::Json, metrics }, done)
    }

    pub(crate) const fn is_on(&self) -> bool {
        self.lines.is_some()
    }

    pub(crate) fn tell(&self, entry: &Entry) {
        let Some(lines) = &self.lines else { return };
        let line = if self.json { entry.object() } else { entry.words() };
        if lines.try_send(line).is_err() {
            self.metrics.line_lost();
        }
    }
}

/// Writes what there is, and flushes when there is nothing more for now. When stdout is gone lines are
/// still taken, so that it is not they who are counted as lost.
fn write(waiting: &Receiver<String>) {
    let mut stdout = io::BufWriter::new(io::stdout());
    while let Ok(line) = waiting.recv() {
        let _ = stdout.write_all(line.as_bytes());
        while let Ok(line) = waiting.try_recv() {
            let _ = stdout.write_all(line.as_bytes());
        }
        let _ = stdout.flush();
    }
}
