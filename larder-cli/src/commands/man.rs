use std::{fs, path::PathBuf};

use clap::{Args, CommandFactory};
use clap_mangen::Man as Page;

use crate::{
    args::Cli,
    failure::{Failure, Outcome},
    output::Output,
};

/// Print the manual, as `man` reads it: of the program, or of one command.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  larder man serve | man -l -
  larder man --into /usr/local/share/man/man1")]
pub(crate) struct Man {
    /// The command, such as `serve`.
    command: Option<String>,

    /// Write all pages into this directory instead.
    #[arg(long, value_name = "DIRECTORY", conflicts_with = "command")]
    into: Option<PathBuf>,
}

impl Man {
    pub(crate) fn run(&self, output: Output) -> Result<Outcome, Failure> {
        let mut program = Cli::command();
        program.build();
        if let Some(directory) = &self.into {
            let writing = Failure::doing("cannot write the manual");
            fs::create_dir_all(directory).map_err(&writing)?;
            clap_mangen::generate_to(program, directory).map_err(writing)?;
            return Ok(Outcome::Done);
        }
        let command = match &self.command {
            None => program,
            Some(name) => {
                let found = program.find_subcommand(name).cloned();
                found.ok_or_else(|| Failure::new(format!("there is no command `{name}`")))?
            }
        };
        let mut page = Vec::new();
        Page::new(command).render(&mut page)?;
        output.bytes(&page)?;
        Ok(Outcome::Done)
    }
}
