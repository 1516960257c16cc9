//! The program, run as people run it, on a cache of the test's own.

use std::{ffi::OsStr, process::Stdio, time::Duration};

use integration_tests::servers::RedisServer;
use larder::Larder;
use serde_json::Value;
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, process::Command, time::timeout};

/// No command takes this long.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Ran {
    /// Fails unless it ended with this exit code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }

    /// Fails unless exactly this stood on stdout.
    #[track_caller]
    pub(crate) fn prints(self, stdout: impl AsRef<[u8]>) -> Self {
        assert!(self.stdout == stdout.as_ref(), "{self:?}");
        self
    }

    /// Fails unless this stood somewhere in the messages.
    #[track_caller]
    pub(crate) fn says(self, part: &str) -> Self {
        assert!(self.stderr.contains(part), "no {part:?} in {self:?}");
        self
    }

    /// The JSON object of each line of stdout.
    #[track_caller]
    pub(crate) fn json(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }

    /// Fails unless each line of stdout fits a terminal.
    #[track_caller]
    pub(crate) fn fits_a_terminal(self) -> Self {
        for line in self.text().lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
        self
    }

    /// stdout, as text.
    #[track_caller]
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("stdout is UTF-8")
    }
}

/// Runs the program.
pub(crate) async fn larder<A: AsRef<OsStr> + Sync>(
    cache: &str,
    arguments: &[A],
    stdin: &[u8],
) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_larder"))
        .args(arguments)
        .env("LARDER_CACHE", cache)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the program starts");
    let mut pipe = child.stdin.take().expect("stdin is piped");
    let stdin = stdin.to_vec();
    tokio::spawn(async move {
        // The program need not read it.
        let _ = pipe.write_all(&stdin).await;
    });
    let output = timeout(PATIENCE, child.wait_with_output()).await.expect("it ends in time");
    let output = output.expect("its output is read");
    Ran {
        code: output.status.code().expect("it exits by itself"),
        stdout: output.stdout,
        stderr: String::from_utf8(output.stderr).expect("messages are UTF-8"),
    }
}

/// A cache that several runs of the program see.
pub(crate) struct Store {
    pub(crate) url: String,
    pub(crate) redis: Option<RedisServer>,
    _directory: Option<TempDir>,
}

impl Store {
    pub(crate) fn sled() -> Self {
        let directory = tempfile::tempdir().expect("there is room for a directory");
        let url = format!("sled:{}", directory.path().join("cache").display());
        Self { url, redis: None, _directory: Some(directory) }
    }

    pub(crate) async fn redis() -> Self {
        let redis = RedisServer::start().await.expect("redis-server starts");
        Self { url: redis.url(), redis: Some(redis), _directory: None }
    }

    /// The cache as an application has it: the program must not run on a sled before it is dropped.
    pub(crate) async fn open(&self) -> Larder {
        larder::open(&*self.url).await.expect("it opens")
    }

    /// Runs the program on it.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ran {
        larder(&self.url, arguments, b"").await
    }

    /// Runs the program on it, with this on stdin.
    pub(crate) async fn run_with(&self, arguments: &[&str], stdin: &[u8]) -> Ran {
        larder(&self.url, arguments, stdin).await
    }
}

/// Makes of each function a test on sled and one on Redis.
macro_rules! on_each_store {
    ($($name:ident),+ $(,)?) => {
        mod on_sled {
            $(#[tokio::test]
            async fn $name() {
                super::$name(&crate::common::Store::sled()).await;
            })+
        }
        mod on_redis {
            $(#[tokio::test]
            async fn $name() {
                super::$name(&crate::common::Store::redis().await).await;
            })+
        }
    };
}

/// Bytes that look like nothing, the same each time.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state: u64 = 0x2545_f491_4f6c_dd1d;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}
