//! What happened around a read that should not have been possible, for those who want to know why.

use std::fmt::Write as _;

use super::{
    checker::Violation,
    keys::tagged,
    log::{History, Moment, Scope, Seen},
};

/// How many lines are shown of it.
const LINES: usize = 60;
/// How far back they go.
const BEFORE: Moment = 3_000_000_000;

/// In a line.
pub(super) fn describe(history: &History, violation: &Violation) -> String {
    let (read, why) = (&violation.read, violation.why);
    let value = match read.seen {
        Seen::Value(number) => match history.writes.get(number) {
            Some(write) => format!("value {number} of {}", ms(write.ended)),
            None => format!("value {number}"),
        },
        Seen::Nothing => "nothing".to_owned(),
    };
    let near = if read.told_within > 0 { " near" } else { "" };
    format!(
        "{why:?}: server {} read{near} {value} under key {} ({:?}) from {} to {}",
        read.server,
        read.key,
        tagged(read.key),
        ms(read.begun),
        ms(read.ended)
    )
}

/// All that happened to the key before.
pub(super) fn trace(history: &History, violation: &Violation) -> String {
    let read = &violation.read;
    let mut lines = Vec::new();
    for (number, write) in history.writes.iter().enumerate() {
        if write.key == read.key {
            let what = if write.is_nothing { "nothing" } else { "value" };
            lines.push((write.begun, write.ended, format!("write of {what} {number}")));
        }
    }
    for kill in history.kills.iter().filter(|kill| kill.key == read.key) {
        let scope = if kill.scope == Scope::Own { ", queued" } else { "" };
        let what = format!("invalidated by server {}{scope}", kill.server);
        lines.push((kill.begun, kill.ended, what));
    }
    for span in history.spans.iter().filter(|span| span.keys.contains(&read.key)) {
        let what = format!("load by server {} of {:?}", span.server, span.keys);
        lines.push((span.begun, span.ended, what));
    }
    for other in history.reads.iter().filter(|other| other.key == read.key) {
        let near = if other.told_within > 0 { "near read" } else { "read" };
        let what = format!("{near} by server {}: {:?}", other.server, other.seen);
        lines.push((other.begun, other.ended, what));
    }
    lines.retain(|(begun, ended, _)| {
        *begun <= read.ended && ended.saturating_add(BEFORE) > read.begun
    });
    lines.sort_unstable();
    let mut text = String::new();
    for (begun, ended, what) in lines.split_off(lines.len().saturating_sub(LINES)) {
        let _ = writeln!(text, "  {:>12} – {:>12}  {what}", ms(begun), ms(ended));
    }
    text
}

fn ms(moment: Moment) -> String {
    if moment == Moment::MAX { "?".to_owned() } else { format!("{:.6}", moment as f64 / 1e6) }
}
