//! How far a follower in another process is behind the recorder: each piece carries the time at which
//! it was written.

use std::time::{Duration, SystemTime};

use benchmarks::{
    measure::percentile,
    report::{Goal, Report},
};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use integration_tests::servers::RedisServer;
use tokio::runtime::Runtime;

use crate::{
    child,
    streams::{HOUR, open},
};

/// The name of the child's part.
pub(crate) const PART: &str = "follow";

const PIECE: usize = 1024;
const PIECES: usize = 800;

pub(crate) fn run(report: &mut Report, runtime: &Runtime) {
    report.section("a follower in another process, on redis: 1 KiB each 5 ms");
    let server = runtime.block_on(RedisServer::start()).expect("redis-server starts");
    let lags = runtime.block_on(async {
        let streams = open(&server.url()).await;
        let mut recorder = streams.record("live", ()).ttl(HOUR).await.expect("the server is up");
        let follower = child::start(PART, &server.url()).expect("this program starts again");
        let mut pace = tokio::time::interval(Duration::from_millis(5));
        for _ in 0..PIECES {
            pace.tick().await;
            recorder.write(stamped()).await.expect("the server is up");
        }
        recorder.commit().await.expect("the server is up");
        let lags: Vec<f64> = follower.figures().await.expect("the follower read the whole body");
        lags
    });
    let (median, p99) =
        (percentile(lags.iter().copied(), 0.5), percentile(lags.iter().copied(), 0.99));
    report.single("lag, median", "ms", median, None);
    report.single("lag, p99", "ms", p99, Some(Goal::AtMost(50.0)));
}

/// The child: follows, and returns the lag of each piece in milliseconds.
pub(crate) async fn part(url: &str) -> Vec<f64> {
    let reader = open(url).await.follow("live").await.expect("the server is up");
    let mut reader = reader.expect("it is being recorded");
    let (mut rest, mut lags) = (BytesMut::new(), Vec::new());
    let begun = micros();
    while let Some(bytes) = reader.next().await {
        rest.extend_from_slice(&bytes.expect("a whole body"));
        while rest.len() >= PIECE {
            let piece = rest.split_to(PIECE);
            let mut stamp = [0; 8];
            stamp.copy_from_slice(&piece[..8]);
            let written = u64::from_be_bytes(stamp);
            // What was written before this process began tells of its start, not of a lag.
            if written > begun {
                lags.push((micros() - written) as f64 / 1000.0);
            }
        }
    }
    lags
}

fn stamped() -> Bytes {
    let mut piece = vec![0; PIECE];
    piece[..8].copy_from_slice(&micros().to_be_bytes());
    piece.into()
}

/// Wall time, the one clock that two processes share.
pub(crate) fn micros() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_micros() as u64
}
