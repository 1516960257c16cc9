//! Runs `cargo test` and adds up what its many programs report.

use std::{
    io::{BufRead, BufReader, Write, stdout},
    process::{Command, Stdio},
};

use crate::run::{Failure, text};

/// Tests that ran, over all programs.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: u64,
    failed: u64,
    ignored: u64,
}

/// Runs the tests, passes their output on, and closes with `N passed, N failed`.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    let name = text(command);
    eprintln!("$ {name}");
    let start = |error| Failure::Start(name.clone(), error);
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(start)?;
    let mut tally = Tally::default();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            tally.add(&String::from_utf8_lossy(&line));
            // A closed pipe must not stop the tests: their exit code is what counts.
            let _ = stdout().write_all(&line).and_then(|()| stdout().write_all(b"\n"));
        }
    }
    let status = child.wait().map_err(start)?;
    println!("\n{} passed, {} failed, {} skipped", tally.passed, tally.failed, tally.ignored);
    if !status.success() {
        return Err(Failure::Exit(name, status));
    }
    if tally.passed == 0 {
        return Err(Failure::Advice("no test ran".into()));
    }
    Ok(())
}

impl Tally {
    /// Adds a line such as `test result: ok. 13 passed; 0 failed; 0 ignored; …`.
    fn add(&mut self, line: &str) {
        let Some((_, counts)) =
            line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for count in counts.split("; ") {
            match count.trim().split_once(' ') {
                Some((number, "passed")) => self.passed += number.parse().unwrap_or(0),
                Some((number, "failed")) => self.failed += number.parse().unwrap_or(0),
                Some((number, "ignored")) => self.ignored += number.parse().unwrap_or(0),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_added_up_and_others_are_not() {
        let mut tally = Tally::default();
        tally.add("test result: ok. 13 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out");
        tally.add("test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured; 5 filtered out");
        tally.add("test one_passed ... ok");
        assert_eq!(tally, Tally { passed: 15, failed: 3, ignored: 1 });
    }
}
