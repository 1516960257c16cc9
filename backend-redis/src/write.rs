//! Writes of one entry and of many, each under its condition.

use std::{collections::HashSet, sync::atomic::Ordering};

use bytes::Bytes;
use cache_api::{Condition, Error, Key, Result, SetItem, SetOptions, SetOutcome, Ttl};
use futures_util::future;
use redis::{Cmd, Value};

use crate::{
    commands::{self, scripts::Call},
    exec::Store,
    reply::{self, BACKEND, Class, Operation},
};

const SET: Operation = Operation::write("set");
const SET_MANY: Operation = Operation::write("set_many");
const DELETE: Operation = Operation::write("delete_if");
const EXPIRE: Operation = Operation::write("expire");

/// A command whose answer says what became of a write.
enum Plan<'a> {
    Plain(Cmd),
    /// The answer is what stood there, nil if the value stands now.
    Absent(Cmd),
    Script(Call<'a>),
}

impl Store {
    pub(crate) async fn set(
        &self,
        key: &Key,
        value: &Bytes,
        options: SetOptions,
    ) -> Result<SetOutcome> {
        self.check_size(value)?;
        match self.plan(key, value, options) {
            Plan::Plain(command) => stored(SET, &self.ask(SET, key, &command).await?),
            Plan::Absent(command) => match self.ask(SET, key, &command).await? {
                Value::ServerError(error) if is_syntax(&error) => {
                    self.takes_set_nx_get.store(false, Ordering::Relaxed);
                    let call = Call::set(key, value, options.ttl, &options.condition);
                    judged(SET, self.run(SET, key, &call).await?)
                }
                answer => absent(SET, answer),
            },
            Plan::Script(call) => judged(SET, self.run(SET, key, &call).await?),
        }
    }

    /// One round trip for each connection that the keys lie on.
    pub(crate) async fn set_many(&self, items: &[SetItem]) -> Result<Vec<SetOutcome>> {
        for item in items {
            self.check_size(&item.value)?;
        }
        let mut shares = vec![Vec::new(); self.links.count()];
        for (index, item) in items.iter().enumerate() {
            shares[self.links.number(&item.key)].push(index);
        }
        let writes = shares
            .iter()
            .enumerate()
            .filter(|(_, share)| !share.is_empty())
            .map(|(number, share)| self.set_share(number, share, items));
        let mut outcomes: Vec<_> = items.iter().map(|_| None).collect();
        for (index, outcome) in future::try_join_all(writes).await?.into_iter().flatten() {
            outcomes[index] = Some(outcome);
        }
        outcomes.into_iter().map(|outcome| outcome.ok_or(reply::unexpected(SET_MANY))).collect()
    }

    async fn set_share(
        &self,
        number: usize,
        share: &[usize],
        items: &[SetItem],
    ) -> Result<Vec<(usize, SetOutcome)>> {
        let plans: Vec<_> = share
            .iter()
            .map(|&index| self.plan(&items[index].key, &items[index].value, items[index].options))
            .collect();
        // The text once: what follows on this connection finds the script loaded.
        let mut loaded = false;
        let commands: Vec<_> = plans
            .iter()
            .map(|plan| match plan {
                Plan::Plain(command) | Plan::Absent(command) => command.clone(),
                Plan::Script(call) if std::mem::replace(&mut loaded, true) => call.by_digest(),
                Plan::Script(call) => call.by_text(),
            })
            .collect();
        let answers = self.ask_many(SET_MANY, self.links.by_number(number), &commands).await?;

        let mut outcomes = Vec::with_capacity(share.len());
        // Keys whose write must be made again, with all that followed on them.
        let mut again: HashSet<&Key> = HashSet::new();
        for ((&index, plan), answer) in share.iter().zip(&plans).zip(answers) {
            let item = &items[index];
            let repeat = match &answer {
                Value::ServerError(error) if matches!(plan, Plan::Absent(_)) => is_syntax(error),
                Value::ServerError(error) => reply::class(error) == Class::NoScript,
                _ => false,
            };
            let outcome = if repeat || again.contains(&item.key) {
                again.insert(&item.key);
                if repeat && matches!(plan, Plan::Absent(_)) {
                    self.takes_set_nx_get.store(false, Ordering::Relaxed);
                }
                self.set(&item.key, &item.value, item.options).await?
            } else {
                match plan {
                    Plan::Plain(_) => stored(SET_MANY, &answer)?,
                    Plan::Absent(_) => absent(SET_MANY, answer)?,
                    Plan::Script(_) => judged(SET_MANY, answer)?,
                }
            };
            outcomes.push((index, outcome));
        }
        Ok(outcomes)
    }

    pub(crate) async fn delete_if(&self, key: &Key, condition: &Condition) -> Result<bool> {
        match condition {
            Condition::Absent => Ok(false),
            Condition::Always | Condition::Present => {
                let unlink = commands::unlink(std::slice::from_ref(key));
                let removed = self.ask(DELETE, key, &unlink).await?;
                Ok(reply::integer(DELETE, removed)? > 0)
            }
            Condition::StartsWith(_) => {
                let answer = self.run(DELETE, key, &Call::delete(key, condition)).await?;
                Ok(judged(DELETE, answer)?.is_stored())
            }
        }
    }

    pub(crate) async fn expire(&self, key: &Key, ttl: Ttl, condition: &Condition) -> Result<bool> {
        match (condition, ttl.millis()) {
            (Condition::Absent, _) => Ok(false),
            (Condition::StartsWith(_), _) => {
                let answer = self.run(EXPIRE, key, &Call::expire(key, ttl, condition)).await?;
                Ok(judged(EXPIRE, answer)?.is_stored())
            }
            (_, Some(0)) => {
                let unlink = commands::unlink(std::slice::from_ref(key));
                let removed = self.ask(EXPIRE, key, &unlink).await?;
                Ok(reply::integer(EXPIRE, removed)? > 0)
            }
            (_, Some(millis)) => {
                let answer = self.ask(EXPIRE, key, &commands::expire(key, millis)).await?;
                Ok(reply::integer(EXPIRE, answer)? > 0)
            }
            (_, None) => {
                let mut answers = self.transact(EXPIRE, key, &commands::persist(key)).await?;
                let exists = answers.pop().ok_or_else(|| reply::unexpected(EXPIRE))?;
                Ok(reply::integer(EXPIRE, exists)? > 0)
            }
        }
    }

    fn plan<'a>(&self, key: &'a Key, value: &'a Bytes, options: SetOptions) -> Plan<'a> {
        let SetOptions { ttl, condition, .. } = options;
        match (condition, ttl.millis()) {
            (Condition::Always, Some(0)) => {
                Plan::Plain(commands::unlink(std::slice::from_ref(key)))
            }
            (Condition::Always, millis) => Plan::Plain(commands::set(key, value, millis)),
            (Condition::Absent, millis)
                if millis != Some(0) && self.takes_set_nx_get.load(Ordering::Relaxed) =>
            {
                Plan::Absent(commands::set_absent(key, value, millis))
            }
            _ => Plan::Script(Call::set(key, value, ttl, &condition)),
        }
    }

    /// Runs a script by its name, and with its text where the server does not know it (it did nothing
    /// then, so this is no repeated write).
    async fn run(&self, operation: Operation, key: &Key, call: &Call<'_>) -> Result<Value> {
        match self.ask(operation, key, &call.by_digest()).await? {
            Value::ServerError(error) if reply::class(&error) == Class::NoScript => {
                self.ask(operation, key, &call.by_text()).await
            }
            answer => Ok(answer),
        }
    }

    fn check_size(&self, value: &Bytes) -> Result<()> {
        let (size, limit) = (value.len(), self.max_value);
        if size > limit {
            return Err(Error::TooLarge { backend: BACKEND, size, limit });
        }
        Ok(())
    }
}

/// The answer of SET, or of UNLINK for a lifetime of zero.
fn stored(operation: Operation, answer: &Value) -> Result<SetOutcome> {
    match answer {
        Value::Okay | Value::Int(_) => Ok(SetOutcome::Stored),
        Value::ServerError(error) => Err(reply::refused(operation, error)),
        _ => Err(reply::unexpected(operation)),
    }
}

/// The answer of SET with NX and GET.
fn absent(operation: Operation, answer: Value) -> Result<SetOutcome> {
    Ok(match reply::bytes(operation, answer)? {
        None => SetOutcome::Stored,
        standing => SetOutcome::Refused { standing },
    })
}

/// The answer of a script.
fn judged(operation: Operation, answer: Value) -> Result<SetOutcome> {
    let parts = match answer {
        Value::Array(parts) => parts,
        Value::ServerError(error) => return Err(reply::refused(operation, &error)),
        _ => return Err(reply::unexpected(operation)),
    };
    let mut parts = parts.into_iter();
    match (parts.next(), parts.next()) {
        (Some(Value::Int(1)), _) => Ok(SetOutcome::Stored),
        (Some(Value::Int(0)), standing) => Ok(SetOutcome::Refused {
            standing: reply::bytes(operation, standing.unwrap_or(Value::Nil))?,
        }),
        _ => Err(reply::unexpected(operation)),
    }
}

/// What a server before 7.0 says to NX with GET.
fn is_syntax(error: &redis::ServerError) -> bool {
    error.code() == "ERR" && error.details().is_some_and(|text| text.starts_with("syntax error"))
}
