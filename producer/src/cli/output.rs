//! What commands print: data on standard output, everything else on stderr.
//!
//! Whatever a terminal would obey in it is made visible here, because much of it is text of others.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write};

use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use tilefleet_common::terminal::{visible, visible_line};

use crate::error::ProducerError;

/// The format of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Table,
    /// One JSON value
    Json,
    /// One JSON value per line
    Ndjson,
}

/// Standard output in one format. Nothing is visible before a flush.
pub(crate) struct Output {
    pub(crate) format: Format,
    writer: Box<dyn Write + Send>,
}

impl Output {
    pub(crate) fn standard(format: Format) -> Self {
        Self::new(format, io::BufWriter::new(io::stdout()))
    }

    fn new(format: Format, writer: impl Write + Send + 'static) -> Self {
        Self {
            format,
            writer: Box::new(writer),
        }
    }

    /// Writes one JSON value: on one line, or indented where the format is JSON.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<(), ProducerError> {
        let text = match self.format {
            Format::Json => serde_json::to_string_pretty(value),
            Format::Table | Format::Ndjson => serde_json::to_string(value),
        };
        self.line(&text.map_err(|error| ProducerError::Output(error.into()))?)
    }

    /// Writes a line.
    pub(crate) fn line(&mut self, line: &str) -> Result<(), ProducerError> {
        self.text(line)?;
        self.text("\n")
    }

    /// Writes text without a line end.
    pub(crate) fn text(&mut self, text: &str) -> Result<(), ProducerError> {
        let text = match self.format {
            Format::Table => visible(text),
            Format::Json | Format::Ndjson => visible_json(text),
        };
        self.writer
            .write_all(text.as_bytes())
            .map_err(ProducerError::Output)
    }

    /// Writes a table without borders, as wide as its content: no line is wrapped, and `awk` can
    /// split it.
    pub(crate) fn table(
        &mut self,
        header: Option<&[&str]>,
        rows: &[Vec<String>],
    ) -> Result<(), ProducerError> {
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled);
        if let Some(header) = header {
            table.set_header(header.to_vec());
        }
        // Escaped before it is measured.
        for row in rows {
            table.add_row(row.iter().map(|cell| visible_line(cell).into_owned()));
        }
        for line in table.lines() {
            self.line(line.trim())?;
        }
        Ok(())
    }

    /// Writes items in the format: as rows of a table with `header`, as a JSON array, or one per
    /// line. Flushes them.
    pub(crate) fn rows<T: Serialize>(
        &mut self,
        header: &[&str],
        items: &[T],
        row: impl Fn(&T) -> Vec<String>,
    ) -> Result<(), ProducerError> {
        match self.format {
            Format::Table => {
                let rows: Vec<_> = items.iter().map(row).collect();
                self.table(Some(header), &rows)?;
            }
            Format::Json => self.json(&items)?,
            Format::Ndjson => items.iter().try_for_each(|item| self.json(item))?,
        }
        self.flush()
    }

    /// Writes what a command has done, as `line` for people or as JSON, and flushes it.
    pub(crate) fn outcome(
        &mut self,
        line: &str,
        outcome: &impl Serialize,
    ) -> Result<(), ProducerError> {
        match self.format {
            Format::Table => self.line(&visible_line(line))?,
            Format::Json | Format::Ndjson => self.json(outcome)?,
        }
        self.flush()
    }

    /// Makes visible what was written so far.
    pub(crate) fn flush(&mut self) -> Result<(), ProducerError> {
        self.writer.flush().map_err(ProducerError::Output)
    }
}

/// JSON in which the control characters that JSON may have within strings are escaped.
fn visible_json(text: &str) -> Cow<'_, str> {
    let is_obeyed = |sign: char| sign.is_control() && !sign.is_ascii_whitespace();
    if !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len());
    for sign in text.chars() {
        if is_obeyed(sign) {
            // Writing to a string does not fail.
            let _ = write!(escaped, "\\u{:04x}", u32::from(sign));
        } else {
            escaped.push(sign);
        }
    }
    Cow::Owned(escaped)
}

/// Prints a line to stderr, where everything goes that is not data.
pub(crate) fn note(text: &str) {
    // A note that cannot be printed is not a reason to stop.
    let _ = writeln!(io::stderr().lock(), "{}", visible_line(text));
}

/// A progress bar on stderr if that is a terminal, else one that draws nothing.
pub(crate) fn progress_bar(length: u64, template: &str) -> ProgressBar {
    let target = if io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(length), target);
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style.progress_chars("█▉▊▋▌▍▎▏ ")),
        // A template of ours that is wrong spoils the looks, not the task.
        Err(_) => bar,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What `print` writes in `format`.
    pub(crate) fn printed(
        format: Format,
        print: impl FnOnce(&mut Output) -> Result<(), ProducerError>,
    ) -> String {
        let shared = Shared::default();
        print(&mut Output::new(format, shared.clone())).unwrap();
        let bytes = shared.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    /// What a command prints for each outcome: the lines for people, then as NDJSON.
    pub(crate) fn printed_outcomes<T: Serialize>(outcomes: &[T], line: fn(&T) -> String) -> String {
        let print = |output: &mut Output| {
            let mut outcomes = outcomes.iter();
            outcomes.try_for_each(|outcome| output.outcome(&line(outcome), outcome))
        };
        format!(
            "{}\n{}",
            printed(Format::Table, print),
            printed(Format::Ndjson, print)
        )
    }

    #[test]
    fn what_a_terminal_would_obey_is_visible_in_every_format() {
        let reason = "a\u{1b}[2J\u{9b}31m\u{7f}\rb\tc\nd";
        let table = printed(Format::Table, |output| {
            output.line(reason)?;
            output.table(None, &[vec![reason.to_owned(), "end".to_owned()]])?;
            output.outcome(reason, &())
        });
        for (format, text) in [
            (Format::Table, table),
            (
                Format::Json,
                printed(Format::Json, |output| output.json(&[reason])),
            ),
            (
                Format::Ndjson,
                printed(Format::Ndjson, |output| {
                    output.rows(&["REASON"], &[reason], |_| vec![])
                }),
            ),
        ] {
            let obeyed = |sign: char| sign.is_control() && !matches!(sign, '\n' | '\t');
            assert!(!text.contains(obeyed), "{text:?}");
            if format == Format::Table {
                let escaped = "a\\u{1b}[2J\\u{9b}31m\\u{7f}\\u{d}b\tc\nd\n";
                assert!(text.starts_with(escaped), "{text}");
                continue;
            }
            let read: serde_json::Value = serde_json::from_str(&text).unwrap();
            let same = [serde_json::json!(reason), serde_json::json!([reason])];
            assert!(same.contains(&read), "JSON means the same: {read}");
        }
    }

    #[test]
    fn a_table_has_one_line_a_row_and_no_borders() {
        let rows =
            [["t-1", "RUNNING"], ["t-100", "COMPLETE"]].map(|row| row.map(str::to_owned).to_vec());
        let text = printed(Format::Table, |output| {
            output.table(Some(&["TASK", "STATE"]), &rows)
        });
        insta::assert_snapshot!(text, @r"
        TASK   STATE
        t-1    RUNNING
        t-100  COMPLETE
        ");
    }
}
