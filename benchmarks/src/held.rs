//! Memory held while 1 GiB passes through a recorder and a reader.

use benchmarks::report::{Goal, Report};
use bytes::Bytes;
use futures_util::StreamExt;
use integration_tests::servers::RedisServer;
use tokio::runtime::Runtime;

use crate::{
    child,
    streams::{HOUR, open},
};

/// The name of the child's part.
pub(crate) const PART: &str = "held";

const PIECE: usize = 64 << 10;
const GIB: usize = 1 << 30;

pub(crate) fn run(report: &mut Report, runtime: &Runtime) {
    report.section("memory held while 1 GiB is recorded, then replayed, on redis");
    let server = runtime.block_on(RedisServer::start()).expect("redis-server starts");
    let figures = runtime.block_on(async {
        child::start(PART, &server.url()).expect("this program starts again").figures().await
    });
    let figures: Vec<f64> = figures.expect("the child streamed 1 GiB");
    report.single("peak over idle, recording", "MiB", figures[0], Some(Goal::AtMost(32.0)));
    report.single("peak over idle, both", "MiB", figures[1], Some(Goal::AtMost(32.0)));
}

/// The child: the peaks of its memory over idle, in MiB, after recording and after replaying.
pub(crate) async fn part(url: &str) -> Vec<f64> {
    let streams = open(url).await;
    // Connections, allocator and runtime are warm: what comes now is what streaming holds.
    streams.follow("none").await.expect("the server is up");
    let idle = status("VmRSS:");
    let piece = Bytes::from(vec![7; PIECE]);
    let mut recorder = streams.record("gib", ()).ttl(HOUR).await.expect("the server is up");
    for _ in 0..GIB / PIECE {
        recorder.write(piece.clone()).await.expect("the server is up");
    }
    assert!(recorder.commit().await.expect("the server is up").stored);
    let recorded = status("VmHWM:") - idle;
    let mut reader = streams.open("gib").await.expect("the server is up").expect("it was recorded");
    let mut length = 0;
    while let Some(bytes) = reader.next().await {
        length += bytes.expect("a whole body").len();
    }
    assert_eq!(length, GIB);
    vec![recorded, status("VmHWM:") - idle]
}

/// A line of this process's status, in MiB. Linux only, as the machine that measures.
fn status(field: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("a known field");
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().expect("a number of KiB");
    kib / 1024.0
}
