//! What can be said on the command line.

use clap::{Args, Parser, Subcommand};

use crate::{
    commands::{
        clear::Clear, completions::Completions, conform::Conform, delete::Delete, expire::Expire,
        explain::Explain, get::Get, increment::Increment, invalidate::Invalidate, list::List,
        man::Man, record::Record, replay::Replay, set::Set, stats::Stats, ttl::Ttl,
    },
    context::Context,
    demo::{Demo, child::DemoServer},
    failure::{Failure, Outcome},
    output::Output,
    serve::Serve,
};

/// A cache from the command line: values, counters and streams on memory, Redis or sled.
#[derive(Debug, Parser)]
#[command(
    name = "larder",
    version,
    after_help = "\
Caches:
  memory:?max=64MiB                 in this process, gone at its end
  sled:./cache?max=1GiB             a directory, one process at a time
  redis://[user:password@]host/0    shared by all who reach it
  unix:/run/redis.sock              the same, by a unix socket

Values stand on stdout as they are, messages on stderr.
Exit codes: 0 found or done, 1 missing or refused, 2 an error.
With --json, results stand on stdout and errors on stderr, one object per line;
bytes that are no UTF-8 are base64 in `value_base64` instead of `value`, and in
`key_base64` instead of `key`.

Example:
  export LARDER_CACHE=redis://127.0.0.1
  larder set greeting hello --ttl 10m && larder get greeting",
    max_term_width = 80
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command knows.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Common options")]
pub(crate) struct Global {
    /// The cache; better in the environment when it holds a password. [default: memory:]
    // Shown neither in `--help` nor in usage errors: it may hold a password.
    #[arg(long, global = true, value_name = "URL", env = "LARDER_CACHE", hide_env_values = true)]
    cache: Option<CacheUrl>,

    /// The namespace of the keys, such as `shop` or `shop/carts`. [default: default]
    #[arg(long, global = true, value_name = "NAME")]
    namespace: Option<String>,

    /// Print for machines: one JSON object per line.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

impl Global {
    /// The cache that was named, or memory.
    pub(crate) fn cache(&self) -> CacheUrl {
        self.cache.clone().unwrap_or_else(|| CacheUrl("memory:".into()))
    }

    /// The namespace that was named, or `default`.
    pub(crate) fn namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or("default")
    }

    /// The same with a cache and a namespace where none was named.
    pub(crate) fn or(&self, cache: Option<CacheUrl>, namespace: Option<String>) -> Self {
        Self {
            cache: self.cache.clone().or(cache),
            namespace: self.namespace.clone().or(namespace),
            json: self.json,
        }
    }
}

/// The URL of a cache. Its `Debug` does not show the password that it may hold.
#[derive(Clone, serde::Deserialize)]
pub(crate) struct CacheUrl(String);

impl From<String> for CacheUrl {
    fn from(url: String) -> Self {
        Self(url)
    }
}

impl CacheUrl {
    /// The whole of it, for `larder::open` and nobody else.
    pub(crate) fn secret(&self) -> &str {
        &self.0
    }

    /// Without user, password and options.
    pub(crate) fn shown(&self) -> String {
        let url = self.0.split('?').next().unwrap_or_default();
        match (url.split_once("://"), url.rsplit_once('@')) {
            (Some((scheme, _)), Some((_, place))) => format!("{scheme}://{place}"),
            _ => url.to_owned(),
        }
    }
}

impl std::fmt::Debug for CacheUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CacheUrl({})", self.shown())
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    Get(Get),
    Set(Set),
    Delete(Delete),
    Ttl(Ttl),
    Expire(Expire),
    Increment(Increment),
    List(List),
    Clear(Clear),
    Record(Record),
    Replay(Replay),
    Explain(Explain),
    Invalidate(Invalidate),
    Stats(Stats),
    Conform(Conform),
    Serve(Box<Serve>),
    Demo(Demo),
    Completions(Completions),
    Man(Man),
    #[command(hide = true)]
    DemoServer(DemoServer),
}

impl Cli {
    /// Does what was asked for.
    pub(crate) async fn run(self, output: Output) -> Result<Outcome, Failure> {
        let Self { global, command } = self;
        // The one place where a command meets its cache; the last ones open theirs in ways of their own, or none.
        macro_rules! on_the_cache {
            ($command:ident) => {{
                let context = Context::open(&global, output).await?;
                Box::pin($command.run(&context)).await
            }};
        }
        match command {
            Command::Get(get) => on_the_cache!(get),
            Command::Set(set) => on_the_cache!(set),
            Command::Delete(delete) => on_the_cache!(delete),
            Command::Ttl(ttl) => on_the_cache!(ttl),
            Command::Expire(expire) => on_the_cache!(expire),
            Command::Increment(increment) => on_the_cache!(increment),
            Command::List(list) => on_the_cache!(list),
            Command::Clear(clear) => on_the_cache!(clear),
            Command::Record(record) => on_the_cache!(record),
            Command::Replay(replay) => on_the_cache!(replay),
            Command::Explain(explain) => on_the_cache!(explain),
            Command::Invalidate(invalidate) => on_the_cache!(invalidate),
            Command::Stats(stats) => on_the_cache!(stats),
            Command::Conform(conform) => Box::pin(conform.run(&global, output)).await,
            Command::Serve(serve) => Box::pin(serve.run(&global, output)).await,
            Command::Completions(completions) => completions.run(output),
            Command::Man(man) => man.run(output),
            Command::Demo(demo) => Box::pin(demo.run(&global, output)).await,
            Command::DemoServer(server) => Box::pin(server.run(&global)).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_shown_url_holds_no_secret() {
        for (url, shown) in [
            ("redis://ada:s3cret@host:6379/2", "redis://host:6379/2"),
            ("redis://:p@ss@host", "redis://host"),
            ("redis://host/0?password=s3cret", "redis://host/0"),
            ("sled:./c@che?max=1GiB", "sled:./c@che"),
            ("memory:", "memory:"),
        ] {
            assert_eq!(CacheUrl::from(url.to_owned()).shown(), shown);
        }
    }
}
