use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::{
    args::Cli,
    failure::{Failure, Outcome},
    output::Output,
};

/// Print what a shell needs to complete `larder` commands.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  larder completions bash > ~/.local/share/bash-completion/completions/larder
  larder completions fish > ~/.config/fish/completions/larder.fish")]
pub(crate) struct Completions {
    /// The shell.
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(&self, output: Output) -> Result<Outcome, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "larder", &mut script);
        output.bytes(&script)?;
        Ok(Outcome::Done)
    }
}
