//! `larder serve`: a caching reverse proxy.

mod files;
mod machine;
mod setting;
mod settings;
mod signals;

use std::path::PathBuf;

use clap::Args;
use larder_http::CacheLayer;
use larder_proxy::Server;

use self::settings::Settings;
use crate::{
    args::Global,
    context,
    failure::{Failure, Outcome},
    output::Output,
};

/// The namespace of answers, where none is named.
const NAMESPACE: &str = "http";

/// Serve an origin's answers from the cache: a reverse proxy.
///
/// An answer is stored while it streams to the first who asks, and whoever asks meanwhile gets it too, on
/// this server or on another one with the same Redis. Each setting is a flag, or a key of the same name in
/// the file of --config; the flag wins.
///
/// On SIGTERM or SIGINT no more requests are taken, and what is under way is finished.
#[derive(Debug, Args)]
#[command(
    args_override_self = true,
    after_help = "\
Examples:
  larder serve --origin http://127.0.0.1:8000 --ttl 10m
  larder serve --config proxy.toml --cache redis://cache.internal

A file:
  origin = \"http://127.0.0.1:8000\"
  listen = \"0.0.0.0:8080\"
  cache = \"redis://cache.internal\"
  ttl = \"10m\"
  vary-on = [\"accept\", \"accept-language\"]"
)]
pub(crate) struct Serve {
    /// A file of settings, TOML.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    settings: Settings,
}

impl Serve {
    pub(crate) async fn run(self, global: &Global, output: Output) -> Result<Outcome, Failure> {
        let settings = match &self.config {
            Some(path) => self.settings.or(settings::read(path)?),
            None => self.settings,
        };
        let namespace = settings.namespace.clone().unwrap_or_else(|| NAMESPACE.into());
        let global = global.or(settings.cache.clone(), Some(namespace));
        let config = settings.proxy(global.json)?;
        files::raise_limit();
        let larder = context::open(&global).await?;
        let space = larder.namespace(global.namespace())?;
        let layer = CacheLayer::new(larder).namespace(global.namespace())?;
        let layer = settings.layer(layer)?;
        // From here on: a signal before the server runs ends it too.
        let signal = signals::first();
        let origin = config.origin.to_string();
        let scheme = if config.tls.is_some() { "https" } else { "http" };
        let server = Server::bind(config, layer, space).await;
        let server = server.map_err(Failure::doing("cannot serve"))?;
        output.note(&format!(
            "serving {origin} on {scheme}://{} from {}",
            server.address(),
            global.cache().shown()
        ));
        if let Some(admin) = server.admin_address() {
            output.note(&format!("admin on http://{admin}"));
        }
        let finished = server
            .run(async {
                signal.await;
                output.note("ending: a second signal ends it at once");
            })
            .await;
        if !finished {
            return Err(Failure::new("what was under way did not end within --grace, and was cut"));
        }
        Ok(Outcome::Done)
    }
}
