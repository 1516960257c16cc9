//! One line, in words or as an object.

use std::{fmt::Write, net::IpAddr, time::SystemTime};

use http::{Method, Uri, Version};
use serde::Serialize;

/// The status of a request whose client left before there was an answer.
const UNANSWERED: u16 = 499;

/// What is told of one request. No header of it but the host: others hold secrets.
#[derive(Debug, Serialize)]
pub(crate) struct Entry {
    pub(crate) time: String,
    pub(crate) client: IpAddr,
    pub(crate) method: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) host: Option<String>,
    pub(crate) path: String,
    pub(crate) protocol: &'static str,
    pub(crate) status: u16,
    pub(crate) cache: &'static str,
    /// What kept the origin from answering.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<&'static str>,
    /// And why, as whoever failed says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    pub(crate) bytes: u64,
    /// Whether the body came to its end.
    pub(crate) whole: bool,
    pub(crate) first_byte_ms: f64,
    pub(crate) total_ms: f64,
}

impl Entry {
    /// What is known when a request comes; the rest is filled in as it is known.
    pub(crate) fn new(
        client: IpAddr,
        method: &Method,
        uri: &Uri,
        version: Version,
        with_query: bool,
    ) -> Self {
        let path = if with_query { uri.path_and_query().map(|all| all.as_str()) } else { None };
        Self {
            time: humantime::format_rfc3339_millis(SystemTime::now()).to_string(),
            client,
            method: method.to_string(),
            host: uri.authority().map(ToString::to_string),
            path: path.unwrap_or(uri.path()).to_owned(),
            protocol: match version {
                Version::HTTP_2 => "HTTP/2",
                Version::HTTP_10 => "HTTP/1.0",
                _ => "HTTP/1.1",
            },
            status: UNANSWERED,
            cache: "none",
            error: None,
            reason: None,
            bytes: 0,
            whole: false,
            first_byte_ms: 0.0,
            total_ms: 0.0,
        }
    }

    /// `2026-11-24T12:00:00.000Z 192.0.2.1 GET shop.example /report HTTP/1.1 200 hit 1024 0.310 0.350`
    pub(crate) fn words(&self) -> String {
        let mut line = String::with_capacity(160);
        let host = self.host.as_deref().unwrap_or("-");
        let Self { time, client, method, path, protocol, status, cache, bytes, .. } = self;
        // Writing to a string does not fail.
        let _ = write!(
            line,
            "{time} {client} {method} {} {} {protocol} {status} {cache} {bytes} {:.3} {:.3}",
            one_word(host),
            one_word(path),
            self.first_byte_ms,
            self.total_ms,
        );
        if let Some(error) = self.error {
            line.push_str(" error=");
            line.push_str(error);
        }
        if let Some(reason) = &self.reason {
            // In quotes, and without line ends.
            let _ = write!(line, " reason={reason:?}");
        }
        if !self.whole {
            line.push_str(" cut");
        }
        line.push('\n');
        line
    }

    pub(crate) fn object(&self) -> String {
        let mut line = serde_json::to_string(self).unwrap_or_default();
        line.push('\n');
        line
    }
}

/// What a client sends is never more than one word of a line, and holds no control characters.
pub(crate) fn one_word(text: &str) -> String {
    let odd = |c: char| c.is_control() || c.is_whitespace() || c == '"' || !c.is_ascii();
    if !text.contains(odd) {
        return text.to_owned();
    }
    text.chars().flat_map(|c| if odd(c) { c.escape_unicode().collect() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(with_query: bool) -> Entry {
        let uri = Uri::from_static("http://shop.example/a?token=s3cret");
        let by = IpAddr::from([192, 0, 2, 1]);
        Entry::new(by, &Method::GET, &uri, Version::HTTP_11, with_query)
    }

    #[test]
    fn a_query_is_told_only_where_that_was_asked_for() {
        assert!(!entry(false).words().contains("s3cret"));
        assert!(!entry(false).object().contains("s3cret"));
        assert!(entry(true).words().contains(" shop.example /a?token=s3cret HTTP/1.1 "));
    }

    #[test]
    fn a_client_writes_no_line_of_its_own() {
        let forged = Entry { path: "/a\u{85} 200\n1 2".into(), ..entry(false) };
        assert_eq!(forged.words().lines().count(), 1);
        assert!(
            forged.words().contains("/a\\u{85}\\u{20}200\\u{a}1\\u{20}2 "),
            "{}",
            forged.words()
        );
        assert_eq!(forged.object().lines().count(), 1);
    }

    #[test]
    fn an_answer_that_was_cut_says_so() {
        let failed =
            Entry { error: Some("connect"), reason: Some("no\n\"way\"".into()), ..entry(false) };
        assert!(failed.words().ends_with(" error=connect reason=\"no\\n\\\"way\\\"\" cut\n"));
        let entry = Entry { error: Some("timeout"), ..entry(false) };
        assert!(entry.words().ends_with(" error=timeout cut\n"));
        assert!(Entry { whole: true, ..entry }.words().ends_with(" error=timeout\n"));
    }
}
