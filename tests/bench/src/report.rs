//! Tables in Markdown, and their insertion between marks in a document.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::load::{Run, Spent};
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

/// Decoders, and the speed of each on one processor.
#[expect(
    clippy::cast_precision_loss,
    reason = "pixels of an image are far below 2^52"
)]
pub(crate) fn decoders(series: &[Series], pixels: u64) -> String {
    let mut text = String::from(
        "| | CPU s | MPixel/s of one core | peak MB | ours / it: CPU |\n|---|--:|--:|--:|--:|\n",
    );
    for row in series {
        let cpu = row.median(|cost| cost.cpu);
        let speed = pixels as f64 / 1e6 / cpu;
        let _ = write!(
            text,
            "| {} | {cpu:.2} | {speed:.1} | {:.0} |",
            row.name,
            row.median(|cost| cost.peak)
        );
        match series.first().filter(|ours| ours.name != row.name) {
            None => text += " |\n",
            Some(ours) => {
                let _ = writeln!(text, " {:.2} |", ours.ratio(row, |cost| cost.cpu));
            }
        }
    }
    text
}

/// What tasks of several sizes cost, and their memory over time.
pub(crate) fn load(runs: &[Run]) -> String {
    let mut text = String::from(
        "| cells | submitted: s | cells/s | CPU ms a cell | peak MB | worked on: s | cells/s | CPU ms a cell | MB after 10 % \
         | 30 % | 50 % | 70 % | 90 % | peak |\n|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for Run {
        cells,
        producer,
        workers,
        ..
    } in runs
    {
        let number = f64::from(*cells);
        let pace = |spent: &Spent| {
            format!(
                "{:.1} | {:.0} | {:.2}",
                spent.wall,
                number / spent.wall,
                1e3 * spent.cpu / number
            )
        };
        let _ = write!(
            text,
            "| {} | {} | {:.0} | {}",
            cells,
            pace(producer),
            producer.peak,
            pace(workers)
        );
        for part in [0.1, 0.3, 0.5, 0.7, 0.9] {
            let _ = write!(text, " | {:.0}", workers.resident_at(part));
        }
        let _ = writeln!(text, " | {:.0} |", workers.peak);
    }
    text
}

/// One side of a run, by its name.
type Side = (&'static str, fn(&Run) -> &Spent);

const SIDES: [Side; 2] = [
    ("producer", |run| &run.producer),
    ("workers", |run| &run.workers),
];

/// The AWS calls of those tasks by operation, for a thousand cells.
pub(crate) fn calls(runs: &[Run]) -> String {
    let mut text = String::from("| calls a 1,000 cells |");
    for run in runs {
        let _ = write!(text, " {} cells |", run.cells);
    }
    let _ = writeln!(text, "\n|---|{}", "--:|".repeat(runs.len()));
    for (side, spent) in SIDES {
        let operations: BTreeSet<&String> = runs
            .iter()
            .flat_map(|run| spent(run).calls.keys())
            .collect();
        for operation in operations {
            let calls = |run: &Run| spent(run).calls.get(operation).copied().unwrap_or(0);
            row(&mut text, &format!("{side}, {operation}"), runs, calls);
        }
    }
    let ledger = |run: &Run| {
        let calls = run.producer.calls.iter().chain(&run.workers.calls);
        calls
            .filter(|(operation, _)| operation.starts_with("dynamodb:"))
            .map(|(_, calls)| calls)
            .sum()
    };
    row(&mut text, "the ledger's together", runs, ledger);
    let all = |run: &Run| {
        run.producer
            .calls
            .values()
            .chain(run.workers.calls.values())
            .sum()
    };
    row(&mut text, "all", runs, all);
    text
}

/// A row, unless all its numbers are zero.
#[expect(
    clippy::cast_precision_loss,
    reason = "calls of a run are far below 2^52"
)]
fn row(text: &mut String, name: &str, runs: &[Run], calls: impl Fn(&Run) -> u64) {
    let shares: Vec<f64> = runs
        .iter()
        .map(|run| 1e3 * calls(run) as f64 / f64::from(run.cells))
        .collect();
    if shares.iter().all(|share| *share < 0.05) {
        return;
    }
    let _ = write!(text, "| {name} |");
    for share in shares {
        let _ = write!(text, " {share:.1} |");
    }
    text.push('\n');
}

/// Replaces what stands between `<!-- NAME -->` and `<!-- /NAME -->` in the document.
pub(crate) fn put(document: &Path, name: &str, table: &str) -> Result<()> {
    let text = std::fs::read_to_string(document)
        .with_context(|| format!("cannot read {}", document.display()))?;
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let marks = || {
        format!(
            "{} lacks the marks of the table {name}: {begin}{end}",
            document.display()
        )
    };
    let (before, rest) = text.split_once(&begin).with_context(marks)?;
    let (_, after) = rest.split_once(&end).with_context(marks)?;
    std::fs::write(document, format!("{before}{begin}\n{table}\n{end}{after}"))
        .with_context(|| format!("cannot write {}", document.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_shown_per_thousand_cells() {
        let calls = |name: &str, calls: u64| Spent {
            calls: [(name.to_owned(), calls)].into(),
            ..Spent::default()
        };
        let run = |cells: u32| Run {
            cells,
            producer: Spent {
                calls: [
                    ("dynamodb:PutItem".to_owned(), 10),
                    ("sns:Publish".to_owned(), 0),
                ]
                .into(),
                ..Spent::default()
            },
            workers: calls("s3:PutObject", cells.into()),
            endpoint: vec![],
        };
        let text = super::calls(&[run(1000), run(100_000)]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "| calls a 1,000 cells | 1000 cells | 100000 cells |"
        );
        assert_eq!(lines[2], "| producer, dynamodb:PutItem | 10.0 | 0.1 |");
        assert_eq!(lines[5], "| all | 1010.0 | 1000.1 |");
    }
}
