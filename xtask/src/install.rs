//! What the tests need besides Rust: a redis-server.

use std::process::{Command, Stdio};

use crate::run::{Failure, run};

/// A package manager, and what it is told.
struct Manager {
    program: &'static str,
    /// Before the installation, so that a fresh machine knows its packages.
    refresh: Option<&'static [&'static str]>,
    install: &'static [&'static str],
    /// Whether it wants to be root.
    root: bool,
}

const MANAGERS: &[Manager] = &[
    Manager {
        program: "apt-get",
        refresh: Some(&["update"]),
        install: &["install", "--yes", "--no-install-recommends", "redis-server"],
        root: true,
    },
    Manager {
        program: "dnf",
        refresh: None,
        install: &["install", "--assumeyes", "redis"],
        root: true,
    },
    Manager { program: "apk", refresh: None, install: &["add", "redis"], root: true },
    Manager {
        program: "pacman",
        refresh: None,
        install: &["-Sy", "--noconfirm", "redis"],
        root: true,
    },
    Manager { program: "brew", refresh: None, install: &["install", "redis"], root: false },
];

/// Installs redis-server with the system's package manager, unless it is there.
pub(crate) fn redis_server() -> Result<(), Failure> {
    if answers("redis-server") {
        return Ok(());
    }
    let Some(manager) = MANAGERS.iter().find(|manager| answers(manager.program)) else {
        return Err(Failure::Advice(
            "the tests need `redis-server` on the PATH, and this machine has no package manager \
             that is known here: install Redis 7.0 or later and run this again"
                .into(),
        ));
    };
    eprintln!("redis-server is missing: installing it with {}", manager.program);
    if let Some(refresh) = manager.refresh {
        run(&mut manager.command(refresh))?;
    }
    run(&mut manager.command(manager.install))?;
    if answers("redis-server") {
        Ok(())
    } else {
        Err(Failure::Advice(format!(
            "{} installed Redis, but `redis-server` is not on the PATH",
            manager.program
        )))
    }
}

impl Manager {
    fn command(&self, args: &[&str]) -> Command {
        let mut command = if self.root && !is_root() {
            let mut sudo = Command::new("sudo");
            sudo.arg(self.program);
            sudo
        } else {
            Command::new(self.program)
        };
        command.args(args).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
        command
    }
}

fn answers(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
