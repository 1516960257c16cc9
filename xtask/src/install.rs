//! What the tests need besides Rust: a redis-server, and Chromium for the page of `larder serve`.

use std::process::{Command, Stdio};

use crate::run::{Failure, run};

/// Something that tests start.
pub(crate) struct Tool {
    /// What it is called on the PATH: one of these.
    programs: &'static [&'static str],
    /// What whoever has no package manager is to do.
    advice: &'static str,
    /// The package, by the program of its manager.
    packages: &'static [(&'static str, &'static str)],
}

pub(crate) const REDIS: Tool = Tool {
    programs: &["redis-server"],
    advice: "install Redis 7.0 or later",
    packages: &[
        ("apt-get", "redis-server"),
        ("dnf", "redis"),
        ("apk", "redis"),
        ("pacman", "redis"),
        ("brew", "redis"),
    ],
};

/// The names are those that the test looks for, too.
pub(crate) const CHROMIUM: Tool = Tool {
    programs: &["chromium", "chromium-browser", "google-chrome"],
    advice: "install Chromium",
    packages: &[
        ("apt-get", "chromium"),
        ("dnf", "chromium"),
        ("apk", "chromium"),
        ("pacman", "chromium"),
    ],
};

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
        install: &["install", "--yes", "--no-install-recommends"],
        root: true,
    },
    Manager { program: "dnf", refresh: None, install: &["install", "--assumeyes"], root: true },
    Manager { program: "apk", refresh: None, install: &["add"], root: true },
    Manager { program: "pacman", refresh: None, install: &["-Sy", "--noconfirm"], root: true },
    Manager { program: "brew", refresh: None, install: &["install"], root: false },
];

impl Tool {
    /// Installs it with the system's package manager, unless it is there.
    pub(crate) fn install(&self) -> Result<(), Failure> {
        if self.is_there() {
            return Ok(());
        }
        let [name, ..] = self.programs else { return Ok(()) };
        let manager = MANAGERS.iter().find(|manager| answers(manager.program));
        let Some((manager, package)) = manager.and_then(|manager| {
            let packages = self.packages.iter();
            let package = packages.copied().find(|(by, _)| *by == manager.program);
            package.map(|(_, package)| (manager, package))
        }) else {
            return Err(Failure::Advice(format!(
                "the tests need `{name}` on the PATH, and this machine has no package manager \
                 that has it and is known here: {} and run this again",
                self.advice
            )));
        };
        eprintln!("{name} is missing: installing it with {}", manager.program);
        if let Some(refresh) = manager.refresh {
            run(&mut manager.command(refresh))?;
        }
        run(&mut manager.command(&[manager.install, &[package]].concat()))?;
        if self.is_there() {
            Ok(())
        } else {
            Err(Failure::Advice(format!(
                "{} installed {package}, but `{name}` is not on the PATH",
                manager.program
            )))
        }
    }

    fn is_there(&self) -> bool {
        self.programs.iter().any(|program| answers(program))
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
