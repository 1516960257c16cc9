//! One picture of all ratios: a bar per row, the peer as the line at 1, the goal as a tick.

use std::fmt::Write;

use crate::report::{Goal, Row};

const WIDTH: f64 = 860.0;
const LABELS: f64 = 380.0;
const LINE: f64 = 24.0;
/// Ratios past this are cut, and say so by their number.
const MOST: f64 = 3.0;

/// The plot, as SVG.
pub(crate) fn ratios(rows: &[Row]) -> String {
    let rows: Vec<_> = rows.iter().filter_map(|row| Some((row, row.ratio?))).collect();
    let height = LINE * (rows.len() as f64 + 2.5);
    let x = |ratio: f64| LABELS + ratio.min(MOST) / MOST * (WIDTH - LABELS - 60.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"8\" y=\"18\" font-weight=\"bold\">ours / peer, median of pairs in one run \
         (line: the peer; tick: the goal)</text>\n"
    );
    for (index, (row, ratio)) in rows.iter().enumerate() {
        let top = LINE * (index as f64 + 1.2);
        let fill = match row.reached {
            Some(true) => "#3a7d44",
            Some(false) => "#c0392b",
            None => "#7f8c8d",
        };
        let middle = top + LINE * 0.62;
        put(&mut svg, format_args!("<text x=\"8\" y=\"{middle}\">{}</text>", escape(&row.name)));
        put(
            &mut svg,
            format_args!(
                "<rect x=\"{LABELS}\" y=\"{}\" width=\"{:.1}\" height=\"{}\" fill=\"{fill}\"/>",
                top + 3.0,
                x(*ratio) - LABELS,
                LINE - 8.0
            ),
        );
        put(
            &mut svg,
            format_args!("<text x=\"{:.1}\" y=\"{middle}\">{ratio:.2}</text>", x(*ratio) + 6.0),
        );
        if let Some(Goal::AtMost(bound) | Goal::AtLeast(bound)) = row.goal {
            put(
                &mut svg,
                format_args!(
                    "<path d=\"M{0:.1} {1} V{2}\" stroke=\"#2c3e50\" stroke-width=\"2\"/>",
                    x(bound),
                    top,
                    top + LINE - 2.0
                ),
            );
        }
    }
    put(
        &mut svg,
        format_args!(
            "<path d=\"M{0:.1} {1} V{2}\" stroke=\"black\" stroke-dasharray=\"3 3\"/>",
            x(1.0),
            LINE,
            height - LINE
        ),
    );
    svg.push_str("</svg>\n");
    svg
}

fn put(svg: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(svg, "{line}").expect("writing to a string does not fail");
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
