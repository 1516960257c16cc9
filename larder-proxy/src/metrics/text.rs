//! The counters as Prometheus reads them: its text format, version 0.0.4.

use std::{
    fmt::{self, Display, Write},
    sync::atomic::Ordering::Relaxed,
};

use larder::Stats;

use super::{ERRORS, Metrics, histogram::Histogram};
use crate::front::Cached;

/// The content type of what [`Metrics::text`] gives.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

impl Metrics {
    /// All there is to tell, of the proxy and of its cache.
    pub(crate) fn text(&self, cache: &Stats) -> String {
        let mut page = Page::default();
        // Writing to a string does not fail.
        let _ = self.proxy(&mut page).and_then(|()| of_the_cache(&mut page, cache));
        page.0
    }

    fn proxy(&self, page: &mut Page) -> fmt::Result {
        page.family("larder_http_requests_total", "counter", "Requests answered.")?;
        for cached in Cached::ALL {
            for (digit, count) in self.requests[cached as usize].iter().enumerate() {
                let count = count.load(Relaxed);
                if count > 0 {
                    let labels = format!("cache=\"{}\",status=\"{digit}xx\"", cached.word());
                    page.sample("larder_http_requests_total", &labels, count)?;
                }
            }
        }
        let name = "larder_http_first_byte_seconds";
        page.family(name, "histogram", "From the head of a request to that of its answer.")?;
        for cached in Cached::ALL {
            let labels = format!("cache=\"{}\"", cached.word());
            page.histogram(name, &labels, &self.first_byte[cached as usize])?;
        }
        page.family(
            "larder_origin_errors_total",
            "counter",
            "Requests the origin did not answer.",
        )?;
        for (word, count) in ERRORS.iter().zip(&self.origin_errors) {
            let labels = format!("error=\"{word}\"");
            page.sample("larder_origin_errors_total", &labels, count.load(Relaxed))?;
        }
        let name = "larder_origin_first_byte_seconds";
        page.family(name, "histogram", "From a request to the head of the origin's answer.")?;
        page.histogram(name, "", &self.origin_first_byte)?;
        for (name, kind, help, value) in [
            (
                "larder_http_body_bytes_total",
                "counter",
                "Bytes of bodies given to clients.",
                self.body_bytes(),
            ),
            (
                "larder_http_saved_bytes_total",
                "counter",
                "Bytes of bodies given to clients that the origin did not send again.",
                self.saved_bytes(),
            ),
            (
                "larder_http_aborted_total",
                "counter",
                "Answers that did not come to their end.",
                self.aborted.load(Relaxed),
            ),
            (
                "larder_http_refused_total",
                "counter",
                "Requests refused for what they say.",
                self.refused.load(Relaxed),
            ),
            ("larder_http_in_flight", "gauge", "Requests under way.", self.in_flight.count()),
            ("larder_connections", "gauge", "Connections of clients.", self.connections.count()),
            (
                "larder_tunnels",
                "gauge",
                "Connections that changed to another protocol.",
                self.tunnels.count(),
            ),
            (
                "larder_origin_requests_total",
                "counter",
                "Requests sent to the origin.",
                self.origin_requests(),
            ),
            (
                "larder_origin_bodies",
                "gauge",
                "Answers that the origin is sending.",
                self.origin_bodies.count(),
            ),
            (
                "larder_log_lines_lost_total",
                "counter",
                "Lines of the access log that nobody took in time.",
                self.lines_lost.load(Relaxed),
            ),
        ] {
            page.single(name, kind, help, value)?;
        }
        Ok(())
    }
}

fn of_the_cache(page: &mut Page, stats: &Stats) -> fmt::Result {
    let Stats { streams, .. } = stats;
    for (name, help, value) in [
        ("larder_streams_hits_total", "Recordings opened.", streams.hits),
        ("larder_streams_misses_total", "Look-ups that found no recording.", streams.misses),
        (
            "larder_streams_followed_total",
            "Readers of a recording in the making.",
            streams.followed,
        ),
        ("larder_streams_committed_total", "Recordings stored.", streams.committed),
        (
            "larder_streams_unstored_total",
            "Recordings that ended without being stored.",
            streams.unstored,
        ),
        (
            "larder_streams_aborted_total",
            "Recordings whose source or writer failed.",
            streams.aborted,
        ),
        (
            "larder_streams_damaged_total",
            "Recordings found unusable before their first byte.",
            streams.damaged,
        ),
        (
            "larder_streams_cut_total",
            "Bodies that ended in an error after their first byte.",
            streams.cut,
        ),
        ("larder_errors_total", "Calls that the store answered with an error.", stats.errors),
        ("larder_invalidations_total", "Invalidations asked for.", stats.invalidations),
    ] {
        page.single(name, "counter", help, value)?;
    }
    page.single(
        "larder_invalidations_queued",
        "gauge",
        "Invalidations still to be made.",
        stats.queued,
    )
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) -> fmt::Result {
        writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}")
    }

    fn sample(&mut self, name: &str, labels: &str, value: impl Display) -> fmt::Result {
        match labels {
            "" => writeln!(self.0, "{name} {value}"),
            labels => writeln!(self.0, "{name}{{{labels}}} {value}"),
        }
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: u64) -> fmt::Result {
        self.family(name, kind, help)?;
        self.sample(name, "", value)
    }

    fn histogram(&mut self, name: &str, labels: &str, histogram: &Histogram) -> fmt::Result {
        let comma = if labels.is_empty() { "" } else { "," };
        let mut all = 0;
        for (bound, count) in histogram.cumulative() {
            let bound = bound.map_or_else(|| "+Inf".to_owned(), |bound| bound.to_string());
            let labels = format!("{labels}{comma}le=\"{bound}\"");
            self.sample(&format!("{name}_bucket"), &labels, count)?;
            all = count;
        }
        self.sample(&format!("{name}_sum"), labels, histogram.seconds())?;
        self.sample(&format!("{name}_count"), labels, all)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::StatusCode;

    use super::*;
    use crate::origin::OriginError;

    #[test]
    fn each_family_is_told_once_and_each_line_is_a_sample() {
        let metrics = Metrics::default();
        metrics.answered(Cached::Hit, StatusCode::OK, Duration::from_millis(1));
        metrics.answered(Cached::Hit, StatusCode::from_u16(999).unwrap(), Duration::ZERO);
        metrics.origin_answered(Some(&OriginError::Slow), Duration::ZERO);
        let page = metrics.text(&Stats::default());
        for line in [
            "larder_http_requests_total{cache=\"hit\",status=\"2xx\"} 1",
            "larder_http_requests_total{cache=\"hit\",status=\"9xx\"} 1",
            "larder_http_first_byte_seconds_bucket{cache=\"hit\",le=\"+Inf\"} 2",
            "larder_http_first_byte_seconds_sum{cache=\"hit\"} 0.001",
            "larder_origin_errors_total{error=\"timeout\"} 1",
            "larder_origin_first_byte_seconds_bucket{le=\"0.00025\"} 0",
            "larder_streams_hits_total 0",
        ] {
            assert!(page.lines().any(|found| found == line), "{line} in\n{page}");
        }
        let mut families: Vec<_> = page.lines().filter(|line| line.starts_with("# TYPE")).collect();
        let all = families.len();
        families.sort_unstable();
        families.dedup();
        assert_eq!(families.len(), all);
        for line in page.lines().filter(|line| !line.starts_with('#')) {
            let (_, value) = line.rsplit_once(' ').expect("a sample has a value");
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
    }
}
