//! As much of the Redis protocol as a test needs to look at a server from outside.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::ServerError;

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A status such as `OK`.
    Status(String),
    /// An error, with its code: `WRONGTYPE Operation against…`.
    Error(String),
    /// A number.
    Number(i64),
    /// A value, or none.
    Value(Option<Vec<u8>>),
    /// Several of them, or none.
    List(Option<Vec<Reply>>),
}

impl Reply {
    /// The value, if this is one.
    #[must_use]
    pub fn value(&self) -> Option<&[u8]> {
        match self {
            Self::Value(value) => value.as_deref(),
            _ => None,
        }
    }

    /// The number, if this is one.
    #[must_use]
    pub const fn number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// Whether the server refused.
    #[must_use]
    pub const fn is_error(&self) -> bool {
        matches!(self, Self::Error(_))
    }
}

pub(super) async fn send<A: AsRef<[u8]> + Sync>(
    stream: &mut (impl AsyncWrite + Unpin + Send),
    arguments: &[A],
) -> io::Result<()> {
    let mut request = format!("*{}\r\n", arguments.len()).into_bytes();
    for argument in arguments {
        let argument = argument.as_ref();
        request.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
        request.extend_from_slice(argument);
        request.extend_from_slice(b"\r\n");
    }
    stream.write_all(&request).await?;
    stream.flush().await
}

pub(super) async fn receive(
    stream: &mut (impl AsyncBufRead + Unpin + Send),
) -> Result<Reply, ServerError> {
    let reading = ServerError::io("reading an answer");
    let mut line = Vec::new();
    stream.read_until(b'\n', &mut line).await.map_err(&reading)?;
    let text = String::from_utf8_lossy(&line).trim_end().to_owned();
    let garbled = || ServerError::Garbled { found: text.chars().take(40).collect() };
    let rest = text.get(1..).unwrap_or_default();
    let length = || rest.parse::<i64>().map_err(|_| garbled());
    Ok(match line.first() {
        Some(b'+') => Reply::Status(rest.to_owned()),
        Some(b'-') => Reply::Error(rest.to_owned()),
        Some(b':') => Reply::Number(length()?),
        Some(b'$') => Reply::Value(match usize::try_from(length()?) {
            Err(_) => None,
            Ok(length) => {
                let mut value = vec![0; length + 2];
                stream.read_exact(&mut value).await.map_err(&reading)?;
                value.truncate(length);
                Some(value)
            }
        }),
        Some(b'*') => Reply::List(match usize::try_from(length()?) {
            Err(_) => None,
            Ok(length) => {
                let mut list = Vec::new();
                for _ in 0..length {
                    list.push(Box::pin(receive(stream)).await?);
                }
                Some(list)
            }
        }),
        _ => return Err(garbled()),
    })
}
