//! Running one command, and saying which one failed.

use std::{
    fmt, io,
    process::{Command, ExitStatus},
};

/// Why a chore was not done.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command could not be started.
    Start(String, io::Error),
    /// The command said no.
    Exit(String, ExitStatus),
    /// Something that the person at the keyboard can mend.
    Advice(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(command, error) => write!(f, "`{command}` could not be started: {error}"),
            Self::Exit(command, status) => write!(f, "`{command}` failed: {status}"),
            Self::Advice(text) => f.write_str(text),
        }
    }
}

/// The cargo that runs this program, with these arguments.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args);
    command
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    eprintln!("$ {}", text(command));
    let status = command.status().map_err(|error| Failure::Start(text(command), error))?;
    if status.success() { Ok(()) } else { Err(Failure::Exit(text(command), status)) }
}

/// The command as one would type it.
pub(crate) fn text(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    std::iter::once(name)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}
