//! As much of a request as the origin looks at.

use std::{collections::HashMap, ops::Range};

use tokio::{
    io::{AsyncBufReadExt, BufStream},
    net::TcpStream,
};

#[derive(Debug, Default)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    /// By their names, in lower case.
    pub(super) fields: HashMap<String, String>,
}

impl Request {
    pub(super) async fn read(stream: &mut BufStream<TcpStream>) -> Option<Self> {
        let mut request = Self::default();
        let mut line = String::new();
        loop {
            line.clear();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            let text = line.trim_end();
            if text.is_empty() {
                return Some(request);
            }
            if let Some((name, value)) = text.split_once(':').filter(|_| !request.path.is_empty()) {
                request.fields.insert(name.to_ascii_lowercase(), value.trim().to_owned());
            } else {
                let mut words = text.split(' ');
                request.method = words.next()?.to_owned();
                request.path = words.next()?.to_owned();
            }
        }
    }
}

/// `bytes=3-7`, `bytes=3-`.
pub(super) fn range_of(range: &str, size: u64) -> Option<Range<u64>> {
    let (from, until) = range.strip_prefix("bytes=")?.split_once('-')?;
    let from: u64 = from.parse().ok()?;
    let until = until.parse().map_or(size, |last: u64| (last + 1).min(size));
    (from < until).then_some(from..until)
}
