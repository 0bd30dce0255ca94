//! What commands print: data on standard output, everything else on stderr.

use std::io::{self, IsTerminal as _, Write};

use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

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
        let written = match self.format {
            Format::Json => serde_json::to_writer_pretty(&mut self.writer, value),
            Format::Table | Format::Ndjson => serde_json::to_writer(&mut self.writer, value),
        };
        written.map_err(|error| ProducerError::Output(error.into()))?;
        self.text("\n")
    }

    /// Writes a line.
    pub(crate) fn line(&mut self, line: &str) -> Result<(), ProducerError> {
        self.text(line)?;
        self.text("\n")
    }

    /// Writes text as it is.
    pub(crate) fn text(&mut self, text: &str) -> Result<(), ProducerError> {
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
        table.add_rows(rows.iter().cloned());
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
            Format::Table => self.line(line)?,
            Format::Json | Format::Ndjson => self.json(outcome)?,
        }
        self.flush()
    }

    /// Makes visible what was written so far.
    pub(crate) fn flush(&mut self) -> Result<(), ProducerError> {
        self.writer.flush().map_err(ProducerError::Output)
    }
}

/// Prints a line to stderr that is neither data nor an error.
pub(crate) fn note(text: &str) {
    // A note that cannot be printed is not a reason to stop.
    let _ = writeln!(io::stderr().lock(), "{text}");
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
