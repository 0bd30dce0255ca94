//! Answers on standard output.

use std::io::{self, IsTerminal as _, Write};

use comfy_table::{ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::cli::Format;
use crate::error::ProducerError;

/// Standard output, and how it is to be written.
pub(crate) struct Output {
    pub(crate) format: Format,
    writer: Box<dyn Write + Send>,
}

impl Output {
    pub(crate) fn standard(format: Format) -> Self {
        Self {
            format,
            writer: Box::new(io::BufWriter::new(io::stdout())),
        }
    }

    /// Writes one JSON value as the format has it: over several lines, or on one.
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

    /// Writes a table without lines, as wide as it needs to be: it is cut by nobody and can be
    /// taken apart by `awk`.
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

    /// Writes what a command has done, in words or as JSON, and makes it visible.
    pub(crate) fn report(
        &mut self,
        line: &str,
        report: &impl Serialize,
    ) -> Result<(), ProducerError> {
        match self.format {
            Format::Table => self.line(line)?,
            Format::Json | Format::Ndjson => self.json(report)?,
        }
        self.flush()
    }

    /// Makes what was written so far visible.
    pub(crate) fn flush(&mut self) -> Result<(), ProducerError> {
        self.writer.flush().map_err(ProducerError::Output)
    }
}

/// Tells something on stderr that is no data and no error.
pub(crate) fn note(text: &str) {
    // A note that nobody can read is no reason to stop.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Whether somebody looks at stderr.
pub(crate) fn stderr_is_watched() -> bool {
    io::stderr().is_terminal()
}

/// A bar on stderr if that is a terminal, else one that draws nothing.
pub(crate) fn bar(length: u64, template: &str) -> ProgressBar {
    let target = if stderr_is_watched() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(length), target);
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style.progress_chars("█▉▊▋▌▍▎▏ ")),
        // A template of ours that is wrong costs the looks, not the task.
        Err(_) => bar,
    }
}
