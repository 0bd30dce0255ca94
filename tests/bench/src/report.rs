//! Tables in Markdown, and putting them between their marks in a document.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::measure::Figure;
use crate::rounds::Series;

/// The medians of every contender, and the first one's ratio to each.
pub(crate) fn comparison(series: &[Series]) -> String {
    let mut text = String::from(
        "| | CPU s | wall s | peak MB | out MB | ours / it: CPU | wall | peak | bytes |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for row in series {
        cost_cells(&mut text, row);
        match series.first().filter(|ours| ours.name != row.name) {
            None => text += " | | | | |\n",
            Some(ours) => {
                let figures: [Figure; 4] = [|c| c.cpu, |c| c.wall, |c| c.peak, |c| c.output];
                for figure in figures {
                    let _ = write!(text, " | {:.2}", ours.ratio(row, figure));
                }
                text += " |\n";
            }
        }
    }
    text
}

/// The medians of every contender.
pub(crate) fn costs(series: &[Series]) -> String {
    let mut text = String::from("| | CPU s | wall s | peak MB | out MB |\n|---|--:|--:|--:|--:|\n");
    for row in series {
        cost_cells(&mut text, row);
        text += " |\n";
    }
    text
}

fn cost_cells(text: &mut String, row: &Series) {
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "| {} | {:.2} | {:.2} | {:.0} | {:.1}",
        row.name,
        row.median(|cost| cost.cpu),
        row.median(|cost| cost.wall),
        row.median(|cost| cost.peak),
        row.median(|cost| cost.output)
    );
}

/// Decoders: how fast a processor is with each.
#[expect(clippy::cast_precision_loss, reason = "pixels of an image are far below 2^52")]
pub(crate) fn decoders(series: &[Series], pixels: u64) -> String {
    let mut text = String::from(
        "| | CPU s | MPixel/s of one core | peak MB | ours / it: CPU |\n|---|--:|--:|--:|--:|\n",
    );
    for row in series {
        let cpu = row.median(|cost| cost.cpu);
        let speed = pixels as f64 / 1e6 / cpu;
        let _ =
            write!(text, "| {} | {cpu:.2} | {speed:.1} | {:.0} |", row.name, row.median(|cost| cost.peak));
        match series.first().filter(|ours| ours.name != row.name) {
            None => text += " |\n",
            Some(ours) => {
                let _ = writeln!(text, " {:.2} |", ours.ratio(row, |cost| cost.cpu));
            }
        }
    }
    text
}

/// Replaces what stands between `<!-- NAME -->` and `<!-- /NAME -->` in the document.
pub(crate) fn put(document: &Path, name: &str, table: &str) -> Result<()> {
    let text =
        std::fs::read_to_string(document).with_context(|| format!("cannot read {}", document.display()))?;
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let marks = || format!("{} has no place for the table {name}: {begin}{end}", document.display());
    let (before, rest) = text.split_once(&begin).with_context(marks)?;
    let (_, after) = rest.split_once(&end).with_context(marks)?;
    std::fs::write(document, format!("{before}{begin}\n{table}\n{end}{after}"))
        .with_context(|| format!("cannot write {}", document.display()))
}
