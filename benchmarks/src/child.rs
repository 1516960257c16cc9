//! Parts of a measurement that need a process of their own: this program, started again.

use std::{env, io, process::Stdio};

use serde::de::DeserializeOwned;
use tokio::process::{Child, Command};

/// The variable that tells a child its part; its arguments are ours no more.
pub(crate) const VARIABLE: &str = "LARDER_BENCH_PART";

/// A part that runs.
#[derive(Debug)]
pub(crate) struct Part(Child);

/// Starts a part against a server.
pub(crate) fn start(part: &str, url: &str) -> io::Result<Part> {
    let child = Command::new(env::current_exe()?)
        .env(VARIABLE, format!("{part} {url}"))
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    Ok(Part(child))
}

impl Part {
    /// What the part prints at its end, as JSON.
    pub(crate) async fn figures<T: DeserializeOwned>(self) -> io::Result<T> {
        let output = self.0.wait_with_output().await?;
        if !output.status.success() {
            return Err(io::Error::other(format!("the part failed: {}", output.status)));
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}
