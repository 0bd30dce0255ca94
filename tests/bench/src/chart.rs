//! Bar charts of a cell's cost with each contender.

use std::fmt::Write as _;

use crate::measure::Figure;
use crate::rounds::Series;

const WIDTH: f64 = 760.0;
const LEFT: f64 = 230.0;
const RIGHT: f64 = 70.0;
const BAR: f64 = 18.0;
const PITCH: f64 = 24.0;

/// One group of bars a figure, one bar a contender, each group on a scale of its own.
#[expect(clippy::cast_precision_loss, reason = "places on paper")]
pub(crate) fn svg(series: &[Series]) -> String {
    let groups: [(&str, Figure); 4] = [
        ("processor seconds", |cost| cost.cpu),
        ("seconds", |cost| cost.wall),
        ("peak memory, MB", |cost| cost.peak),
        ("size of the output, MB", |cost| cost.output),
    ];
    let group_height = 30.0 + PITCH * series.len() as f64;
    let height = 20.0 + (group_height + 12.0) * groups.len() as f64;
    let mut text = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12" fill="#1a202c">
<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>
"##
    );
    for (index, (title, figure)) in groups.iter().enumerate() {
        let top = 14.0 + (group_height + 12.0) * index as f64;
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            r#"<text x="12" y="{}" font-weight="bold">{title}</text>"#,
            top + 12.0
        );
        let most = series
            .iter()
            .map(|row| row.median(*figure))
            .fold(f64::MIN_POSITIVE, f64::max);
        for (row, series) in series.iter().enumerate() {
            let value = series.median(*figure);
            let y = top + 22.0 + PITCH * row as f64;
            let length = (WIDTH - LEFT - RIGHT) * value / most;
            let colour = if row == 0 { "#2b6cb0" } else { "#a0aec0" };
            let _ = writeln!(
                text,
                r##"<text x="{}" y="{}" text-anchor="end">{}</text><rect x="{LEFT}" y="{y}" width="{length:.1}" height="{BAR}" fill="{colour}"/><text x="{:.1}" y="{}" fill="#4a5568">{}</text>"##,
                LEFT - 8.0,
                y + 13.0,
                series.name,
                LEFT + length + 6.0,
                y + 13.0,
                if value < 100.0 {
                    format!("{value:.1}")
                } else {
                    format!("{value:.0}")
                }
            );
        }
    }
    text += "</svg>\n";
    text
}
