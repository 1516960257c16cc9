//! The examples of a crate, run by its tests: what a newcomer tries first must work.
//!
//! ```no_run
//! # async fn example() {
//! use integration_tests::examples;
//!
//! let said = examples::run("job_lock", &["memory:"]).await.unwrap_or_else(|error| panic!("{error}"));
//! assert!(said.contains("ran once"));
//! # }
//! ```

use std::{env, io, path::PathBuf, process::Stdio, time::Duration};

use tokio::{process::Command, time::timeout};

/// How long one may take. Generous: test machines are busy.
const LIMIT: Duration = Duration::from_secs(60);

/// Why an example did not do what it should.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExampleError {
    /// It was not built.
    #[error(
        "there is no {path}: `cargo test` builds examples, `cargo test --test …` alone does not"
    )]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// It could not be run.
    #[error("the example `{name}` cannot be run")]
    Io {
        /// Which one.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// It did not end.
    #[error("the example `{name}` did not end within {LIMIT:?}")]
    TimedOut {
        /// Which one.
        name: String,
    },
    /// It ended with an error.
    #[error("the example `{name}` failed and said:\n{said}")]
    Failed {
        /// Which one.
        name: String,
        /// All that it said.
        said: String,
    },
}

/// Runs an example of the crate whose test calls this, which cargo has built beside the test, and returns
/// what it printed.
///
/// # Errors
///
/// [`ExampleError`], if it is not there, fails, or does not end within a minute.
pub async fn run(name: &str, args: &[&str]) -> Result<String, ExampleError> {
    let failed = |source| ExampleError::Io { name: name.into(), source };
    let test = env::current_exe().map_err(failed)?;
    // target/debug/deps/test → target/debug/examples/name
    let build = test.parent().and_then(|deps| deps.parent()).unwrap_or(&test);
    let path = build.join("examples").join(name).with_extension(env::consts::EXE_EXTENSION);
    if !path.exists() {
        return Err(ExampleError::Missing { path });
    }
    let mut example = Command::new(path);
    example.args(args).stdin(Stdio::null()).kill_on_drop(true);
    let Ok(output) = timeout(LIMIT, example.output()).await else {
        return Err(ExampleError::TimedOut { name: name.into() });
    };
    let output = output.map_err(failed)?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(said);
    }
    let said = said + &String::from_utf8_lossy(&output.stderr);
    Err(ExampleError::Failed { name: name.into(), said })
}
