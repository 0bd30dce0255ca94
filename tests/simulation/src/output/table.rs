//! The table for terminals and documents, in Markdown.

use std::fmt::Write as _;

use crate::fleet::outcome::Outcome;

/// A row: a simulation and its result.
pub type Row = (String, Outcome);

/// Headings, and whether their column is of numbers.
const HEADINGS: [&str; 9] = [
    "cells",
    "time to drain",
    "peak workers",
    "instance-hours",
    "of these idle",
    "idle %",
    "minutes to zero",
    "interruptions",
    "instance-hours per 1,000 cells",
];

/// All rows as a table of Markdown, its columns aligned.
pub fn markdown(rows: &[Row]) -> String {
    let cells: Vec<Vec<String>> = std::iter::once(HEADINGS.map(str::to_owned).to_vec())
        .chain(rows.iter().map(|(name, outcome)| row(name, outcome)))
        .collect();
    let widths: Vec<usize> = (0..HEADINGS.len())
        .map(|column| {
            cells
                .iter()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    // Writing to a string cannot fail.
    let mut text = String::new();
    for (index, row) in cells.iter().enumerate() {
        let padded: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:>width$}"))
            .collect();
        let _ = writeln!(text, "| {} |", padded.join(" | "));
        if index == 0 {
            let rules: Vec<String> = widths
                .iter()
                .map(|width| format!("{}:", "-".repeat(width - 1)))
                .collect();
            let _ = writeln!(text, "| {} |", rules.join(" | "));
        }
    }
    text
}

fn row(name: &str, outcome: &Outcome) -> Vec<String> {
    let never = || "never".to_owned();
    vec![
        name.to_owned(),
        outcome.drain_seconds().map_or_else(never, duration),
        outcome.peak.to_string(),
        format!("{:.2}", outcome.paid_hours()),
        format!("{:.2}", outcome.idle_hours()),
        format!("{:.1}", outcome.idle_percent()),
        outcome
            .shutdown_seconds()
            .map_or_else(never, |seconds| seconds.div_ceil(60).to_string()),
        outcome.interruptions.to_string(),
        format!("{:.2}", outcome.hours_per_thousand()),
    ]
}

/// A number with its thousands set apart.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Seconds as a duration in words.
pub fn duration(seconds: u64) -> String {
    match seconds {
        0..5400 => format!("{} min", seconds.div_ceil(60)),
        5400..172_800 => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_durations_read_well() {
        assert_eq!(grouped(1), "1");
        assert_eq!(grouped(1_000_000), "1,000,000");
        assert_eq!(duration(61), "2 min");
        assert_eq!(duration(7260), "2 h 01 min");
        assert_eq!(duration(180_000), "2 d 2 h");
    }
}
