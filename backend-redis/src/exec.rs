//! From commands to answers: the deadline, the retries of what the server was not ready for.

use std::{sync::atomic::AtomicBool, time::Duration};

use cache_api::{Error, Key, Result};
use redis::{Cmd, Value};

use crate::{
    connection::{
        Link, Links,
        deadline::Deadline,
        queue::{Reply, Request, size},
    },
    reply::{self, Class, Operation},
};

const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// What a cache and its streams share.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) links: Links,
    pub(crate) deadline: Duration,
    pub(crate) max_value: usize,
    /// Whether the server takes SET with NX and GET at once. Asked by using it.
    pub(crate) takes_set_nx_get: AtomicBool,
}

impl Store {
    /// The answer to one command on the connection of its key. The errors of the server are answers too,
    /// but for those that say it is not ready: for these it is asked again within the deadline.
    pub(crate) async fn ask(
        &self,
        operation: Operation,
        key: &Key,
        command: &Cmd,
    ) -> Result<Value> {
        self.ask_on(operation, self.links.of(key), command).await
    }

    pub(crate) async fn ask_on(
        &self,
        operation: Operation,
        link: &Link,
        command: &Cmd,
    ) -> Result<Value> {
        let deadline = Deadline::new(self.deadline, size(command));
        let request = Request::One(command);
        match link.call(request, deadline.until).await {
            Ok(Reply::One(value)) if !is_unready(&value) => Ok(value),
            Ok(reply) => match self.again(operation, link, request, deadline, reply).await? {
                Reply::One(value) => Ok(value),
                Reply::Many(_) => Err(reply::unexpected(operation)),
            },
            Err(failure) => Err(reply::failed(operation, failure, &deadline)),
        }
    }

    /// The answers to several commands that are sent together. Repeated as a whole, and only when the
    /// server refused each of them.
    pub(crate) async fn ask_many(
        &self,
        operation: Operation,
        link: &Link,
        commands: &[Cmd],
    ) -> Result<Vec<Value>> {
        let deadline = Deadline::new(self.deadline, commands.iter().map(size).sum());
        let request = Request::Many(commands);
        let reply = match link.call(request, deadline.until).await {
            Ok(reply) if !is_unready_reply(&reply) => reply,
            Ok(reply) => self.again(operation, link, request, deadline, reply).await?,
            Err(failure) => return Err(reply::failed(operation, failure, &deadline)),
        };
        match reply {
            Reply::Many(values) => Ok(values),
            Reply::One(_) => Err(reply::unexpected(operation)),
        }
    }

    /// The answers within `MULTI … EXEC`. Where the server refused to queue a command, that error and not
    /// the one of EXEC is the reason.
    pub(crate) async fn transact(
        &self,
        operation: Operation,
        key: &Key,
        commands: &[Cmd],
    ) -> Result<Vec<Value>> {
        let mut answers = self.ask_many(operation, self.links.of(key), commands).await?;
        match answers.pop() {
            Some(Value::Array(values)) => Ok(values),
            Some(Value::ServerError(abort)) => {
                let cause = answers.iter().find_map(|answer| match answer {
                    Value::ServerError(error) => Some(error),
                    _ => None,
                });
                Err(reply::refused(operation, cause.unwrap_or(&abort)))
            }
            _ => Err(reply::unexpected(operation)),
        }
    }

    #[cold]
    async fn again(
        &self,
        operation: Operation,
        link: &Link,
        request: Request<'_>,
        deadline: Deadline,
        mut reply: Reply,
    ) -> Result<Reply> {
        let mut pause = FIRST_PAUSE;
        while is_unready_reply(&reply) {
            if !deadline.pause(pause).await {
                return Err(not_ready(operation, &reply));
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
            reply = link
                .call(request, deadline.until)
                .await
                .map_err(|failure| reply::failed(operation, failure, &deadline))?;
        }
        Ok(reply)
    }
}

fn is_unready(value: &Value) -> bool {
    matches!(value, Value::ServerError(error) if reply::class(error) == Class::Unready)
}

/// Whether nothing of the request was done, and the server would do it later.
fn is_unready_reply(reply: &Reply) -> bool {
    match reply {
        Reply::One(value) => is_unready(value),
        // A transaction is not executed when one of its commands was not taken.
        Reply::Many(values) if values.last().is_some_and(is_abort) => values.iter().any(is_unready),
        Reply::Many(values) => !values.is_empty() && values.iter().all(is_unready),
    }
}

fn is_abort(value: &Value) -> bool {
    matches!(value, Value::ServerError(error) if error.code() == "EXECABORT")
}

fn not_ready(operation: Operation, reply: &Reply) -> Error {
    let values = match reply {
        Reply::One(value) => std::slice::from_ref(value),
        Reply::Many(values) => values,
    };
    values
        .iter()
        .find_map(|value| match value {
            Value::ServerError(error) if is_unready(value) => {
                Some(reply::refused(operation, error))
            }
            _ => None,
        })
        .unwrap_or_else(|| reply::unexpected(operation))
}
