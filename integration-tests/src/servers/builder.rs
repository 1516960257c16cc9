use std::{
    fmt::{self, Write as _},
    path::PathBuf,
};

use super::{RedisServer, ServerError};

/// How a [`RedisServer`] is to be.
#[derive(Clone, Default)]
#[must_use = "a builder does nothing until `start`"]
pub struct RedisBuilder {
    pub(super) password: Option<String>,
    pub(super) unix_socket: bool,
    lines: String,
}

impl RedisBuilder {
    /// Asks every client for this password.
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self
    }

    /// Knows this user, with ACL rules such as `~users* +@all -flushall`.
    pub fn user(self, name: &str, password: &str, rules: &str) -> Self {
        self.config(&format!("user {name} on >{password} {rules}"))
    }

    /// One more line of its configuration: `maxmemory 8mb`.
    pub fn config(mut self, line: &str) -> Self {
        self.lines.push_str(line);
        self.lines.push('\n');
        self
    }

    /// Listens on a unix socket too.
    pub const fn unix_socket(mut self) -> Self {
        self.unix_socket = true;
        self
    }

    /// Starts it and waits until it answers.
    ///
    /// # Errors
    ///
    /// [`ServerError::Missing`] says how to install it; the others, why it did not come up.
    pub async fn start(self) -> Result<RedisServer, ServerError> {
        RedisServer::launch(self).await
    }

    /// Its configuration file: nothing is ever written to disk, only loopback is served.
    pub(super) fn file(&self, port: u16, directory: &std::path::Path) -> (PathBuf, String) {
        let mut text = format!(
            "bind 127.0.0.1\nport {port}\ndir {dir}\nlogfile {dir}/log\nsave \"\"\nappendonly no\n",
            dir = directory.display()
        );
        if let Some(password) = &self.password {
            let _ = writeln!(text, "requirepass {password:?}");
        }
        if self.unix_socket {
            let _ = writeln!(text, "unixsocket {}/socket", directory.display());
        }
        text.push_str(&self.lines);
        (directory.join("redis.conf"), text)
    }
}

/// Without the passwords.
impl fmt::Debug for RedisBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisBuilder")
            .field("unix_socket", &self.unix_socket)
            .finish_non_exhaustive()
    }
}
