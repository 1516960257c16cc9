//! What is printed: results on stdout, messages on stderr, either of them for people or for machines.
//!
//! Never by `println!`, which panics when nobody reads any more.

use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Map, Value};

use crate::failure::{Failure, one_line};

/// Where results and messages go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether it is machines that read.
    pub(crate) const fn is_json(self) -> bool {
        self.json
    }

    /// A result: bytes as they are.
    pub(crate) fn bytes(self, bytes: &[u8]) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes)?;
        stdout.flush()
    }

    /// A result: bytes as they are, and on a terminal an end of the line.
    pub(crate) fn value(self, bytes: &[u8]) -> io::Result<()> {
        self.bytes(bytes)?;
        if io::stdout().is_terminal() && !bytes.ends_with(b"\n") {
            self.bytes(b"\n")?;
        }
        Ok(())
    }

    /// A result, for people a line of text, for machines these fields.
    pub(crate) fn result(self, text: &str, fields: Fields) -> io::Result<()> {
        let mut line = if self.json { fields.line() } else { text.to_owned() };
        line.push('\n');
        self.bytes(line.as_bytes())
    }

    /// A result that people know from the exit code and a message, and machines read.
    pub(crate) fn outcome(self, message: &str, fields: Fields) -> io::Result<()> {
        if self.json {
            return self.result("", fields);
        }
        self.note(message);
        Ok(())
    }

    /// A message to whoever watches.
    pub(crate) fn note(self, message: &str) {
        self.message("note", one_line(message));
    }

    /// Tells an error, and gives the exit code for it.
    pub(crate) fn failed(self, failure: &Failure) -> ExitCode {
        match failure {
            Failure::Told { message, hint: Some(hint) } if self.json => {
                let fields = Fields::new().put("error", one_line(message)).put("hint", &**hint);
                self.stderr(&fields.line());
            }
            failure => self.message("error", failure.to_string()),
        }
        ExitCode::from(2)
    }

    /// The result of a command whose stdout is taken: machines read it on stderr.
    pub(crate) fn summary(self, message: &str, fields: Fields) {
        if self.json { self.stderr(&fields.line()) } else { self.note(message) }
    }

    fn message(self, kind: &str, text: String) {
        if self.json {
            self.stderr(&Fields::new().put(kind, text).line());
        } else if kind == "error" {
            self.stderr(&format!("larder: error: {text}"));
        } else {
            self.stderr(&format!("larder: {text}"));
        }
    }

    fn stderr(self, line: &str) {
        // When stderr is gone there is nobody left to tell.
        let _ = writeln!(io::stderr().lock(), "{line}");
    }
}

/// Tells a person at a terminal, and nobody else, what is going on.
pub(crate) fn spinner(output: Output) -> ProgressBar {
    if output.json || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    bar.enable_steady_tick(Duration::from_millis(100));
    bar.with_style(style("{spinner} {wide_msg}"))
}

/// The style of a progress bar.
pub(crate) fn style(template: &str) -> ProgressStyle {
    // A template that does not parse costs its looks, not the command.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

/// The fields of a JSON object.
#[derive(Debug, Default)]
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A field.
    pub(crate) fn put(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// A field of bytes: text if they are UTF-8, else base64 in `<name>_base64`.
    pub(crate) fn bytes(self, name: &str, bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.put(name, text),
            Err(_) => self.put(&format!("{name}_base64"), BASE64_STANDARD.encode(bytes)),
        }
    }

    /// All of them, as one line of JSON.
    pub(crate) fn line(self) -> String {
        Value::Object(self.0).to_string()
    }
}

impl From<Fields> for Value {
    fn from(fields: Fields) -> Self {
        Self::Object(fields.0)
    }
}

/// Bytes in one line of text, for people: what is printable UTF-8 as it is, the rest escaped.
pub(crate) fn escaped(bytes: &[u8]) -> String {
    let mut line = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => line.push_str("\\\\"),
                c if c.is_control() => line.extend(c.escape_default()),
                c => line.push(c),
            }
        }
        line.push_str(&chunk.invalid().escape_ascii().to_string());
    }
    line
}

/// Whole milliseconds, for machines.
pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Milliseconds and parts of them, for what was measured.
pub(crate) fn exact_millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Lines with a label each, folded so that they fit a terminal.
pub(crate) fn labelled(rows: &[(&str, String)]) -> String {
    const INDENT: &str = "          ";
    let line = |(label, text): &(&str, String)| {
        let folded = folded(text, INDENT);
        format!(
            "{label:<width$}{}",
            &folded[INDENT.len().min(folded.len())..],
            width = INDENT.len()
        )
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Folds a text between words into lines that fit a terminal, each with this indent.
pub(crate) fn folded(text: &str, indent: &str) -> String {
    const WIDTH: usize = 80;
    let (mut folded, mut column) = (String::new(), WIDTH);
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column + 1 + length > WIDTH {
            if !folded.is_empty() {
                folded.push('\n');
            }
            folded.push_str(indent);
            column = indent.len();
        } else {
            folded.push(' ');
            column += 1;
        }
        folded.push_str(word);
        column += length;
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_folded_between_words() {
        let text = "word ".repeat(30);
        let folded = folded(&text, "  ");
        assert_eq!(folded.lines().map(str::len).max(), Some(76));
        assert!(folded.lines().all(|line| line.starts_with("  word")), "{folded}");
        assert_eq!(folded.split_whitespace().count(), 30);
    }

    #[test]
    fn what_is_labelled_stands_in_a_column_of_its_own() {
        let text = labelled(&[("one", "word ".repeat(20)), ("another", "x".to_owned())]);
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[0].starts_with("one       word"), "{text}");
        assert!(lines[1].starts_with("          word"), "{text}");
        assert_eq!(lines[2], "another   x");
        assert!(lines.iter().all(|line| line.len() <= 80), "{text}");
    }

    #[test]
    fn a_field_of_bytes_is_lossless() {
        let line = Fields::new().bytes("text", "Zoë\n".as_bytes()).bytes("raw", b"\xff\0").line();
        assert_eq!(line, r#"{"raw_base64":"/wA=","text":"Zoë\n"}"#);
    }

    #[test]
    fn escaped_bytes_are_one_unambiguous_line() {
        assert_eq!(escaped("Zoë".as_bytes()), "Zoë");
        assert_eq!(escaped(b"a\n\x1b\\n\xff"), r"a\n\u{1b}\\n\xff");
    }
}
