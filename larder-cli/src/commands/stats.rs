use std::fmt::Write as _;

use bytesize::ByteSize;
use clap::Args;
use larder::explain::{Ages, Large, Sort, Survey};
use serde_json::Value;

use super::words;
use crate::{
    context::Context,
    failure::{Failure, Outcome},
    output::{Fields, escaped, labelled, spinner},
    table::{align_right, table},
};

/// Count the entries of the namespace and of those inside it.
///
/// Reads all of them, a few at a time, and changes nothing: on a big cache it takes a while, and the
/// cache works for it. What comes and goes meanwhile may be missing or counted twice. Whether tags hold is
/// not asked: `larder explain KEY` does.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  larder --namespace shop stats --top 20")]
pub(crate) struct Stats {
    /// How many of the largest entries are named.
    #[arg(long, value_name = "N", default_value_t = 5)]
    top: u16,
}

impl Stats {
    pub(crate) async fn run(self, context: &Context) -> Result<Outcome, Failure> {
        let spinner = spinner(context.output);
        spinner.set_message("reading the entries …");
        let survey = context.space.survey(self.top.into()).await;
        spinner.finish_and_clear();
        let survey = survey?;
        let namespace = context.space.namespace().as_str();
        context.output.result(&text(namespace, &survey), fields(namespace, &survey))?;
        Ok(Outcome::Done)
    }
}

fn text(namespace: &str, survey: &Survey) -> String {
    let mut sorts = table([&format!("in {namespace}"), "entries", "bytes"]);
    let found = |sort: &Sort| survey.of(*sort).entries > 0;
    for sort in Sort::ALL.into_iter().filter(found) {
        let tally = survey.of(sort);
        let size = ByteSize(tally.bytes).to_string();
        sorts.add_row([words::sort(sort).to_owned(), tally.entries.to_string(), size]);
    }
    let size = ByteSize(survey.all.bytes).to_string();
    sorts.add_row(["all".to_owned(), survey.all.entries.to_string(), size]);
    align_right(&mut sorts, 1);
    align_right(&mut sorts, 2);

    let mut text = format!("{sorts}\n{}", labelled(&rows(survey)));
    if !survey.largest.is_empty() {
        text.push_str("\nlargest");
        for Large { key, sort, bytes, .. } in &survey.largest {
            let (size, key) = (ByteSize(*bytes).to_string(), escaped(key.as_bytes()));
            let _ = write!(text, "\n  {size:>10}  {:<9}  {key}", words::sort(*sort));
        }
    }
    text
}

fn rows(survey: &Survey) -> Vec<(&'static str, String)> {
    let Survey { answers, lifetimes, damaged, .. } = survey;
    let mut rows = vec![
        (
            "answers",
            format!(
                "{} fresh, {} stale, {} past their time",
                answers.fresh, answers.stale, answers.past
            ),
        ),
        ("age", ages(&survey.ages)),
        ("lifetime", format!("{}, {} for ever", ages(&lifetimes.ending), lifetimes.never)),
    ];
    if survey.of(Sort::Damaged).entries > 0 {
        let causes = [
            (damaged.foreign, "of an unknown format"),
            (damaged.corrupt, "cut short or changed"),
            (damaged.over_limit, "over the limit"),
            (damaged.unsupported, "unsupported"),
        ];
        let causes = causes.iter().filter(|(count, _)| *count > 0);
        let causes: Vec<_> = causes.map(|(count, cause)| format!("{count} {cause}")).collect();
        rows.push(("damaged", causes.join(", ")));
    }
    rows
}

fn ages(ages: &Ages) -> String {
    let Ages { minute, hour, day, longer, .. } = ages;
    format!("{minute} up to 1m, {hour} up to 1h, {day} up to 1day, {longer} longer")
}

fn fields(namespace: &str, survey: &Survey) -> Fields {
    let Survey { answers, damaged, lifetimes, .. } = survey;
    let sorts = Sort::ALL.into_iter().fold(Fields::new(), |fields, sort| {
        let tally = survey.of(sort);
        let tally = Fields::new().put("entries", tally.entries).put("bytes", tally.bytes);
        fields.put(words::sort(sort), tally)
    });
    Fields::new()
        .put("namespace", namespace)
        .put("entries", survey.all.entries)
        .put("bytes", survey.all.bytes)
        .put("vanished", survey.vanished)
        .put("sorts", sorts)
        .put(
            "answers",
            Fields::new()
                .put("fresh", answers.fresh)
                .put("stale", answers.stale)
                .put("past", answers.past),
        )
        .put("ages", ages_of(&survey.ages))
        .put("lifetimes", ages_of(&lifetimes.ending).put("never", lifetimes.never))
        .put(
            "damaged",
            Fields::new()
                .put("foreign", damaged.foreign)
                .put("corrupt", damaged.corrupt)
                .put("over_limit", damaged.over_limit)
                .put("unsupported", damaged.unsupported),
        )
        .put("largest", survey.largest.iter().map(large).collect::<Vec<Value>>())
}

fn ages_of(ages: &Ages) -> Fields {
    Fields::new()
        .put("minute", ages.minute)
        .put("hour", ages.hour)
        .put("day", ages.day)
        .put("longer", ages.longer)
}

fn large(large: &Large) -> Value {
    Fields::new()
        .bytes("key", large.key.as_bytes())
        .put("sort", words::sort(large.sort))
        .put("bytes", large.bytes)
        .into()
}
