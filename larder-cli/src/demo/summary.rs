//! What is printed when the play is over.

use std::{fmt::Write as _, time::Duration};

use comfy_table::{Cell, Color, Table};

use super::{
    scene::{End, Scene},
    scenes::Play,
    stage::Stage,
};
use crate::{
    failure::Failure,
    output::{Fields, Output, exact_millis, folded},
    table,
};

/// Prints the table and what it comes to, for people or for machines.
pub(crate) fn print(play: &Play, stage: &Stage, output: Output) -> Result<(), Failure> {
    let saved = Saved::of(play);
    let fields = Fields::new()
        .put("cache", stage.cache.as_str())
        .put("namespace", stage.namespace())
        .put("server_processes", stage.processes())
        .put("scenes", play.scenes.iter().map(Scene::fields).collect::<Vec<_>>())
        .put("price", play.price.fields())
        .put("answers", saved.answers)
        .put("answers_without_origin", saved.without_origin)
        .put("saved_ms", exact_millis(saved.time))
        .put("ok", play.is_as_it_should_be());
    output.result(&text(play, stage, &saved), fields)?;
    Ok(())
}

/// How to try it oneself.
pub(crate) fn print_curl_lines(stage: &Stage, output: Output) -> Result<(), Failure> {
    let (a, b) = (stage.a, stage.b);
    let text = format!(
        "\n The servers stay up until Ctrl-C. Try each twice, or two at the same time:\n\n\
         curl -iN -H 'Accept: text/csv' http://{a}/mine\n\
         curl -iN -H 'Accept: text/csv' http://{b}/mine\n\
         curl -iN -H 'Accept: application/json' http://{b}/mine\n\n \
         A price from the servers' own memory, until one of them is told that it changed:\n\n\
         curl http://{a}/prices/mine\n\
         curl http://{b}/prices/mine\n\
         curl -X POST http://{a}/prices/mine/invalidate"
    );
    let fields = Fields::new().put("a", a.to_string()).put("b", b.to_string());
    output.result(&text, fields)?;
    Ok(())
}

fn text(play: &Play, stage: &Stage, saved: &Saved) -> String {
    let mut text = format!(
        "\n One cache: {}. {}.\n The origin streams its report in {}; `origin` is how often it is asked.\n\n",
        stage.cache,
        capitalised(&stage.shape()),
        shown(play.origin_takes),
    );
    for line in drawn(play).to_string().lines() {
        let _ = writeln!(text, " {line}");
    }
    for (what, mistake) in play.mistakes() {
        let _ = writeln!(text, " WRONG: {what}: {mistake}");
    }
    let _ = writeln!(text, "\n{}", folded(&play.price.told(), " "));
    let _ = write!(
        text,
        " {} of {} reports came without the origin. That saved it {} of work and\n the readers {} of \
         waiting",
        saved.without_origin,
        saved.answers,
        shown(saved.time),
        shown(saved.waiting),
    );
    text.push_str(match play.is_as_it_should_be() {
        true => "; every byte was the origin's.\n",
        false => ", but not everything was as it should be.\n",
    });
    text
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn drawn(play: &Play) -> Table {
    let mut table = table::table(["what happens", "first byte", "total", "origin", "client gets"]);
    for row in play.scenes.iter().map(Scene::row).chain(play.price.rows()) {
        let calls =
            if row.origin_calls == 0 { "–".to_owned() } else { row.origin_calls.to_string() };
        let (got, colour) = match row.is_right {
            true => (format!("✓ {}", row.got), Color::Green),
            false => ("✗ WRONG".to_owned(), Color::Red),
        };
        // Colours reach terminals only.
        table.add_row([
            Cell::new(row.what),
            Cell::new(row.first_byte.map_or_else(|| "–".to_owned(), shown)),
            Cell::new(shown(row.total)),
            Cell::new(calls),
            Cell::new(got).fg(colour),
        ]);
    }
    for column in 1..4 {
        table::align_right(&mut table, column);
    }
    table
}

/// `3.2 ms`, `142 ms` or `1.43 s`; what is next to nothing is `under 0.1 ms`.
pub(super) fn shown(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1000.0;
    match millis {
        ..0.05 => "under 0.1 ms".to_owned(),
        ..10.0 => format!("{millis:.1} ms"),
        ..1000.0 => format!("{millis:.0} ms"),
        _ => format!("{:.2} s", millis / 1000.0),
    }
}

/// What the cache was good for.
#[derive(Debug)]
struct Saved {
    /// Whole reports that came through the servers.
    answers: u64,
    /// How many of them the origin was not asked for.
    without_origin: u64,
    /// What the origin would have worked on those.
    time: Duration,
    /// What their clients would have waited longer.
    waiting: Duration,
}

impl Saved {
    fn of(play: &Play) -> Self {
        let served = |scene: &&Scene| scene.server != "–" && scene.expected.end == End::Whole;
        let answers = play.scenes.iter().filter(served).count() as u64;
        let hits = || play.scenes.iter().filter(served).filter(|scene| scene.origin_calls == 0);
        Self {
            answers,
            without_origin: hits().count() as u64,
            time: hits().map(|_| play.origin_takes).sum(),
            waiting: hits().map(|scene| play.origin_takes.saturating_sub(scene.total)).sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_with_what_matters_of_them() {
        assert_eq!(shown(Duration::from_micros(40)), "under 0.1 ms");
        assert_eq!(shown(Duration::from_micros(3_240)), "3.2 ms");
        assert_eq!(shown(Duration::from_millis(142)), "142 ms");
        assert_eq!(shown(Duration::from_millis(1_434)), "1.43 s");
    }
}
