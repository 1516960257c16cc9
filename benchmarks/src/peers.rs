//! The package `peers`, which is built apart from the workspace and measures for itself.

use std::{env, io, path::Path, process::Command};

use benchmarks::report::Report;

/// Builds it and runs it. Its rows are printed by it, and kept with ours.
pub(crate) fn run(report: &mut Report, rounds: usize, out: &Path) -> io::Result<()> {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = out.join("peers");
    let status = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["run", "--release", "--quiet", "--manifest-path"])
        .arg(home.join("peers/Cargo.toml"))
        // Beside the workspace's, so that one `cargo clean` removes both.
        .arg("--target-dir")
        .arg(home.join("../target/peers"))
        .args(["--", "--rounds", &rounds.to_string(), "--out"])
        .arg(&out)
        .status()?;
    if !status.success() {
        return Err(io::Error::other(format!("the peers were not measured: {status}")));
    }
    report.adopt(&out)
}
